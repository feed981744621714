"""The live view of the demonstration: a line a second with its loudest moment."""

import json
import statistics
import sys
import time
from datetime import datetime
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from job.run import Summary

_WIDTH = 40
_CALM, _RAISED = 1.5, 2.5
"""Scores from which a bar is yellow, then red: with a sample of 10, quiet is about 0.8 and 3.3 the most there is."""


class Live:
    """Shows seconds as they become visible, and keeps their rows for the picture and the latencies."""

    def __init__(self, most: float) -> None:
        self.rows_seen: list[dict[str, Any]] = []
        self.latencies: list[float] = []
        self._most = most
        self._console = Console(highlight=False)
        self._began = time.monotonic()
        self.first_score_after: float | None = None

    def phase(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:5.1f} s  {text} …", file=sys.stderr, flush=True)

    def lines(self, scores: list[bytes], errors: list[bytes], summary: Summary) -> None:
        rows = [json.loads(line) for line in scores]
        for error in map(json.loads, errors):
            self._console.print(f"rejected: {error['reason']}: {error['raw']}", markup=False)
        if rows and not self.rows_seen:
            self.first_score_after = time.monotonic() - self._began
            self._console.print(f"{'second':>8}  {'volume':>7}  {'score':>5}", style="bold")
        self.rows_seen += rows
        now = time.time()
        self.latencies += [now - datetime.fromisoformat(row["event_time"]).timestamp() for row in rows]
        for second, group in groupby(rows, key=lambda row: row["second"]):
            self._second(second, list(group))

    def latency(self) -> str:
        """p50 and p99 of the seconds from a record's event to its sorted row in a committed file."""
        if len(self.latencies) < 2:
            return "latency: too few records"
        cuts = statistics.quantiles(self.latencies, n=100, method="inclusive")
        return f"event to committed, sorted row: p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s"

    def _second(self, second: str, rows: list[dict[str, Any]]) -> None:
        """One line: the row with the highest score, which is the first."""
        top = rows[0]
        score = top["anomaly_score"]
        colour = "green" if score < _CALM else "yellow" if score < _RAISED else "bold red"
        line = Text(f"{second[11:19]:>8}  {top['volume']:7.2f}  {score:5.2f}  ")
        line.append("█" * round(_WIDTH * min(1.0, score / self._most)), style=colour)
        self._console.print(line)
