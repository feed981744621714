"""The score of points on a line, as `walk` does it over more coordinates."""

from typing import Any

from .compiling import inlined
from .instructions import if_below
from .line import BOX, CUT, LEAVES, LEVEL, MASS, PARENT, ROW, TABLE, VALUE, Line, id_at, row_of, search, single, up
from .scoring import DEPTH, RECIPROCAL, WEIGHT


@inlined
def outside_of(line: Line, node: int, x: float) -> float:
    box = BOX * line.samples + 2 * node
    return max(line.numbers[box] - x, x - line.numbers[box + 1], 0.0)


@inlined
def _at_leaf(line: Line, x: float, table: Any, row: int, depth: int) -> float:
    if line.numbers[row + VALUE] != x:
        return table[3 * (depth + 1) + RECIPROCAL]
    mass = 3 * id_at(line.ids, 4 * row + MASS)
    return table[mass + WEIGHT] / (depth + table[mass + DEPTH])


@inlined
def _step(line: Line, x: float, table: Any, node: int, depth: int, score: float) -> tuple[int, int, float, float]:
    """From a child at a depth to its parent `node`: that node's parent and depth, the score there, how far outside."""
    box = BOX * line.samples + 2 * node
    low, high = line.numbers[box], line.numbers[box + 1]
    beyond = max(low - x, x - high, 0.0)
    beyond = beyond if depth > 0 else 0.0
    separated = beyond / (beyond + (high - low))
    score += separated * (table[3 * depth + RECIPROCAL] - score)
    return id_at(line.ids, up(line, node)), max(depth - 1, 0), score, beyond


@inlined
def find_and_score(line: Line, x: float, table: Any) -> tuple[int, float]:
    """The leaf that the cuts lead x to, and the score of x."""
    leaves = id_at(line.ids, single(line, LEAVES))
    leaf = search(line, leaves - 1, x)
    row = row_of(line, leaf)
    depth, node = id_at(line.ids, 4 * row + LEVEL), id_at(line.ids, 4 * row + PARENT)
    score = _at_leaf(line, x, table, row, depth)
    beyond = 1.0
    while depth > 0 and beyond > 0.0:
        node, depth, score, beyond = _step(line, x, table, node, depth, score)
    return leaf, score


@inlined
def add_scores(line: Line, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> None:
    """Add to scores[begin:end] the scores of those points, four side by side: steps wait for memory, divisions."""
    last, leaves = end - 1, id_at(line.ids, single(line, LEAVES))
    start, numbers = TABLE * line.samples + CUT, line.numbers
    if (end - begin) % 4 == 1:
        scores[last] += find_and_score(line, points[last], table)[1]
    for i in range(begin, last, 4):
        j, k, m = i + 1, min(i + 2, last), min(i + 3, last)
        x, y, z, w = points[i], points[j], points[k], points[m]
        a = b = c = d = start
        cuts = leaves - 1
        while cuts > 0:
            half = ROW * ((cuts + 1) >> 1)
            a += if_below(numbers[a + half - ROW], x, half)
            b += if_below(numbers[b + half - ROW], y, half)
            c += if_below(numbers[c + half - ROW], z, half)
            d += if_below(numbers[d + half - ROW], w, half)
            cuts >>= 1
        at_a, at_b, at_c, at_d = 4 * a, 4 * b, 4 * c, 4 * d
        depth_a, depth_b = id_at(line.ids, at_a + LEVEL), id_at(line.ids, at_b + LEVEL)
        depth_c, depth_d = id_at(line.ids, at_c + LEVEL), id_at(line.ids, at_d + LEVEL)
        score_a, score_b = _at_leaf(line, x, table, a, depth_a), _at_leaf(line, y, table, b, depth_b)
        score_c, score_d = _at_leaf(line, z, table, c, depth_c), _at_leaf(line, w, table, d, depth_d)
        a, b = id_at(line.ids, at_a + PARENT), id_at(line.ids, at_b + PARENT)
        c, d = id_at(line.ids, at_c + PARENT), id_at(line.ids, at_d + PARENT)
        beyond = 1.0 if leaves > 1 else 0.0
        while beyond > 0.0:
            a, depth_a, score_a, beyond_a = _step(line, x, table, a, depth_a, score_a)
            b, depth_b, score_b, beyond_b = _step(line, y, table, b, depth_b, score_b)
            c, depth_c, score_c, beyond_c = _step(line, z, table, c, depth_c, score_c)
            d, depth_d, score_d, beyond_d = _step(line, w, table, d, depth_d, score_d)
            beyond = max(beyond_a, beyond_b, beyond_c, beyond_d)
        scores[i] += score_a
        scores[j] += score_b
        if k > j:
            scores[k] += score_c
        if m > k:
            scores[m] += score_d
