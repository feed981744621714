"""The kernels that Python calls: a batch of points over all trees.

Trees are in the outer loop and points in the inner one, so that a tree is fetched from memory once a batch.
Between two records that a tree accepts into its sample it does not change, and the points between are only
scored.
"""

from typing import Any

import numpy as np

from .arrays import LEAF, PRIORITY, Floats, Tree, floats_at, tree_at
from .compiling import kernel, part
from .reservoir import append, next_accepted, priority_of, replace_worst
from .streams import PLACE, WHERE, stream, uniform
from .tree import forget, insert
from .walk import add_scores


@part
def _learn(tree: Tree, start: np.uint64, number: int, priority: float, points: Any, x: int) -> None:
    """Add a record that the sample accepts."""
    full = number >= tree.samples
    if full:
        forget(tree, tree.ids[LEAF * tree.samples])
    leaf = insert(tree, points, x, uniform(start, number, PLACE), uniform(start, number, WHERE))
    if full:
        replace_worst(tree, priority, number, leaf)
    else:
        append(tree, number, priority, number, leaf)


@part
def _score(tree: Tree, points: Any, begin: int, end: int, table: Any, scores: Any) -> None:
    """Add the scores of points begin … end - 1; compiled apart for one coordinate, where that pays."""
    if tree.coordinates == 1:
        add_scores(Tree(tree.numbers, tree.ids, tree.samples, 1), points, begin, end, table, scores)
    else:
        add_scores(tree, points, begin, end, table, scores)


@kernel
def clean(values: Floats, largest: float) -> bool:
    """Bound magnitudes and make negative zeros positive, in place; False where a value is not finite."""
    for i in range(values.size):
        if not np.isfinite(values[i]):
            return False
        values[i] = max(-largest, min(largest, values[i])) + 0.0
    return True


@kernel
def run(
    trees: int,
    num_trees: int,
    samples: int,
    seed: np.uint64,
    decay_rate: float,
    table: Floats,
    first: int,
    learned: bool,
    points: Floats,
    scores: Floats,
) -> None:
    """Take points (n, coordinates), records first, first + 1, …, into the trees at an address.

    Their scores, summed over the trees, are added to `scores` unless that is empty. They are learned, each
    after its score, if `learned` is set.
    """
    at_points, at_scores = floats_at(points.ctypes.data), floats_at(scores.ctypes.data)
    at_table = floats_at(table.ctypes.data)
    end, coordinates, scored = first + points.shape[0], points.shape[1], scores.size > 0
    for t in range(num_trees):
        tree, start = tree_at(trees, t, samples, coordinates), stream(seed, t)
        number = first
        while number < min(samples, end):
            priority = priority_of(start, number, decay_rate)
            _learn(tree, start, number, priority, at_points, (number - first) * coordinates)
            number += 1
        while number < end:
            accepted, priority = end, tree.numbers[PRIORITY * samples]
            if learned:
                accepted, priority = next_accepted(start, number, end, priority, decay_rate)
            if scored:
                _score(tree, at_points, number - first, min(accepted + 1, end) - first, at_table, at_scores)
            if accepted < end:
                _learn(tree, start, accepted, priority, at_points, (accepted - first) * coordinates)
            number = accepted + 1
