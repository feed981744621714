"""The score of points in one tree: the expected score over fresh cuts, without inserting them."""

from typing import Any

from .arrays import AXIS, CHILD, CUT, MASS, PARENT, ROOT, SPAN, Tree, box_at, point_at, single
from .compiling import inlined, part
from .cutting import differ, outside
from .scoring import DEPTH, RECIPROCAL, WEIGHT
from .vectors import MANY


@inlined
def down_one(tree: Tree, points: Any, x: int, node: int) -> int:
    """The child on the point's side of the cut; a leaf stays where it is."""
    right = points[x + tree.ids[AXIS * tree.samples + node]] > tree.numbers[CUT * tree.samples + node]
    return int(tree.ids[CHILD * tree.samples + 2 * node + right])


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
def score_one(tree: Tree, points: Any, table: Any, x: int) -> float:
    node, depth = int(tree.ids[single(tree, ROOT)]), 0
    while node < tree.samples:
        node = down_one(tree, points, x, node)
        depth += 1
    return _climb(tree, points, x, table, node, depth)


@inlined
def down_four(tree: Tree, points: Any, x: int, y: int, z: int, w: int) -> tuple[int, int, int, int, int, int, int, int]:
    """The leaves that the cuts lead four points to, and their depths.

    Side by side, without branches: each waits for memory, and the waits overlap.
    """
    samples = tree.samples
    a = b = c = d = int(tree.ids[single(tree, ROOT)])
    going = depth_a = depth_b = depth_c = depth_d = int(a < samples)
    while going:
        a, b = down_one(tree, points, x, a), down_one(tree, points, y, b)
        c, d = down_one(tree, points, z, c), down_one(tree, points, w, d)
        on_a, on_b, on_c, on_d = int(a < samples), int(b < samples), int(c < samples), int(d < samples)
        depth_a, depth_b = depth_a + on_a, depth_b + on_b
        depth_c, depth_d = depth_c + on_c, depth_d + on_d
        going = on_a | on_b | on_c | on_d
    return a, b, c, d, depth_a, depth_b, depth_c, depth_d


@inlined
def _score_four(
    tree: Tree, points: Any, table: Any, x: int, y: int, z: int, w: int
) -> tuple[float, float, float, float]:
    a, b, c, d, depth_a, depth_b, depth_c, depth_d = down_four(tree, points, x, y, z, w)
    if tree.coordinates > 2 * MANY:
        score_a, score_b = _climb(tree, points, x, table, a, depth_a), _climb(tree, points, y, table, b, depth_b)
        score_c, score_d = _climb(tree, points, z, table, c, depth_c), _climb(tree, points, w, table, d, depth_d)
        return score_a, score_b, score_c, score_d
    # Where boxes are small, steps in vain cost less than surprises at how many there are
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
def add_scores(tree: Tree, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> None:
    """Add to scores[begin:end] the scores of those points."""
    last = end - 1
    for i in range(begin, last, 4):
        j, k, m = i + 1, min(i + 2, last), min(i + 3, last)
        a, b, c, d = _score_four(tree, points, table, i * step, j * step, k * step, m * step)
        scores[i] += a
        scores[j] += b
        if k > j:
            scores[k] += c
        if m > k:
            scores[m] += d
    if (end - begin) % 4 == 1:
        scores[last] += score_one(tree, points, table, last * step)
