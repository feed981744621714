"""Records on standard output, one a line, each at once."""

import os

from producer.errors import ProducerError

STDOUT = 1


class StandardOutput:
    """Writes past Python's buffers: every line is out when send returns, and nothing is left over at exit.

    A reader that has gone away is no failure: BrokenPipeError passes through, for the caller to end quietly.
    """

    def __init__(self) -> None:
        self.acknowledged = 0

    def send(self, record: bytes, key: str) -> None:
        """Write one line. Raises ProducerError if it cannot be written."""
        line = memoryview(record + b"\n")
        try:
            while line:
                line = line[os.write(STDOUT, line) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ProducerError(f"Standard output cannot be written: {error.strerror}.") from error
        self.acknowledged += 1

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass
