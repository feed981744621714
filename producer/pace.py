"""Plays a recording: gives its blocks their event times, as fast as the sound or as fast as can be."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from producer.errors import RefusedError
from producer.stop import Stop

Pace = Literal["real", "fast"]
Heard = tuple[datetime, NDArray[np.floating]]
"""When a block of sound ended (local time with its offset), and its samples (frames, channels)."""


class Recording(Protocol):
    """A sound of known length: a file or the synthetic room."""

    name: str
    rate: int  # frames per second
    seconds: float

    def blocks(self, frames: int) -> Iterator[NDArray[np.floating]]:
        """Blocks (frames, channels) in [-1, 1] one after the other; the last one may be shorter."""


def now() -> datetime:
    """Local time with its offset from UTC."""
    return datetime.now().astimezone()


def frames_per_block(block: float, rate: float) -> int:
    """Length of a block in frames. Raises RefusedError if block (seconds) is shorter than one frame."""
    frames = round(block * rate)
    if frames < 1:
        raise RefusedError(f"block must be at least one sample (1/{rate:g} s), got {block!r}")
    return frames


def play(recording: Recording, block: float, seconds: float | None, pace: Pace, stop: Stop) -> Iterator[Heard]:
    """Blocks of a recording with the times at which they end; no time ever lies in the future.

        real:  now ──▶ block ──▶ block ──▶     each is given out when it would have been heard
        fast:  block block block now           the recording ended just now; no waiting

    block and seconds are lengths in seconds; without seconds, all of the recording is played.
    """
    frames = frames_per_block(block, recording.rate)
    end = round(min(recording.seconds, seconds or recording.seconds) * recording.rate)
    first, clock = now(), time.monotonic()
    if pace == "fast":
        first -= timedelta(seconds=end / recording.rate)
    position = 0
    for whole in recording.blocks(frames):
        samples = whole[: end - position]
        position += len(samples)
        if pace == "real":
            stop.sleep_until(clock + position / recording.rate)
        if stop.requested or not len(samples):
            return
        yield first + timedelta(seconds=position / recording.rate), samples
