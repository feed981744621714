"""The committed results of a run, as they become visible: what a sink's directory shows to anyone."""

from collections.abc import Iterator
from pathlib import Path

from udf.blocks import Spool


class ResultFiles:
    """Lines of the JSON-lines files in a directory whose names begin with `run`, each once, in order."""

    def __init__(self, directory: Path, run: str) -> None:
        self._directory = directory
        self._spool = Spool(str(directory), {}, prefix=run)

    def new_lines(self) -> Iterator[bytes]:
        """The lines that became visible since the last call, without their ends."""
        if self._directory.is_dir():
            for block in self._spool.blocks(take_unfinished=False):
                yield from block.lines.split(b"\n")


def score_of(line: bytes) -> float:
    """The anomaly score of a line that this job wrote: its last member. Parsing the whole costs ten times as much."""
    return float(line[line.rindex(b":") + 1 : -1])
