"""The score of points in one tree: the expected score over fresh cuts, without inserting them."""

from typing import Any

from .arrays import AXIS, CHILD, CUT, MASS, PARENT, ROOT, SPAN, Tree, box_at, point_at, single
from .compiling import inlined
from .cutting import outside


@inlined
def _step(tree: Tree, points: Any, x: int, node: int) -> int:
    """The child on the point's side of the cut; a leaf stays where it is.

    Without a branch: of a leaf, the entries of the last inner node are read and not used.
    """
    inner = min(node, tree.samples - 1)
    right = int(points[x + tree.ids[AXIS * tree.samples + inner]] > tree.numbers[CUT * tree.samples + inner])
    child = int(tree.ids[CHILD * tree.samples + 2 * inner + right])
    return child if node < tree.samples else node


@inlined
def _score_from_leaf(tree: Tree, points: Any, x: int, seen: Any, node: int, depth: int) -> float:
    """The score, given the leaf that the cuts lead to: up along the boxes for as long as the point lies outside.

    At an ancestor of depth d a fresh cut separates the point with probability p = outside / (outside + span):
    the score is then 1 / (d + 1), else that of the child.
    """
    samples, coordinates, numbers, ids = tree.samples, tree.coordinates, tree.numbers, tree.ids
    leaf = node - samples
    same = point_at(tree, leaf)
    if outside(numbers, same, same, points, x, coordinates) == 0.0:
        mass = ids[MASS * samples + leaf]
        return seen[2 * mass] / (depth + seen[2 * mass + 1])
    score = 1.0 / (depth + 1)
    while depth > 0:
        node = ids[PARENT * samples + node]
        box = box_at(tree, node)
        beyond = outside(numbers, box, box + coordinates, points, x, coordinates)
        if beyond == 0.0:
            break
        score += beyond / (beyond + numbers[SPAN * samples + node]) * (1.0 / depth - score)
        depth -= 1
    return score


@inlined
def add_scores(tree: Tree, points: Any, begin: int, end: int, seen: Any, scores: Any) -> None:
    """Add to scores[begin:end] the scores of those points.

    Four points walk down side by side: each step waits for memory, and the waits overlap.
    """
    samples, coordinates = tree.samples, tree.coordinates
    root = int(tree.ids[single(tree, ROOT)])
    i = begin
    while i < end:
        x, y = i * coordinates, min(i + 1, end - 1) * coordinates
        z, w = min(i + 2, end - 1) * coordinates, min(i + 3, end - 1) * coordinates
        of_x = of_y = of_z = of_w = root
        depth_x = depth_y = depth_z = depth_w = 0
        while min(min(of_x, of_y), min(of_z, of_w)) < samples:
            depth_x += int(of_x < samples)
            depth_y += int(of_y < samples)
            depth_z += int(of_z < samples)
            depth_w += int(of_w < samples)
            of_x, of_y = _step(tree, points, x, of_x), _step(tree, points, y, of_y)
            of_z, of_w = _step(tree, points, z, of_z), _step(tree, points, w, of_w)
        scores[i] += _score_from_leaf(tree, points, x, seen, of_x, depth_x)
        if i + 1 < end:
            scores[i + 1] += _score_from_leaf(tree, points, y, seen, of_y, depth_y)
        if i + 2 < end:
            scores[i + 2] += _score_from_leaf(tree, points, z, seen, of_z, depth_z)
        if i + 3 < end:
            scores[i + 3] += _score_from_leaf(tree, points, w, seen, of_w, depth_w)
        i += 4
