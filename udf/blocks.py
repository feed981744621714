"""Reading JSON-lines files block by block, in order of their names: what `udf.file_reader` does between two ticks."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 128 * 1024
LONGEST_LINE_BYTES = 16 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NUMBERS = re.compile(r"(\d+)")


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """Sort key of a file name that counts its numbers: part-9 comes before part-10, 0009 before 0010."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in _NUMBERS.split(name)]


def _is_object(line: bytes) -> bool:
    """True for a whole JSON object. No part of one that lacks its end is one."""
    if not line.rstrip().endswith(b"}"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


@dataclass(frozen=True)
class Block:
    """Whole lines of one file: `lines` without the last newline, `end` the offset in bytes behind them."""

    name: str
    lines: bytes
    end: int


class Spool:
    """A JSON-lines file, or a directory of them, as it grows.

    Names that begin with `.` or `_` are not there yet: writers rename a file when it is whole. `offsets` (name to
    bytes read) is all there is to know about what was read; the caller keeps it. Only names with `prefix` count.
    """

    def __init__(self, path: str, offsets: dict[str, int], prefix: str = "") -> None:
        self._path = Path(path)
        self._offsets = offsets
        self._prefix = prefix
        self._sizes: dict[str, int] = {}
        self._next_listing = 0.0
        self.fresh = False
        """Whether the last call of `blocks` looked for news, and did not only read what an earlier look had found."""

    def forget_gone(self) -> list[str]:
        """Names that were read and are no longer there; a file that comes again under such a name is a new one."""
        gone = [name for name in self._offsets if name not in self._sizes]
        for name in gone:
            del self._offsets[name]
        return gone

    def blocks(self, *, take_unfinished: bool, whole: bool = False) -> Iterator[Block]:
        """The blocks not yet read, each moving its file's offset; a last line without newline only if asked for.

        With `whole` such a line must be a whole JSON object: what a writer's buffer cut in two would be two lines.
        """
        self._list()
        news = [name for name, size in self._sizes.items() if self._offsets.get(name, 0) != size]
        for name in sorted(news, key=natural_order):
            with suppress(FileNotFoundError):  # removed since it was listed
                yield from self._read(name, take_unfinished, whole)

    def _list(self) -> None:
        """Look which files there are and how long; the longer that takes, the less often it is done."""
        started = time.monotonic()
        self.fresh = started >= self._next_listing
        if not self.fresh:
            return
        self._sizes = dict(self._files())
        self._next_listing = started + 20 * (time.monotonic() - started)

    def _files(self) -> Iterator[tuple[str, int]]:
        if not self._path.is_dir():
            with suppress(FileNotFoundError):  # away for a moment, as when it is rotated
                yield self._path.name, self._path.stat().st_size
            return
        with os.scandir(self._path) as entries:
            for entry in entries:
                if entry.name.startswith(self._prefix) and not entry.name.startswith((".", "_")):
                    with suppress(FileNotFoundError):
                        if entry.is_file():
                            yield entry.name, entry.stat().st_size

    def _read(self, name: str, take_unfinished: bool, whole: bool) -> Iterator[Block]:
        path = self._path / name if self._path.is_dir() else self._path
        with path.open("rb") as file:
            start = self._offsets.get(name, 0)
            if start > os.fstat(file.fileno()).st_size:  # the listing may be older than the offset
                start = self._offsets[name] = 0  # truncated and written anew
            if self._ends_unfinished(file, start):
                start = self._offsets[name] = start + 1
            while data := self._read_lines(file, start, take_unfinished, whole):
                start += len(data)
                self._offsets[name] = start
                lines = data.removesuffix(b"\n")
                if start == len(data):
                    lines = lines.removeprefix(_BYTE_ORDER_MARK)
                yield Block(name, lines, start)

    @staticmethod
    def _ends_unfinished(file: BinaryIO, start: int) -> bool:
        """True where a line that was taken unfinished is before `start`, and at `start` the newline that it lacked."""
        if start == 0:
            return False
        file.seek(start - 1)
        before, at = file.read(1), file.read(1)
        return before != b"\n" and at == b"\n"

    @staticmethod
    def _read_lines(file: BinaryIO, start: int, take_unfinished: bool, whole: bool) -> bytes:
        """Bytes from `start` up to and with the last newline of a block, more than a block where one line is longer."""
        size = BLOCK_BYTES
        while True:
            file.seek(start)
            data = file.read(size)
            newline = data.rfind(b"\n")
            if newline >= 0:
                return data[: newline + 1]
            if len(data) < size:
                return data if take_unfinished and (not whole or _is_object(data)) else b""
            if size >= LONGEST_LINE_BYTES:
                return data
            size *= 4
