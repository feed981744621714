"""One record for the small trees of a forest on a line: what `batch` does with many, bit for bit.

Where keys take turns, a forest gets one record at a time, and of thousands of forests none is in the cache. So of eight
trees at a time it is asked first which may take the record, then all are scored, then those few learn: what cannot be
predicted does not stand between one tree and the next. Meanwhile the trees to come are fetched, a few lines of the
cache here and there, since the CPU waits for a dozen at once and stands still for more. What is needed to learn only is
fetched for those that do.
"""

from typing import Any

import numpy as np

from .compiling import inlined
from .instructions import LANES
from .line import line_at
from .line_tree import take
from .line_vectors import prefetch
from .line_walk import score_one
from .pointers import floats_on_stack
from .priority import put_priorities_of_trees
from .reservoir import sample_of, some_priorities, worst_priority
from .streams import KEEP, STREAM_STEP, unmixed, unmixed_stream

_AHEAD = LANES  # trees
_HOT = 5  # lines of the cache that a score and a gate need

_entering = floats_on_stack(LANES)


@inlined
def _fetch(block: int, begin: int, end: int) -> None:
    """Those lines of the cache of a tree."""
    for at in range(64 * begin, 64 * end, 64):
        prefetch(block + at)


@inlined
def visit(
    trees: int,
    num_trees: int,
    samples: int,
    seed: np.uint64,
    decay_rate: float,
    table: Any,
    number: int,
    scored: bool,
    points: Any,
    scores: Any,
    after: int,
) -> None:
    """Add the score of points[0], record `number`, to scores[0] if it is `scored`, and learn it; samples are full.

    `after` is the address of the trees that come after these.
    """
    x, total, entering, priorities = points[0], 0.0, _entering(), some_priorities()
    size = 8 * line_at(0, 0, samples).words
    for first in range(0, num_trees, LANES):
        some, accepting = min(LANES, num_trees - first), 0
        ahead = first + _AHEAD
        there = trees + size * ahead if ahead < num_trees else after + size * (ahead - num_trees)
        start = unmixed_stream(seed, first)
        put_priorities_of_trees(start, STREAM_STEP, unmixed(np.uint64(0), number, KEEP), number, decay_rate, priorities)
        for i in range(some):
            _fetch(there + size * i, 0, 1)
            entering[accepting] = first + i
            accepting += int(priorities[i] < worst_priority(line_at(trees, first + i, samples).gate))
        for j in range(accepting):
            _fetch(trees + size * int(entering[j]), _HOT, size // 64)
        for i in range(some):
            _fetch(there + size * i, 1, _HOT)
            if scored:
                score, _ = score_one(line_at(trees, first + i, samples), x, table)
                total += score
        for j in range(accepting):
            t = int(entering[j])
            line = line_at(trees, t, samples)
            take(line, sample_of(line, t, seed, decay_rate), number, priorities[t - first], points, 0, -1)
    if scored:
        scores[0] += total
