"""The score of points on a line, as `walk` does it over more coordinates."""

from typing import Any

from .compiling import inlined, part
from .instructions import LANES
from .line import Line, end_of, id_at, search, sides_of
from .line_lanes import MOST, add_eight_scores, supported
from .line_nodes import chances_of_cuts
from .scoring import DEPTH, RECIPROCAL, WEIGHT

_SOME = 3  # points for which it is worth it to take eight
_IN_REGISTERS = supported()


@inlined
def _score_at_leaf(line: Line, x: float, table: Any, leaf: int, depth: int) -> float:
    if line.numbers[line.value + leaf] != x:
        return float(table[3 * (depth + 1) + RECIPROCAL])
    mass = 3 * id_at(line.ids, line.mass + leaf)
    return float(table[mass + WEIGHT] / (depth + table[mass + DEPTH]))


@inlined
def _separated(line: Line, leaf: int, right: int, beyond: float, level: int) -> float:
    """The chance that a cut separates a point from the node of a level that ends at its leaf."""
    value, end = line.numbers[line.value + leaf], end_of(line, leaf, right, level)
    return float(beyond / (beyond + abs(value - line.numbers[line.value + end])))


@inlined
def score_one(line: Line, x: float, table: Any) -> tuple[float, int]:
    """The score of x, and its leaf.

    How many nodes it is outside of cannot be predicted, and few are more than LIKELY: so many are passed in any case.
    """
    leaf = search(line, x)
    value = line.numbers[line.value + leaf]
    right = int(x > value)
    level, last = sides_of(line, leaf, right)
    score = _score_at_leaf(line, x, table, leaf, max(level, last))
    last = last if x != value else level
    beyond = abs(x - value)
    known, a, b, c, d = chances_of_cuts(
        line.numbers, line.ids, line.value, line.level, leaf, right, beyond, level, last
    )
    at = 3 * level + RECIPROCAL
    score += a * (table[at] - score)
    score += b * (table[at - 3] - score)
    score += c * (table[at - 6] - score)
    score += d * (table[at - 9] - score)
    for above in range(level - known, last, -1):
        score += _separated(line, leaf, right, beyond, above) * (table[3 * above + RECIPROCAL] - score)
    return score, leaf


@part
def add_scores(line: Line, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> int:
    """Add to scores[begin:end] the scores of those points; returns the leaf of the last, or -1 if unknown."""
    leaf = -1
    while _IN_REGISTERS and line.samples <= MOST and end - begin >= _SOME:
        add_eight_scores(
            line.numbers, line.ids, line.cut, line.value, line.level, line.mass,
            points, begin, end, table, scores,
        )  # fmt: skip
        begin = min(begin + LANES, end)
    for i in range(begin, end):
        score, leaf = score_one(line, points[i], table)
        scores[i] += score
    return leaf
