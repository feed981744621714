"""The score of points on a line, as `walk` does it over more coordinates."""

from typing import Any

from .compiling import inlined
from .instructions import LANES
from .line import Line, id_at, search
from .line_lanes import MOST, add_eight_scores, supported
from .scoring import DEPTH, RECIPROCAL, WEIGHT

_LIKELY = 4
_SOME = 3  # points for which it is worth it to take eight
IN_REGISTERS = supported()


@inlined
def score_at_leaf(line: Line, x: float, table: Any, leaf: int) -> float:
    depth = id_at(line.ids, line.depth + leaf)
    if line.numbers[line.value + leaf] != x:
        return float(table[3 * (depth + 1) + RECIPROCAL])
    mass = 3 * id_at(line.ids, line.mass + leaf)
    return float(table[mass + WEIGHT] / (depth + table[mass + DEPTH]))


@inlined
def _at_leaf(line: Line, x: float, table: Any, leaf: int) -> tuple[float, bool, int, int, int, float]:
    """At the leaf that the cuts lead x to: how far x is from it; whether that is at all; depth and score.

    In between, where the ends of the node of row i that is on x's side of the leaf are: the near one at near + 2 i, and
    the far one. Of these i is the leaf itself, then the far end of the node before.
    """
    value, depth = line.numbers[line.value + leaf], id_at(line.ids, line.depth + leaf)
    right, score = int(x > value), score_at_leaf(line, x, table, leaf)
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
def score_one(line: Line, x: float, table: Any) -> float:
    """The score of x.

    How many steps there are cannot be predicted, and few are more than _LIKELY: so many are gone in any case.
    """
    leaf = at = search(line, x)
    beyond, on, near, far, depth, score = _at_leaf(line, x, table, leaf)
    for _ in range(_LIKELY):
        at, depth, score, on = _step(line, table, leaf, beyond, near, far, at, depth, score, on)
    while on:
        at, depth, score, on = _step(line, table, leaf, beyond, near, far, at, depth, score, on)
    return score


@inlined
def add_scores(line: Line, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> None:
    """Add to scores[begin:end] the scores of those points."""
    while IN_REGISTERS and line.samples <= MOST and end - begin >= _SOME:
        add_eight_scores(
            line.numbers, line.ids, line.cut, line.value, line.span, line.depth, line.mass,
            points, begin, end, table, scores,
        )  # fmt: skip
        begin = min(begin + LANES, end)
    for i in range(begin, end):
        scores[i] += score_one(line, points[i], table)
