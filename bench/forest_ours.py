"""What our forest takes at a shape: CPU time, memory, bytes of a snapshot."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import udf.rcf
from bench.forest_peers import Floats, Shape

REPEATS = 7
BATCH = 1000


@dataclass
class Ours:
    """Figures of our forest at a shape. Times are in microseconds: the best of repeats for records, else medians."""

    microseconds: float  # a record
    memory: int  # bytes of one forest
    snapshot: int  # bytes
    writing: float
    reading: float
    attribution: float  # times the cost of a score


def measure_ours(shape: Shape, points: Floats, records: int) -> Ours:
    """Fill the forests of a shape, then measure.

    Raises:
        ValueError: if the forest refuses the shape.
    """
    forests = [_forest(shape, seed) for seed in range(shape.keys)]
    for key, forest in enumerate(forests):
        forest.learn(points[key : key + shape.fill])
    starts = range(shape.fill, shape.fill + REPEATS * records, records)
    spent = [_seconds(partial(_take, forests, points, first, records)) / records for first in starts]
    forest, some = forests[0], points[-BATCH:]
    data = forest.to_bytes()
    return Ours(
        microseconds=min(spent) * 1e6,
        memory=forest.memory_bytes,
        snapshot=len(data),
        writing=_median(forest.to_bytes),
        reading=_median(lambda: udf.rcf.RandomCutForest.from_bytes(data)),
        attribution=_median(lambda: forest.attribution(some)) / _median(lambda: forest.score(some)),
    )


def _forest(shape: Shape, seed: int) -> udf.rcf.RandomCutForest:
    return udf.rcf.RandomCutForest(
        shape.dimensions, shape.num_trees, shape.sample_size, shape.time_decay, shape.shingle_size, seed
    )


def _take(forests: list[udf.rcf.RandomCutForest], points: Floats, first: int, records: int) -> None:
    """Score and learn records first, first + 1, …, of one forest, or of many in turn."""
    for begin in range(first, first + records, BATCH):
        at = np.arange(begin, min(begin + BATCH, first + records))
        batch = points[at % len(points)]
        if len(forests) == 1:
            forests[0].score_and_learn(batch)
        else:
            udf.rcf.score_and_learn_many([forests[i] for i in (at % len(forests)).tolist()], batch)


def _seconds(measured: Callable[[], Any]) -> float:
    began = time.process_time()
    measured()
    return time.process_time() - began


def _median(measured: Callable[[], Any], repeats: int = 5) -> float:
    """Microseconds of CPU time, the first call left out: it may compile."""
    measured()
    return statistics.median(_seconds(measured) for _ in range(repeats)) * 1e6
