"""The microphone, through PortAudio."""

import math
import queue
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from producer.counts import Counts
from producer.errors import ProducerError, RefusedError
from producer.pace import Heard, frames_per_block, now
from producer.stop import Stop

QUEUE_BLOCKS = 256  # ten seconds of sound at the default block length
PATIENCE = 5.0  # seconds without sound after which the device counts as gone
OTHERWISE = "without a microphone, use --from PATH (a sound file) or --from synthetic."


def portaudio() -> ModuleType:
    """The sounddevice module. Raises RefusedError if it or the PortAudio library is not installed."""
    try:
        import sounddevice  # noqa: PLC0415 - raises OSError without PortAudio, which only this needs
    except ImportError as error:
        raise RefusedError(
            f"The microphone needs the package sounddevice (pip install sounddevice); {OTHERWISE}"
        ) from error
    except OSError as error:
        raise RefusedError(
            "The microphone needs the PortAudio library: install libportaudio2 (Debian, Ubuntu) or portaudio "
            f"(macOS, Homebrew); {OTHERWISE}"
        ) from error
    return sounddevice


def list_devices() -> str:
    """The input devices, one a line: number, name, channels, rate."""
    inputs = [device for device in portaudio().query_devices() if device["max_input_channels"]]
    if not inputs:
        raise RefusedError(f"There is no input device; {OTHERWISE}")
    return "\n".join(
        f"{device['index']:>3}  {device['name']}  "
        f"({device['max_input_channels']} channels, {device['default_samplerate']:g} Hz)"
        for device in inputs
    )


class Microphone:
    """An input device at its own rate, mono or stereo. Raises RefusedError if there is no such device.

    device: number or part of the name, as --list-devices shows them; None is the system's default.

        PortAudio's thread ── never waits ──▶ queue ──▶ the main thread: volume, output
                                  └─ full: the block is dropped and counted
    """

    name = "microphone"

    def __init__(self, device: str | None, counts: Counts) -> None:
        self._sounddevice = portaudio()
        self._device = int(device) if device and device.isdecimal() else device
        self._counts = counts
        self._queue: queue.Queue[Heard] = queue.Queue(QUEUE_BLOCKS)
        self._heard = 0  # blocks, the dropped ones too
        self._wanted = math.inf
        try:
            found = self._sounddevice.query_devices(self._device, "input")
        except (self._sounddevice.PortAudioError, ValueError) as error:
            if device is None:
                raise RefusedError(f"There is no input device; {OTHERWISE}") from error
            raise RefusedError(f"device must be one of --list-devices, got {device!r}; {OTHERWISE}") from error
        self._rate: float = found["default_samplerate"]
        self._channels = min(found["max_input_channels"], 2)

    def listen(self, block: float, seconds: float | None, stop: Stop) -> Iterator[Heard]:
        """Blocks as they are heard, for so many seconds of sound, or until stop and the queue is empty.

        Raises RefusedError if the device cannot be opened, ProducerError if it gives no blocks any more.
        """
        frames = frames_per_block(block, self._rate)
        if seconds is not None:
            self._wanted = seconds * self._rate / frames
        try:
            stream = self._sounddevice.InputStream(
                device=self._device,
                samplerate=self._rate,
                channels=self._channels,
                blocksize=frames,
                callback=self._hear,
            )
        except self._sounddevice.PortAudioError as error:
            raise RefusedError(f"The microphone cannot be opened: {error}") from error
        last = time.monotonic()
        with stream:
            while self._heard < self._wanted and not stop.requested:
                try:
                    heard = self._queue.get(timeout=0.1)
                except queue.Empty:
                    if time.monotonic() - last > PATIENCE:
                        raise ProducerError(f"The microphone has given no sound for {PATIENCE:g} s.") from None
                    continue
                yield heard
                last = time.monotonic()
        while not self._queue.empty():
            yield self._queue.get_nowait()

    def _hear(self, samples: Any, frames: int, clock: Any, status: Any) -> None:
        """PortAudio's callback, in its own thread."""
        if self._heard >= self._wanted:
            return
        self._counts.overflows += bool(status.input_overflow)
        try:
            self._queue.put_nowait((now(), samples.copy()))
        except queue.Full:
            self._counts.dropped += 1
        self._heard += 1
