"""Records of many keys, each for a forest of its own, in one call."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .arrays import Floats, Integers
from .batch import run_many
from .forest import RandomCutForest


def score_and_learn_many(forests: Sequence[RandomCutForest], points: npt.ArrayLike) -> Floats:
    """Record i goes to forests[i], as by its `score_and_learn`: (n, dimensions) → (n,), float64.

    A forest may come several times. All have the same parameters but for the seed; without shingles thousands of keys
    share one call.

    Raises ValueError for points out of range, or forests of different parameters.
    """
    if not forests:
        return np.empty(0)
    records = _checked(forests, points, len(forests))
    scores = np.zeros(len(records))
    if _one_by_one(forests[0]):
        for i, forest in enumerate(forests):
            scores[i] = forest.score_and_learn(records[i : i + 1])[0]
        return scores
    _run(forests, np.ones(len(forests), np.int64), records, scores)
    scores *= forests[0]._scale
    return scores


def learn_many(forests: Sequence[RandomCutForest], counts: Integers, points: npt.ArrayLike) -> None:
    """The first counts[0] records, (n, dimensions), go to forests[0], the next counts[1] to forests[1], …

    Each is then as after its `learn`. No forest may come twice: all cores take part.

    Raises ValueError for points out of range, forests of different parameters, or one that comes twice.
    """
    if len(set(map(id, forests))) < len(forests):
        raise ValueError("forests must come once each")
    if not forests:
        return
    records = _checked(forests, points, int(counts.sum()))
    ends = np.cumsum(counts)
    if _one_by_one(forests[0]):
        for forest, some in zip(forests, np.split(records, ends[:-1]), strict=True):
            forest.learn(some)
        return
    cores = min(len(forests), os.cpu_count() or 1)
    bounds = [len(forests) * core // cores for core in range(cores + 1)]
    with ThreadPoolExecutor(cores) as pool:
        parts = [
            pool.submit(_run, forests[i:j], counts[i:j], records[ends[i] - counts[i] : ends[j - 1]], np.empty(0))
            for i, j in pairwise(bounds)
        ]
        for part in parts:
            part.result()


def _checked(forests: Sequence[RandomCutForest], points: npt.ArrayLike, count: int) -> Floats:
    kind = forests[0]._kind
    if any(forest._kind is not kind for forest in forests):
        raise ValueError("forests must have the same parameters but for their seeds")
    records = forests[0]._checked(points)
    if len(records) != count:
        raise ValueError(f"points must be of all forests, {count}, got {len(records)}")
    return records


def _one_by_one(forest: RandomCutForest) -> bool:
    """True where a record depends on those before it."""
    return forest.shingle_size > 1 or bool(forest.noise_floor)


def _run(forests: Sequence[RandomCutForest], counts: Integers, records: Floats, scores: Floats) -> None:
    firsts = []
    for forest, count in zip(forests, counts.tolist(), strict=True):
        firsts.append(forest._records_seen)
        forest._records_seen += count
    arguments = [forest._kernel_arguments for forest in forests]
    addresses = np.array([told[0] for told in arguments], np.int64)
    seeds = np.array([told[4] for told in arguments], np.uint64)
    first = arguments[0]
    run_many(addresses, seeds, np.array(firsts, np.int64), counts, *first[1:4], *first[5:], records, scores)
