"""A room made of numbers: quiet, with shouts at known times. For tests, and where nothing can be heard."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FIRST_SHOUT, SHOUT_EVERY, SHOUT_SECONDS = 10, 15, 1
"""Shouts last from second 10 to 11, 25 to 26, 40 to 41 and so on."""


class SyntheticRoom:
    """Mono noise whose level breathes (volumes of about 0.8 to 1.8 at the default gain and block) and shouts
    (about 80). The samples depend on the seed alone, not on the length of the blocks.

    >>> room = SyntheticRoom(seconds=60, seed=0)
    >>> next(room.blocks(640)).shape
    (640, 1)
    """

    name = "synthetic"
    rate = 16_000

    def __init__(self, seconds: float, seed: int) -> None:
        self.seconds = seconds
        self._seed = seed

    def blocks(self, frames: int) -> Iterator[NDArray[np.floating]]:
        """Blocks (frames, 1) until the room's seconds are over; the last one may be shorter."""
        random = np.random.default_rng(self._seed)
        phases = random.uniform(0, 2 * np.pi, size=(3, 1))
        speeds = np.array([[0.7], [3.1], [7.3]])  # Hz: slow against the samples, quick against the blocks
        for start in range(0, round(self.seconds * self.rate), frames):
            end = min(start + frames, round(self.seconds * self.rate))
            time = np.arange(start, end) / self.rate
            level = 0.0031 * np.exp(0.14 * np.sin(2 * np.pi * speeds * time + phases).sum(axis=0))
            quiet = level * random.standard_normal(time.size)
            shouting = (time >= FIRST_SHOUT) & ((time - FIRST_SHOUT) % SHOUT_EVERY < SHOUT_SECONDS)
            yield (quiet + np.where(shouting, 0.3 * np.sin(2 * np.pi * 440 * time), 0))[:, np.newaxis]
