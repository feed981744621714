"""A directory of files that a Flink file source can watch."""

import os
import re
import time
from contextlib import suppress
from pathlib import Path

from producer.errors import ProducerError, RefusedError

INTERVAL = 0.2  # seconds of waiting after which a file is written
LARGEST = 1 << 20  # bytes after which a file is written earlier
NAME = re.compile(r"(\d{20})\.jsonl")


class Spool:
    """Files of JSON lines that appear whole and whose names sort in the order of writing.

        .00001795291234567890123.jsonl ── written, then renamed ──▶ 00001795291234567890123.jsonl

    A name is the time of writing in nanoseconds, and always above the names already there, so the order
    holds over restarts of the producer, also when the clock was set back. Raises RefusedError if the
    directory cannot be made or written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.acknowledged = 0
        if directory.exists() and not directory.is_dir():
            raise RefusedError(f"{str(directory)!r} is not a directory.")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            names = os.listdir(directory)
        except OSError as error:
            raise RefusedError(f"The directory {str(directory)!r} cannot be used: {error.strerror}.") from error
        if not os.access(directory, os.W_OK | os.X_OK):
            raise RefusedError(f"The directory {str(directory)!r} cannot be used: it is not writable.")
        self._newest = max((int(match[1]) for match in map(NAME.fullmatch, names) if match), default=0)
        self._lines: list[bytes] = []
        self._size = 0
        self._oldest = 0.0

    def send(self, record: bytes, key: str) -> None:
        """Take one record; every INTERVAL or LARGEST bytes, what has gathered becomes a file."""
        if not self._lines:
            self._oldest = time.monotonic()
        self._lines.append(record + b"\n")
        self._size += len(record) + 1
        if self._size >= LARGEST or time.monotonic() - self._oldest >= INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered. Raises ProducerError if it cannot be written; it is given up then."""
        if not self._lines:
            return
        lines, self._lines, self._size = self._lines, [], 0
        self._newest = max(time.time_ns(), self._newest + 1)
        whole = self._directory / f"{self._newest:020d}.jsonl"
        hidden = whole.with_name(f".{whole.name}")
        try:
            hidden.write_bytes(b"".join(lines))
            hidden.rename(whole)
        except OSError as error:
            with suppress(OSError):
                hidden.unlink()
            raise ProducerError(
                f"The directory {str(self._directory)!r} cannot be written: {error.strerror}."
            ) from error
        self.acknowledged += len(lines)

    def close(self) -> None:
        pass
