"""The ends of the job as the command line names them: `file:PATH`, `print:`, `kafka://…`, `kinesis://…`."""

from dataclasses import dataclass
from pathlib import Path

from producer.broker_uri import FORMS, BrokerUri, parse_broker_uri, shown

_FORMS = {"file": "file:PATH", "print": "print:"} | FORMS
SOURCES = ("file", "kafka", "kinesis")
SINKS = ("file", "print", "kafka", "kinesis")


@dataclass(frozen=True)
class Uri:
    """`path` is absolute, and there for file only; `broker` for kafka and kinesis only."""

    scheme: str
    path: Path | None = None
    broker: BrokerUri | None = None

    def __str__(self) -> str:
        """The end without its options, which may have secrets."""
        if self.broker is not None:
            return f"{self.scheme}://{self.broker.servers}/{self.broker.topic}"
        return f"{self.scheme}:{self.path or ''}"


def parse_uri(name: str, text: str, schemes: tuple[str, ...]) -> Uri:
    """The end `text` of the option `name`, one of `schemes`.

    >>> parse_uri("sink", "print:", SINKS)
    Uri(scheme='print', path=None, broker=None)
    >>> parse_uri("source", "prin:", SOURCES)
    Traceback (most recent call last):
    ...
    ValueError: source must be file:PATH or kafka://HOST:PORT[,HOST:PORT…]/TOPIC or kinesis://REGION/STREAM, got 'prin:'
    """
    scheme, colon, rest = text.partition(":")
    of_broker = scheme in FORMS
    if (
        scheme not in schemes
        or not colon
        or bool(rest) != (scheme != "print")
        or (of_broker and not rest.startswith("//"))
    ):
        forms = " or ".join(_FORMS[known] for known in schemes)
        raise ValueError(f"{name} must be {forms}{shown(text)}")
    if of_broker:
        return Uri(scheme, broker=parse_broker_uri(name, text))
    return Uri(scheme, Path(rest).expanduser().absolute() if rest else None)
