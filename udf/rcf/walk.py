"""The score of points in one tree: the expected score over fresh cuts, without inserting them."""

from typing import Any

from .arrays import MASS, PARENT, ROOT, SPAN, Tree, box_at, child_of, point_at, single
from .compiling import inlined, part
from .cutting import differ, outside
from .scoring import DEPTH, RECIPROCAL, WEIGHT
from .vectors import FEW, MANY


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
    while beyond > 0.0:
        node, depth, score, beyond = _step(tree, points, x, table, node, depth, score)
    return score


@inlined
def score_one(tree: Tree, points: Any, table: Any, x: int) -> tuple[float, int]:
    """The score of a point, and the id of its leaf."""
    node, depth = int(tree.ids[single(tree, ROOT)]), 0
    while node < tree.samples:
        node = child_of(tree, points, x, node)
        depth += 1
    return _climb(tree, points, x, table, node, depth), node


@inlined
def down_four(tree: Tree, points: Any, x: int, y: int, z: int, w: int) -> tuple[int, int, int, int, int, int, int, int]:
    """The leaves that the cuts lead four points to, and their depths.

    Side by side, without branches: each waits for memory, and the waits overlap.
    """
    samples = tree.samples
    a = b = c = d = int(tree.ids[single(tree, ROOT)])
    going = depth_a = depth_b = depth_c = depth_d = int(a < samples)
    while going:
        a, b = child_of(tree, points, x, a), child_of(tree, points, y, b)
        c, d = child_of(tree, points, z, c), child_of(tree, points, w, d)
        on_a, on_b, on_c, on_d = int(a < samples), int(b < samples), int(c < samples), int(d < samples)
        depth_a, depth_b = depth_a + on_a, depth_b + on_b
        depth_c, depth_d = depth_c + on_c, depth_d + on_d
        going = on_a | on_b | on_c | on_d
    return a, b, c, d, depth_a, depth_b, depth_c, depth_d


@inlined
def _climb_four(
    tree: Tree,
    points: Any,
    table: Any,
    x: int,
    y: int,
    z: int,
    w: int,
    leaves: tuple[int, ...],
    depths: tuple[int, ...],
) -> tuple[float, float, float, float]:
    """The scores of four points side by side: where boxes are small, steps in vain cost less than surprises."""
    (a, b, c, d), (depth_a, depth_b, depth_c, depth_d) = leaves, depths
    score_a, score_b = _at_leaf(tree, points, x, table, a, depth_a), _at_leaf(tree, points, y, table, b, depth_b)
    score_c, score_d = _at_leaf(tree, points, z, table, c, depth_c), _at_leaf(tree, points, w, table, d, depth_d)
    beyond = float(depth_a)
    while beyond > 0.0:
        a, depth_a, score_a, beyond_a = _step(tree, points, x, table, a, depth_a, score_a)
        b, depth_b, score_b, beyond_b = _step(tree, points, y, table, b, depth_b, score_b)
        c, depth_c, score_c, beyond_c = _step(tree, points, z, table, c, depth_c, score_c)
        d, depth_d, score_d, beyond_d = _step(tree, points, w, table, d, depth_d, score_d)
        beyond = max(beyond_a, beyond_b, beyond_c, beyond_d)
    return score_a, score_b, score_c, score_d


@inlined
def _add_scores(tree: Tree, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> int:
    last, leaf = end - 1, -1
    for i in range(begin, end, 4):
        some = end - i
        if some == 1:
            score, leaf = score_one(tree, points, table, i * step)
            scores[i] += score
            break
        j, k, m = i + 1, min(i + 2, last), min(i + 3, last)
        x, y, z, w = i * step, j * step, k * step, m * step
        a, b, c, leaf, depth_a, depth_b, depth_c, depth_d = down_four(tree, points, x, y, z, w)
        if tree.coordinates > 2 * MANY:
            scores[i] += _climb(tree, points, x, table, a, depth_a)
            scores[j] += _climb(tree, points, y, table, b, depth_b)
            if some > 2:
                scores[k] += _climb(tree, points, z, table, c, depth_c)
            if some > 3:
                scores[m] += _climb(tree, points, w, table, leaf, depth_d)
            continue
        score_a, score_b, score_c, score_d = _climb_four(
            tree, points, table, x, y, z, w, (a, b, c, leaf), (depth_a, depth_b, depth_c, depth_d)
        )
        scores[i] += score_a
        scores[j] += score_b
        if some > 2:
            scores[k] += score_c
        if some > 3:
            scores[m] += score_d
    return leaf


@inlined
def add_scores(tree: Tree, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> int:
    """Add to scores[begin:end] the scores of those points; returns the id of the leaf of the last."""
    if tree.coordinates == FEW:  # compiled for themselves, without what is done to more
        few = Tree(tree.sample, tree.gate, tree.numbers, tree.ids, tree.samples, FEW)
        return _add_scores(few, points, begin, end, step, table, scores)
    return _add_scores(tree, points, begin, end, step, table, scores)
