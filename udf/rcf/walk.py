"""The score of points in one tree: the expected score over fresh cuts, without inserting them."""

from typing import Any

from .arrays import AXIS, CHILD, CUT, MASS, PARENT, ROOT, SPAN, Tree, box_at, point_at, single
from .compiling import inlined
from .cutting import outside
from .scoring import DEPTH, RECIPROCAL, WEIGHT


@inlined
def _step(tree: Tree, points: Any, x: int, node: int) -> int:
    """The child on the point's side of the cut; a leaf stays where it is."""
    axis = tree.ids[AXIS * tree.samples + node] if tree.coordinates > 1 else 0
    right = points[x + axis] > tree.numbers[CUT * tree.samples + node]
    return int(tree.ids[CHILD * tree.samples + 2 * node + right])


@inlined
def _at_leaf(tree: Tree, points: Any, x: int, table: Any, node: int, depth: int) -> float:
    """The score of a point at the leaf that the cuts lead it to."""
    leaf = node - tree.samples
    same = point_at(tree, leaf)
    if outside(tree.numbers, same, same, points, x, tree.coordinates) > 0.0:
        return table[3 * (depth + 1) + RECIPROCAL]
    mass = 3 * int(tree.ids[MASS * tree.samples + leaf])
    return table[mass + WEIGHT] / (depth + table[mass + DEPTH])


@inlined
def _up(tree: Tree, points: Any, x: int, table: Any, node: int, depth: int, score: float) -> tuple[int, float, bool]:
    """One step up from a node at a depth: the parent, the score there, whether the point is outside its box.

    A fresh cut of the parent's box separates the point with probability p = outside / (outside + span): then
    its score is 1 / depth, else that of the child. Above a box the point is in, nothing changes any more, nor
    at the root, which is its own parent.
    """
    parent = int(tree.ids[PARENT * tree.samples + node])
    box = box_at(tree, parent)
    beyond = outside(tree.numbers, box, box + tree.coordinates, points, x, tree.coordinates)
    beyond = beyond if depth > 0 else 0.0
    separated = beyond / (beyond + tree.numbers[SPAN * tree.samples + parent])
    return parent, score + separated * (table[3 * depth + RECIPROCAL] - score), beyond > 0.0


@inlined
def _climb(tree: Tree, points: Any, x: int, table: Any, node: int, depth: int) -> float:
    """The score of a point, given its leaf: up along the boxes while the point is outside of them."""
    score = _at_leaf(tree, points, x, table, node, depth)
    is_outside = depth > 0
    while is_outside:
        node, score, is_outside = _up(tree, points, x, table, node, depth, score)
        depth -= 1
    return score


@inlined
def _score_one(tree: Tree, points: Any, table: Any, x: int) -> float:
    node, depth = int(tree.ids[single(tree, ROOT)]), 0
    while node < tree.samples:
        node = _step(tree, points, x, node)
        depth += 1
    return _climb(tree, points, x, table, node, depth)


@inlined
def _score_four(
    tree: Tree, points: Any, table: Any, x: int, y: int, z: int, w: int
) -> tuple[float, float, float, float]:
    """Four points walk side by side: each step waits for memory or a division, and the waits overlap.

    Down they have no branches of their own. Up neither, where a step costs no more than a branch that is
    predicted wrongly: with one coordinate.
    """
    samples = tree.samples
    a = b = c = d = int(tree.ids[single(tree, ROOT)])
    has_cuts = a < samples
    going = depth_a = depth_b = depth_c = depth_d = int(has_cuts)
    while going:
        a, b = _step(tree, points, x, a), _step(tree, points, y, b)
        c, d = _step(tree, points, z, c), _step(tree, points, w, d)
        on_a, on_b, on_c, on_d = int(a < samples), int(b < samples), int(c < samples), int(d < samples)
        depth_a, depth_b = depth_a + on_a, depth_b + on_b
        depth_c, depth_d = depth_c + on_c, depth_d + on_d
        going = on_a | on_b | on_c | on_d
    if tree.coordinates > 1:
        score_a = _climb(tree, points, x, table, a, depth_a)
        score_b = _climb(tree, points, y, table, b, depth_b)
        score_c = _climb(tree, points, z, table, c, depth_c)
        score_d = _climb(tree, points, w, table, d, depth_d)
        return score_a, score_b, score_c, score_d
    score_a = _at_leaf(tree, points, x, table, a, depth_a)
    score_b = _at_leaf(tree, points, y, table, b, depth_b)
    score_c = _at_leaf(tree, points, z, table, c, depth_c)
    score_d = _at_leaf(tree, points, w, table, d, depth_d)
    is_outside = has_cuts
    while is_outside:
        a, score_a, out_a = _up(tree, points, x, table, a, depth_a, score_a)
        b, score_b, out_b = _up(tree, points, y, table, b, depth_b, score_b)
        c, score_c, out_c = _up(tree, points, z, table, c, depth_c, score_c)
        d, score_d, out_d = _up(tree, points, w, table, d, depth_d, score_d)
        depth_a, depth_b = max(depth_a - 1, 0), max(depth_b - 1, 0)
        depth_c, depth_d = max(depth_c - 1, 0), max(depth_d - 1, 0)
        is_outside = out_a | out_b | out_c | out_d
    return score_a, score_b, score_c, score_d


@inlined
def add_scores(tree: Tree, points: Any, begin: int, end: int, table: Any, scores: Any) -> None:
    """Add to scores[begin:end] the scores of those points."""
    step, last = tree.coordinates, end - 1
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
        scores[last] += _score_one(tree, points, table, last * step)
