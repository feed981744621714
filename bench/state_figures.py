"""What `python -m bench.state` reads off a run's samples, (seconds, records scored until then) in order of time."""

import math
from collections.abc import Sequence
from itertools import pairwise

Samples = Sequence[tuple[float, int]]


def rate_back(samples: Samples, rate: float, window: float = 2.0) -> float:
    """The end of the first `window` seconds with `rate` records a second on average, infinite where there is none.

    >>> rate_back([(0, 0), (1, 0), (2, 5), (3, 10), (4, 15), (5, 25)], rate=5)
    3
    """
    start = 0
    for at, scored in samples:
        while start + 1 < len(samples) and samples[start + 1][0] <= at - window:
            start += 1
        began, before = samples[start]
        if at - began >= window and scored - before >= rate * (at - began):
            return at
    return math.inf


def longest_pause(samples: Samples, warm_up: float = 5.0) -> tuple[float, float]:
    """The longest time without a record scored, and the seconds looked at: from `warm_up` after the first to the last.

    >>> longest_pause([(0, 0), (1, 5), (6, 6), (7, 6), (8, 6), (9, 8), (10, 9), (12, 9)])
    (3, 4)
    """
    moves = [samples[i][0] for i in range(1, len(samples)) if samples[i][1] > samples[i - 1][1]]
    warm = [at for at in moves if at >= moves[0] + warm_up]
    if len(warm) < 2:
        return math.nan, 0.0
    return max(after - before for before, after in pairwise(warm)), warm[-1] - warm[0]
