"""CPU time of a process and all below it, those included that have ended."""

import os
import threading
from pathlib import Path
from typing import Any

_LOOK_SECONDS = 0.1


class CpuTime:
    """Adds up what this process and those it has started, however far down, have used. Use as a context manager.

    A thread looks ten times a second, because Flink's Python workers leave no trace with their parents when they end;
    of each process the time behind the last look is missing.
    """

    def __init__(self) -> None:
        self._spent: dict[tuple[int, str], float] = {}
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> "CpuTime":
        self._looking.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()
        self._looking.join()

    def seconds(self) -> float:
        """Used until the last look."""
        return sum(self._spent.copy().values())

    def _look_on(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self._spent |= _spent_below(os.getpid())


def _spent_below(root: int) -> dict[tuple[int, str], float]:
    """Seconds of each living process from `root` down; a number and a start make a process."""
    spent: dict[int, tuple[str, float]] = {}
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        spent[pid] = fields[19], sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        children.setdefault(int(fields[1]), []).append(pid)
    below: dict[tuple[int, str], float] = {}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        if pid in spent:
            began, seconds = spent[pid]
            below[pid, began] = seconds
        waiting += children.get(pid, [])
    return below
