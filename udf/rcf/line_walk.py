"""The score of points on a line, as `walk` does it over more coordinates."""

from typing import Any

from .compiling import inlined
from .line import Line, id_at, search
from .scoring import DEPTH, RECIPROCAL, WEIGHT


@inlined
def _at_leaf(line: Line, x: float, table: Any, leaf: int) -> tuple[float, bool, int, int, int, float]:
    """At the leaf that the cuts lead x to: how far x is from it; whether that is at all; depth and score.

    In between, where the ends of the node of row i that is on x's side of the leaf are: the near one at near + 2 i, and
    the far one. Of these i is the leaf itself, then the far end of the node before.
    """
    value, depth = line.numbers[line.value + leaf], id_at(line.ids, line.depth + leaf)
    right = int(x > value)
    if value != x:
        score = table[3 * (depth + 1) + RECIPROCAL]
    else:
        mass = 3 * id_at(line.ids, line.mass + leaf)
        score = table[mass + WEIGHT] / (depth + table[mass + DEPTH])
    return abs(x - value), value != x, line.span - right, line.span + 1 - 3 * right, depth, score


@inlined
def _step(
    line: Line, table: Any, leaf: int, beyond: float, near: int, far: int, at: int, depth: int, score: float, on: bool
) -> tuple[int, int, float, bool]:
    """Past the box of the next node up if that ends at the leaf, so before x: where then, depth, score, whether so."""
    on &= id_at(line.ids, near + 2 * at) == leaf
    end = id_at(line.ids, far + 2 * at)
    separated = beyond / (beyond + abs(line.numbers[line.value + leaf] - line.numbers[line.value + end]))
    score += (separated if on else 0.0) * (table[3 * depth + RECIPROCAL] - score)
    return end, depth - int(on), score, on


@inlined
def find_and_score(line: Line, x: float, table: Any) -> tuple[int, float]:
    """The leaf that the cuts lead x to, and the score of x."""
    leaf = at = search(line, x)
    beyond, on, near, far, depth, score = _at_leaf(line, x, table, leaf)
    while on:
        at, depth, score, on = _step(line, table, leaf, beyond, near, far, at, depth, score, on)
    return leaf, score


@inlined
def score_four(
    lines: tuple[Line, Line, Line, Line], x: float, y: float, z: float, w: float, table: Any
) -> tuple[float, float, float, float]:
    """The scores of a point on each of four lines, side by side: how many steps one takes is a surprise."""
    line_a, line_b, line_c, line_d = lines
    a, b, c, d = search(line_a, x), search(line_b, y), search(line_c, z), search(line_d, w)
    at_a, at_b, at_c, at_d = a, b, c, d
    beyond_a, on_a, near_a, far_a, depth_a, score_a = _at_leaf(line_a, x, table, a)
    beyond_b, on_b, near_b, far_b, depth_b, score_b = _at_leaf(line_b, y, table, b)
    beyond_c, on_c, near_c, far_c, depth_c, score_c = _at_leaf(line_c, z, table, c)
    beyond_d, on_d, near_d, far_d, depth_d, score_d = _at_leaf(line_d, w, table, d)
    while on_a | on_b | on_c | on_d:
        at_a, depth_a, score_a, on_a = _step(line_a, table, a, beyond_a, near_a, far_a, at_a, depth_a, score_a, on_a)
        at_b, depth_b, score_b, on_b = _step(line_b, table, b, beyond_b, near_b, far_b, at_b, depth_b, score_b, on_b)
        at_c, depth_c, score_c, on_c = _step(line_c, table, c, beyond_c, near_c, far_c, at_c, depth_c, score_c, on_c)
        at_d, depth_d, score_d, on_d = _step(line_d, table, d, beyond_d, near_d, far_d, at_d, depth_d, score_d, on_d)
    return score_a, score_b, score_c, score_d


@inlined
def add_scores(line: Line, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> None:
    """Add to scores[begin:end] the scores of those points."""
    last, lines = end - 1, (line, line, line, line)
    for i in range(begin, last, 4):
        j, k, m = i + 1, min(i + 2, last), min(i + 3, last)
        a, b, c, d = score_four(lines, points[i], points[j], points[k], points[m], table)
        scores[i] += a
        scores[j] += b
        if k > j:
            scores[k] += c
        if m > k:
            scores[m] += d
    if (end - begin) % 4 == 1:
        scores[last] += find_and_score(line, points[last], table)[1]
