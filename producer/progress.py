"""How far the producer is, on standard error: records and progress never mix."""

import sys
import time

from producer.counts import Counts


class Progress:
    """One line that renews itself on a terminal, a line every few seconds elsewhere, nothing if quiet."""

    def __init__(self, counts: Counts, quiet: bool) -> None:
        self._counts = counts
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._every = 0.1 if self._terminal else 5.0  # seconds
        self._next = time.monotonic() + self._every

    def tell(self, level: float) -> None:
        """Tell the counts and the volume of the record just sent, if it is time for that."""
        if self._quiet or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        line = f"volume {level:6.2f}, {self._counts}"
        if self._terminal:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the renewing line away; what is printed next starts on a clean line."""
        if self._terminal and not self._quiet:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
