"""The score of points in one tree: the expected score over fresh cuts, without inserting them."""

from typing import Any

from . import register_walk
from .arrays import MASS, PARENT, ROOT, SPAN, Tree, box_at, point_at, single
from .compiling import inlined, part
from .cutting import differ, outside
from .descent import down_eight, down_four
from .scoring import DEPTH, RECIPROCAL, WEIGHT
from .vectors import MANY


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
    if register_walk.fits(coordinates) and depth > 0:
        return register_walk.climb(ids, numbers, tree.samples, coordinates, points, x, table, node, depth, score)
    while beyond > 0.0:
        node, depth, score, beyond = _step(tree, points, x, table, node, depth, score)
    return score


@inlined
def _add_four(
    tree: Tree, points: Any, first: int, last: int, step: int, table: Any, scores: Any, leaves: Any, depths: Any
) -> None:
    """Add the scores of four points, or of those before the last.

    Where boxes are small, they climb side by side: steps in vain cost less than surprises.
    """
    (a, b, c, d), (depth_a, depth_b, depth_c, depth_d) = leaves, depths
    j, k, m = min(first + 1, last), min(first + 2, last), min(first + 3, last)
    x, y, z, w = first * step, j * step, k * step, m * step
    if tree.coordinates > 2 * MANY:
        for i in range(min(last + 1 - first, 4)):
            at = first + i
            scores[at] += _climb(tree, points, at * step, table, leaves[i], depths[i])
        return
    score_a, score_b = _at_leaf(tree, points, x, table, a, depth_a), _at_leaf(tree, points, y, table, b, depth_b)
    score_c, score_d = _at_leaf(tree, points, z, table, c, depth_c), _at_leaf(tree, points, w, table, d, depth_d)
    beyond = float(depth_a)
    while beyond > 0.0:
        a, depth_a, score_a, beyond_a = _step(tree, points, x, table, a, depth_a, score_a)
        b, depth_b, score_b, beyond_b = _step(tree, points, y, table, b, depth_b, score_b)
        c, depth_c, score_c, beyond_c = _step(tree, points, z, table, c, depth_c, score_c)
        d, depth_d, score_d, beyond_d = _step(tree, points, w, table, d, depth_d, score_d)
        beyond = max(beyond_a, beyond_b, beyond_c, beyond_d)
    scores[first] += score_a
    if j > first:
        scores[j] += score_b
    if k > j:
        scores[k] += score_c
    if m > k:
        scores[m] += score_d


@inlined
def add_scores(tree: Tree, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> int:
    """Add to scores[begin:end] the scores of those points; returns the id of the leaf of the last."""
    last, root, first = end - 1, int(tree.ids[single(tree, ROOT)]), begin
    while end - first > 4:
        eight = down_eight(tree.ids, tree.numbers, tree.samples, root, points, first, last, step)
        _add_four(tree, points, first, last, step, table, scores, eight[:4], eight[8:12])
        _add_four(tree, points, first + 4, last, step, table, scores, eight[4:8], eight[12:])
        first += 8
        if first >= end:
            return int(eight[7])
    four = down_four(tree.ids, tree.numbers, tree.samples, root, points, first, last, step)
    _add_four(tree, points, first, last, step, table, scores, four[:4], four[4:])
    return int(four[3])
