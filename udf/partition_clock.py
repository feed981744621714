"""Event time of a stream that comes in partitions: how far all of them are, and what is too late."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_TIME = -1
"""In place of the event time of a record that has none, or a wrong one."""


class PartitionClock:
    """Event time is as far as the slowest partition, and never goes back. All times are in epoch milliseconds.

    A partition without records for `quiet` is not waited for. When all are quiet, the last second there was is closed,
    and no more than that: what comes later may still be of the next second. Until `expected` partitions were heard, or
    the first of them has been heard for `quiet`, time does not move.

        partition 0   1.2 ── 1.9 ── 2.4 ─────── 3.1
        partition 1   1.1 ──────────────── 2.2
        time          1.1    1.1    1.1    2.2  2.2      second 1 is over when time is 2 plus `delay`

    A record is late when its second (`every` long) is over by the records before it in its own partition, which is the
    same in every run; or by this clock, for a partition that was not waited for.

    >>> clock = PartitionClock(every=1000, delay=0, quiet=500, expected=2)
    >>> clock.take(np.array([0, 0, 0, 1]), np.array([1200, 2400, 1900, 1100]), now=0)
    array([False, False,  True, False])
    >>> clock.advance(now=0)
    1100
    """

    def __init__(self, every: int, delay: int, quiet: int, expected: int) -> None:
        self._every = every
        self._delay = delay
        self._quiet = quiet
        self._expected = expected
        self._heard: dict[int, int] = {}
        self._began: int | None = None
        self._started = 0
        self.newest: dict[int, int] = {}
        self.time = NO_TIME

    def start(self, now: int, newest: Mapping[int, int], time: int) -> None:
        """Go on from what `newest` and `time` were. Every partition is waited for as if it had been heard just now."""
        self.newest = dict(newest)
        self.time = time
        self._heard = dict.fromkeys(self.newest, now)
        self._began = now if newest else None
        self._started = now

    def take(self, partitions: NDArray[np.integer], times: NDArray[np.int64], now: int) -> NDArray[np.bool_]:
        """Whether each of some records, in order of their partitions and with time `NO_TIME` where unknown, is late."""
        if self._began is None:
            self._began = now
        before = np.empty_like(times)
        for partition in np.unique(partitions).tolist():
            at = partitions == partition
            newest = np.maximum.accumulate(np.concatenate([[self.newest.get(partition, NO_TIME)], times[at]]))
            before[at] = newest[:-1]
            self.newest[partition] = int(newest[-1])
            self._heard[partition] = now
        over = self._second(np.maximum(before, self.time) - self._delay)
        return (times != NO_TIME) & (self._second(times) + self._every <= over)

    def advance(self, now: int) -> int | None:
        """The time, where that moves the end of seconds; else None."""
        before, self.time = self.time, max(self.time, self._reached(now))
        moved = self._second(self.time - self._delay) > self._second(before - self._delay)
        return self.time if moved else None

    def quiet(self, now: int) -> bool:
        """True when no partition has been heard for a while."""
        return now - max(self._heard.values(), default=self._started) >= self._quiet

    def _reached(self, now: int) -> int:
        if self._began is None or (len(self.newest) < self._expected and now - self._began < self._quiet):
            return NO_TIME
        if self.quiet(now):
            newest = max(self.newest.values(), default=NO_TIME)
            return NO_TIME if newest == NO_TIME else self._second(newest) + self._every + self._delay
        active = [p for p, heard in self._heard.items() if now - heard < self._quiet]
        return min((self.newest[p] for p in active if self.newest[p] != NO_TIME), default=NO_TIME)

    def _second(self, time: Any) -> Any:
        """The start of the second, of an int or of an array of them."""
        return time - time % self._every
