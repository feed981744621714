"""The score of points in one tree: the expected score over fresh cuts, without inserting them."""

from typing import Any

from . import four_walk, register_walk
from .arrays import MASS, PARENT, ROOT, SPAN, Tree, box_at, point_at, single
from .compiling import inlined, part
from .cutting import differ, outside
from .descent import down_eight
from .scoring import DEPTH, RECIPROCAL, WEIGHT


@inlined
def _at_leaf(tree: Tree, points: Any, x: int, table: Any, node: int, depth: int) -> float:
    """The score of a point at the leaf that the cuts lead it to."""
    leaf = node - tree.samples
    same = point_at(tree, leaf)
    if differ(tree.numbers, same, points, x, tree.coordinates):
        return table[3 * (depth + 1) + RECIPROCAL]
    mass = 3 * int(tree.ids[MASS * tree.samples + leaf])
    return table[mass + WEIGHT] / (depth + table[mass + DEPTH])


@inlined
def _step(
    tree: Tree, points: Any, x: int, table: Any, node: int, depth: int, score: float
) -> tuple[int, int, float, float]:
    """From a child at a depth to its parent: that node, its depth, the score there, how far the point is outside of it.

    A fresh cut of a box separates the point with probability p = outside / (outside + span): then its score is
    1 / (depth + 1), else that of the child. Above a box the point is in, nothing changes any more.
    """
    above = int(tree.ids[PARENT * tree.samples + node])
    box = box_at(tree, above)
    beyond = outside(tree.numbers, box, box + tree.coordinates, points, x, tree.coordinates)
    beyond = beyond if depth > 0 else 0.0  # the root is its own parent
    separated = beyond / (beyond + tree.numbers[SPAN * tree.samples + above])
    return above, max(depth - 1, 0), score + separated * (table[3 * depth + RECIPROCAL] - score), beyond


@part
def _climb(tree: Tree, points: Any, x: int, table: Any, node: int, depth: int) -> float:
    """The score of a point, given its leaf: up along the boxes while the point is outside of them."""
    score, beyond = _at_leaf(tree, points, x, table, node, depth), float(depth)
    ids, numbers, coordinates = tree.ids, tree.numbers, tree.coordinates
    if register_walk.is_left_to_climb(coordinates) and depth > 0:
        return register_walk.climb(ids, numbers, tree.samples, coordinates, points, x, table, node, depth, score)
    while beyond > 0.0:
        node, depth, score, beyond = _step(tree, points, x, table, node, depth, score)
    return score


@inlined
def add_scores(tree: Tree, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> int:
    """Add to scores[begin:end] the scores of those points, at least one; returns the id of the leaf of the last."""
    if tree.coordinates <= four_walk.MOST:
        return four_walk.add_scores(tree, points, begin, end, step, table, scores)
    last, root, leaf = end - 1, int(tree.ids[single(tree, ROOT)]), 0
    for first in range(begin, end, 8):
        told = down_eight(tree.ids, tree.numbers, tree.samples, root, points, first, last, step)
        for i in range(min(end - first, 8)):
            at = first + i
            scores[at] += _climb(tree, points, at * step, table, told[i], told[8 + i])
        leaf = told[7]
    return int(leaf)
