"""Where records go: the interface of every output, and the URI that names one."""

from pathlib import Path
from typing import Protocol

from producer.errors import RefusedError
from producer.spool import Spool
from producer.standard_output import StandardOutput


class Output(Protocol):
    """A place for records. All of it may raise ProducerError with a sentence that says what failed."""

    def send(self, record: bytes, key: str) -> None:
        """Take one record (a JSON document, no end of line); it may stay in memory until flush.

        key names the sound; outputs that have partitions choose one by it.
        """

    def flush(self) -> None:
        """Return when everything sent has arrived, or raise; after an error nothing is left to flush."""

    def close(self) -> None:
        """Let go of connections and files."""


def open_output(uri: str) -> Output:
    """The output that a URI names: file:DIR (a spool directory, made if missing) or - (standard output).

    Raises RefusedError for anything else, and for a directory that cannot be written.
    """
    scheme, colon, rest = uri.partition(":")
    if uri == "-":
        return StandardOutput()
    if scheme in ("kafka", "kinesis") and colon:
        raise RefusedError(f"to must be file:DIR or -, got {uri!r}: {scheme.title()} comes with a later version.")
    if scheme != "file" or not colon:
        raise RefusedError(f"to must be file:DIR or - (standard output), got {uri!r}")
    if rest.startswith("//") and not rest.startswith("///"):
        raise RefusedError(f"to must be file:DIR or file:///DIR (three slashes), got {uri!r}")
    directory = rest.removeprefix("//")
    if not directory:
        raise RefusedError(f"to must be file:DIR, with a directory, got {uri!r}")
    return Spool(Path(directory).expanduser())
