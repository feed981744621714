"""Where records go: the interface of every output, and the URI that names one."""

from pathlib import Path
from typing import Protocol

from producer.broker_uri import FORMS, BrokerUri, parse_broker_uri, shown
from producer.errors import RefusedError
from producer.spool import Spool
from producer.standard_output import StandardOutput


class Output(Protocol):
    """A place for records. All of it may raise ProducerError with a sentence that says what failed."""

    acknowledged: int
    """Records that have arrived for certain: on the broker, in a file, in the pipe."""

    def send(self, record: bytes, key: str) -> None:
        """Take one record (a JSON document, no end of line); it may stay in memory until flush.

        key names the sound; outputs that have partitions choose one by it.
        """

    def flush(self) -> None:
        """Return when everything sent has arrived, or raise; after an error nothing is left to flush."""

    def close(self) -> None:
        """Let go of connections and files."""


def open_output(uri: str) -> Output:
    """The output that a URI names: file:DIR (a spool directory, made if missing), - (standard output), or
    kafka://… and kinesis://… as `producer.broker_uri` has them.

    Raises RefusedError for anything else, for a directory that cannot be written, and for a broker that is not
    there, has no such topic or does not let us in.
    """
    scheme, colon, rest = uri.partition(":")
    if uri == "-":
        return StandardOutput()
    if scheme in FORMS and colon:
        try:
            return _open_broker(parse_broker_uri("to", uri))
        except ValueError as error:
            raise RefusedError(str(error)) from error
    if scheme != "file" or not colon:
        raise RefusedError(f"to must be file:DIR, {', '.join(FORMS.values())} or - (standard output){shown(uri)}")
    if rest.startswith("//") and not rest.startswith("///"):
        raise RefusedError(f"to must be file:DIR or file:///DIR (three slashes), got {uri!r}")
    directory = rest.removeprefix("//")
    if not directory:
        raise RefusedError(f"to must be file:DIR, with a directory, got {uri!r}")
    return Spool(Path(directory).expanduser())


def _open_broker(uri: BrokerUri) -> Output:
    # Their clients take half a second to import, which the other outputs need not wait for.
    if uri.scheme == "kafka":
        from producer.kafka import KafkaOutput  # noqa: PLC0415

        return KafkaOutput(uri)
    from producer.kinesis import KinesisOutput  # noqa: PLC0415

    return KinesisOutput(uri)
