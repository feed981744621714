"""The ends of the job as the command line names them: `file:PATH`, `print:`."""

from dataclasses import dataclass
from pathlib import Path

_COMING = {"kafka", "kinesis"}


@dataclass(frozen=True)
class Uri:
    """`scheme` is file or print; `path` is absolute, and None for print."""

    scheme: str
    path: Path | None = None

    def __str__(self) -> str:
        return f"{self.scheme}:{self.path or ''}"


def parse_uri(name: str, text: str, schemes: tuple[str, ...]) -> Uri:
    """The end `text` of the option `name`, one of `schemes`.

    >>> parse_uri("sink", "print:", ("file", "print"))
    Uri(scheme='print', path=None)
    >>> parse_uri("source", "print:", ("file",))
    Traceback (most recent call last):
    ...
    ValueError: source must be file:PATH, got 'print:'
    """
    scheme, colon, rest = text.partition(":")
    forms = " or ".join({"file": "file:PATH", "print": "print:"}[known] for known in schemes)
    if scheme in _COMING and colon:
        raise ValueError(f"{name} must be {forms}, got {text!r}: {scheme} ends are not built yet")
    if scheme not in schemes or not colon or bool(rest) != (scheme == "file"):
        raise ValueError(f"{name} must be {forms}, got {text!r}")
    return Uri(scheme, Path(rest).expanduser().absolute() if rest else None)
