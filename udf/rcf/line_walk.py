"""The score of points on a line, as `walk` does it over more coordinates."""

from typing import Any

from .compiling import inlined
from .line import Line, id_at, search
from .scoring import DEPTH, RECIPROCAL, WEIGHT


@inlined
def _begin(line: Line, x: float, table: Any, leaf: int) -> tuple[float, int, int, float, bool, int, int]:
    """At the leaf that the cuts lead x to: its value, the side that x is on, depth and score.

    Then whether x is elsewhere than the leaf, and the row and one end of the lowest node that may end there.
    """
    value, depth = line.numbers[line.value + leaf], id_at(line.ids, line.depth + leaf)
    right = int(x > value)
    if value != x:
        return value, right, depth, table[3 * (depth + 1) + RECIPROCAL], True, leaf - right
    mass = 3 * id_at(line.ids, line.mass + leaf)
    return value, right, depth, table[mass + WEIGHT] / (depth + table[mass + DEPTH]), False, leaf - right


@inlined
def _step(
    line: Line, x: float, table: Any, leaf: int, value: float, right: int, row: int, depth: int, score: float, on: bool
) -> tuple[int, int, float, bool]:
    """Past the box of a row's node, if that ends at the leaf and so before x: the next row, depth, score, whether so."""
    at = line.span + 2 * row
    on &= id_at(line.ids, at + right) == leaf
    other = id_at(line.ids, at + 1 - right)
    beyond = abs(x - value)
    separated = beyond / (beyond + abs(value - line.numbers[line.value + other]))
    score += (separated if on else 0.0) * (table[3 * depth + RECIPROCAL] - score)
    return other - right, depth - int(on), score, on


@inlined
def find_and_score(line: Line, x: float, table: Any) -> tuple[int, float]:
    """The leaf that the cuts lead x to, and the score of x."""
    leaf = search(line, x)
    value, right, depth, score, on, row = _begin(line, x, table, leaf)
    while on:
        row, depth, score, on = _step(line, x, table, leaf, value, right, row, depth, score, on)
    return leaf, score


@inlined
def add_scores(line: Line, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> None:
    """Add to scores[begin:end] the scores of those points, four side by side: steps wait for memory, divisions."""
    last = end - 1
    if (end - begin) % 4 == 1:
        scores[last] += find_and_score(line, points[last], table)[1]
    for i in range(begin, last, 4):
        j, k, m = i + 1, min(i + 2, last), min(i + 3, last)
        x, y, z, w = points[i], points[j], points[k], points[m]
        a, b, c, d = search(line, x), search(line, y), search(line, z), search(line, w)
        value_a, right_a, depth_a, score_a, on_a, row_a = _begin(line, x, table, a)
        value_b, right_b, depth_b, score_b, on_b, row_b = _begin(line, y, table, b)
        value_c, right_c, depth_c, score_c, on_c, row_c = _begin(line, z, table, c)
        value_d, right_d, depth_d, score_d, on_d, row_d = _begin(line, w, table, d)
        while on_a | on_b | on_c | on_d:
            row_a, depth_a, score_a, on_a = _step(
                line, x, table, a, value_a, right_a, row_a, depth_a, score_a, on_a
            )
            row_b, depth_b, score_b, on_b = _step(
                line, y, table, b, value_b, right_b, row_b, depth_b, score_b, on_b
            )
            row_c, depth_c, score_c, on_c = _step(
                line, z, table, c, value_c, right_c, row_c, depth_c, score_c, on_c
            )
            row_d, depth_d, score_d, on_d = _step(
                line, w, table, d, value_d, right_d, row_d, depth_d, score_d, on_d
            )
        scores[i] += score_a
        scores[j] += score_b
        if k > j:
            scores[k] += score_c
        if m > k:
            scores[m] += score_d
