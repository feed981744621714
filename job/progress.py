"""How far a run is, on standard error."""

import json
import sys
import time

from job.run import Summary


class Progress:
    """One line that renews itself on a terminal, elsewhere a line a phase and every ten seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._every = 0.2 if self._terminal else 10.0
        self._next = 0.0
        self._phase = ""
        self._began = time.monotonic()
        self._second = ""

    def phase(self, text: str) -> None:
        self._phase = text
        self._show(f"{text} …")

    def lines(self, scores: list[bytes], errors: list[bytes], summary: Summary) -> None:
        if scores:
            self._second = json.loads(scores[-1])["second"]
        if time.monotonic() < self._next:
            return
        if summary.read:
            self._show(f"{counts(summary)}{', at ' + self._second if self._second else ''}")
        elif self._terminal:
            self._show(f"{self._phase} … {time.monotonic() - self._began:.0f} s")

    def end(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _show(self, line: str) -> None:
        self._next = time.monotonic() + self._every
        print(
            f"\r\x1b[K{line}" if self._terminal else line,
            end="" if self._terminal else "\n",
            file=sys.stderr,
            flush=True,
        )


class Silent:
    """Shows nothing, and remembers the phases."""

    def __init__(self) -> None:
        self.phases: list[str] = []

    def phase(self, text: str) -> None:
        self.phases.append(text)

    def lines(self, scores: list[bytes], errors: list[bytes], summary: Summary) -> None:
        pass


def counts(summary: Summary) -> str:
    """The sums of a run in one line."""
    if not summary.counted:
        return f"{summary.read:,} records read"
    scored = f"{summary.read:,} records read, {summary.scored:,} scored"
    return f"{scored}, {summary.rejected:,} rejected, {summary.late:,} late"


def highest(summary: Summary) -> str:
    """The highest scores, a line each."""
    return "\n".join(f"  {row['anomaly_score']:6.3f}  at {row['second']}" for row in summary.highest)
