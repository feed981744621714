"""The committed results of a run, as they become visible: what a sink's directory shows to anyone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from udf.blocks import Spool


class ResultFiles:
    """Rows of the JSON-lines files in a directory whose names begin with `run`, each row once, in order."""

    def __init__(self, directory: Path, run: str) -> None:
        self._directory = directory
        self._spool = Spool(str(directory), {}, prefix=run)

    def new_rows(self) -> Iterator[dict[str, Any]]:
        """The rows that became visible since the last call."""
        if self._directory.is_dir():
            for block in self._spool.blocks(take_unfinished=False):
                yield from map(json.loads, block.lines.split(b"\n"))
