"""Records of many keys, each for a forest of its own, in one call."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .arrays import Floats
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
    kind = forests[0]._kind
    if any(forest._kind != kind for forest in forests):
        raise ValueError("forests must have the same parameters but for their seeds")
    records = forests[0]._checked(points)
    if len(records) != len(forests):
        raise ValueError(f"points must be as many as forests, {len(forests)}, got {len(records)}")
    scores = np.zeros(len(records))
    if forests[0].shingle_size > 1 or forests[0].noise_floor:
        for i, forest in enumerate(forests):
            scores[i] = forest.score_and_learn(records[i : i + 1])[0]
        return scores
    firsts = np.empty(len(records), np.int64)
    for i, forest in enumerate(forests):
        firsts[i] = forest._records_seen
        forest._records_seen += 1
    arguments = [forest._kernel_arguments for forest in forests]
    addresses = np.array([told[0] for told in arguments], np.int64)
    seeds = np.array([told[4] for told in arguments], np.uint64)
    first = arguments[0]
    run_many(addresses, seeds, firsts, *first[1:4], *first[5:], records, scores)
    scores *= forests[0]._scale
    return scores
