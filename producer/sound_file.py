"""Sound files, through libsndfile: WAV, FLAC, OGG and others, of any rate and number of channels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from producer.errors import ProducerError, RefusedError


class SoundFile:
    """A recording read from disk block by block. Raises RefusedError if path is no sound file or is empty."""

    def __init__(self, path: Path) -> None:
        import soundfile  # noqa: PLC0415 - the microphone and the synthetic room work without it

        if not path.is_file():
            raise RefusedError(f"There is no sound file {str(path)!r}.")
        if not path.stat().st_size:
            raise RefusedError(f"{str(path)!r} is empty.")
        try:
            self._file = soundfile.SoundFile(path)
        except (soundfile.LibsndfileError, TypeError) as error:
            # TypeError: soundfile takes a name ending in .raw for headerless samples and asks for their rate.
            reason = getattr(error, "error_string", "headerless samples.")
            raise RefusedError(f"{str(path)!r} cannot be read as a sound file: {reason}") from error
        if not self._file.frames:
            raise RefusedError(f"{str(path)!r} is empty: a sound file without samples.")
        self.name = path.name
        self.rate: int = self._file.samplerate
        self.seconds: float = self._file.frames / self.rate

    def blocks(self, frames: int) -> Iterator[NDArray[np.floating]]:
        """Blocks (frames, channels) to the end of the file. Raises ProducerError if it is damaged."""
        import soundfile  # noqa: PLC0415 - see above

        with self._file:
            while self._file.tell() < self._file.frames:
                try:
                    samples = self._file.read(frames, always_2d=True)
                except soundfile.LibsndfileError as error:
                    raise ProducerError(f"{self.name!r} is damaged: {error.error_string}") from error
                if not len(samples):
                    raise ProducerError(f"{self.name!r} is damaged: it ends before its announced length.")
                yield samples
