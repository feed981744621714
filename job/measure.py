"""One forest, built and timed on this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from job.machine import memory_bytes
from job.options import Options
from udf.rcf import RandomCutForest, score_and_learn_many

_FILL_SECONDS = 5.0
_TIMED_SECONDS = 1.0
_BATCH = 64
_BEYOND_CACHE_BYTES = 64_000_000
"""Forests in turn that have so much memory are no longer in the processor's cache when their turn comes."""


@dataclass(frozen=True)
class Measured:
    """Bytes of a forest's snapshot; microseconds to score and learn a record, to make a snapshot, and to restore it.

    `settled` is False where snapshots would still have grown with more records.
    """

    snapshot_bytes: int
    settled: bool
    record_micros: float
    snapshot_micros: float
    restore_micros: float


def measure(options: Options, keys: int, tell: Callable[[str], None]) -> Measured:
    """Fill a forest with random records, and time it on one core. `tell` is told what is being done.

    Several keys are scored a record each in turn, as a job scores many that seldom come.

    Raises:
        ValueError: the forest is too large for this machine.
    """
    needed, most = options.one_forest_bytes, memory_bytes() // 2
    if needed > most:
        raise ValueError(f"a forest must fit in half of this machine's memory, {most}, to be measured, got {needed}")
    random = np.random.default_rng(0)
    forest = RandomCutForest(**options.forest)
    tell("compiling the forest (once for this machine)")
    forest.score_and_learn(random.normal(size=(options.shingle_size, forest.dimensions)))
    if keys > 1:
        score_and_learn_many([forest], random.normal(size=(1, forest.dimensions)))
    RandomCutForest.from_bytes(forest.to_bytes())
    tell("filling a forest with random records")
    settled = _fill(forest, random)
    tell("measuring")
    snapshot = forest.to_bytes()
    return Measured(
        snapshot_bytes=len(snapshot),
        settled=settled,
        record_micros=_record_micros(_in_turn(forest, snapshot, options, keys), random),
        snapshot_micros=min(_micros(forest.to_bytes) for _ in range(3)),
        restore_micros=min(_micros(lambda: RandomCutForest.from_bytes(snapshot)) for _ in range(3)),
    )


def _fill(forest: RandomCutForest, random: np.random.Generator) -> bool:
    """Learn records until snapshots no longer grow. False if that takes too long; the trees are full in any case.

    When they have just been filled, all trees have the same records. With time each comes to a sample of its own, and a
    snapshot, which holds the records of all, to three times its size.
    """
    least = forest.sample_size + forest.shingle_size
    enough = max(least, min(3 * forest.time_decay, 10 * forest.num_trees * forest.sample_size))
    end = time.monotonic() + _FILL_SECONDS
    while forest.records_seen < enough:
        if forest.records_seen >= least and time.monotonic() > end:
            return False
        forest.learn(random.normal(size=(min(8 * _BATCH, enough - forest.records_seen), forest.dimensions)))
    return True


def _in_turn(forest: RandomCutForest, snapshot: bytes, options: Options, keys: int) -> list[RandomCutForest]:
    """Forests for so many keys, or for as many as show what it costs when they take turns."""
    forests = [forest]
    end = time.monotonic() + _TIMED_SECONDS
    while (
        len(forests) < keys and len(forests) * options.one_forest_bytes < _BEYOND_CACHE_BYTES and time.monotonic() < end
    ):
        forests.append(RandomCutForest.from_bytes(snapshot))
    return forests


def _record_micros(forests: list[RandomCutForest], random: np.random.Generator) -> float:
    """Microseconds to score and learn a record: the median of a second's calls, as other processes disturb some."""
    count = len(forests) if len(forests) > 1 else _BATCH

    def call() -> float:
        points = random.normal(size=(count, forests[0].dimensions))
        if len(forests) > 1:
            return _micros(lambda: score_and_learn_many(forests, points))
        return _micros(lambda: forests[0].score_and_learn(points))

    end = time.monotonic() + _TIMED_SECONDS
    taken = [call()]
    while time.monotonic() < end:
        taken.append(call())
    return median(taken) / count


def _micros(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e6
