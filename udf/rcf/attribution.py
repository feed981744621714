"""Which coordinates a score comes from, and from which side: attribution.

A score is a sum over the leaf of a point and the boxes above it that the point is outside of. In the box at
depth d, whose sides sum to span_d, a fresh cut separates the point with probability p_d = outside_d / (outside_d
+ span_d), which is the sum of the same fraction of every single gap; then the score is 1 / (d + 1). With
passed_d the product of all 1 - p above,

    high_i = Σ_d  passed_d / (d + 1) · max(0, x_i - max_i) / (outside_d + span_d)

and low_i likewise with max(0, min_i - x_i); a leaf is a box of span 0. A point that equals its leaf is outside
of no box. Its score is split by the gaps to the box of the leaf's sibling, which never holds it since a cut is
between, and evenly where the leaf is the whole tree.

Kernels here have the form of those in `walk` and `line_walk`, with low and high in place of scores.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import line, line_walk, register_walk
from .arrays import (
    CHILD,
    MASS,
    PARENT,
    ROOT,
    SPAN,
    Floats,
    Tree,
    box_at,
    point_at,
    single,
    tree_at,
)
from .compiling import inlined, kernel, part
from .cutting import outside
from .descent import down_eight
from .pointers import floats_at, words_at
from .scoring import DEPTH, RECIPROCAL, WEIGHT

if TYPE_CHECKING:
    from .forest import RandomCutForest

_CHUNK = 1024
# The reciprocal of the smallest totals would overflow; their gaps are scaled up first, which loses nothing.
_SMALL, _ENLARGED = 2.0**-1000, 2.0**200


class _Way(NamedTuple):
    """From a leaf up, while the point is outside of boxes: by depth, of the point that is served."""

    path: Any  # int64: the nodes
    totals: Any  # float64: by how much it is outside, and then with the span of the box
    scores: Any  # float64: what is to be split there, and then what gaps are multiplied by


@inlined
def _split(
    tree: Tree, low_at: int, high_at: int, points: Any, x: int, score: float, total: float, low: Any, high: Any, to: int
) -> None:
    """Add the fraction gap / total of a score, for the gaps between a box and the point, to low and high from `to` on.

    There is no sum across coordinates, so the compiler may use vectors of any width.
    """
    scale = _ENLARGED if total < _SMALL else 1.0
    weight = score / (total * scale)
    for i in range(tree.coordinates):
        here = points[x + i]
        low[to + i] += max(tree.numbers[low_at + i] - here, 0.0) * scale * weight
        high[to + i] += max(here - tree.numbers[high_at + i], 0.0) * scale * weight


@inlined
def _add_new(
    tree: Tree,
    points: Any,
    x: int,
    table: Any,
    leaf: int,
    depth: int,
    gap: float,
    low: Any,
    high: Any,
    to: int,
    way: _Way,
) -> None:
    """Split the score of a point that is `gap` away from its leaf.

    Up while it is outside of the boxes, noting by how much; then down again, knowing what passes.
    """
    samples, coordinates, numbers = tree.samples, tree.coordinates, tree.numbers
    path, totals, scores = way
    node, first, same, in_registers = leaf, depth, point_at(tree, leaf - samples), register_walk.fits(coordinates)
    if in_registers and depth > 0:
        first = register_walk.rise(tree.ids, numbers, samples, coordinates, points, x, path, totals, leaf, depth)
    while first > 0 and not in_registers:
        node = int(tree.ids[PARENT * samples + node])
        box = box_at(tree, node)
        beyond = outside(numbers, box, box + coordinates, points, x, coordinates)
        if beyond == 0.0:
            break
        first -= 1
        path[first], totals[first] = node, beyond
    passed, least = 1.0, gap
    for d in range(first, depth):
        sides = numbers[SPAN * samples + path[d]]
        totals[d] += sides
        least = min(least, totals[d])
        scores[d] = passed * table[3 * (d + 1) + RECIPROCAL]
        passed *= sides / totals[d]
    totals[depth], scores[depth] = gap, passed * table[3 * (depth + 1) + RECIPROCAL]
    if in_registers and least >= _SMALL:
        for d in range(first, depth + 1):
            scores[d] /= totals[d]
        register_walk.split(
            tree.ids, numbers, samples, coordinates, points, x, path, scores, first, depth, same, low, high, to
        )
        return
    for d in range(first, depth):
        box = box_at(tree, path[d])
        _split(tree, box, box + coordinates, points, x, scores[d], totals[d], low, high, to)
    _split(tree, same, same, points, x, scores[depth], gap, low, high, to)


@inlined
def _add_seen(tree: Tree, points: Any, x: int, table: Any, leaf: int, depth: int, low: Any, high: Any, to: int) -> None:
    """Split the score of a point that equals its leaf."""
    samples, coordinates, ids = tree.samples, tree.coordinates, tree.ids
    mass = 3 * int(ids[MASS * samples + leaf - samples])
    score = table[mass + WEIGHT] / (depth + table[mass + DEPTH])
    if depth == 0:
        for i in range(coordinates):
            low[to + i] += 0.5 * score / coordinates
            high[to + i] += 0.5 * score / coordinates
        return
    parent = ids[PARENT * samples + leaf]
    left, right = ids[CHILD * samples + 2 * parent], ids[CHILD * samples + 2 * parent + 1]
    sibling = int(right if left == leaf else left)
    low_at = high_at = point_at(tree, sibling - samples)
    if sibling < samples:
        low_at = box_at(tree, sibling)
        high_at = low_at + coordinates
    gap = outside(tree.numbers, low_at, high_at, points, x, coordinates)
    _split(tree, low_at, high_at, points, x, score, gap, low, high, to)


@part
def _add_one(
    tree: Tree,
    points: Any,
    x: int,
    table: Any,
    leaf: int,
    depth: int,
    low: Any,
    high: Any,
    to: int,
    way: _Way,
) -> None:
    """Split the score of a point, given the leaf that the cuts lead it to and its depth."""
    same = point_at(tree, leaf - tree.samples)
    gap = outside(tree.numbers, same, same, points, x, tree.coordinates)
    if gap > 0.0:
        _add_new(tree, points, x, table, leaf, depth, gap, low, high, to, way)
    else:
        _add_seen(tree, points, x, table, leaf, depth, low, high, to)


@inlined
def add_attributions(tree: Tree, points: Any, begin: int, end: int, step: int, table: Any, low: Any, high: Any) -> None:
    """Add to rows begin … end - 1 of low and high, (…, coordinates), the split scores of those points.

    As in `walk.add_scores`, `step` words of `points` are from one to the next, and eight go down side by side.
    """
    width, last = tree.coordinates, end - 1
    room, size = np.empty(3 * tree.samples), 8 * tree.samples  # used below, and so alive until then
    begins = room.ctypes.data
    way = _Way(words_at(begins), floats_at(begins + size), floats_at(begins + 2 * size))
    root = int(tree.ids[single(tree, ROOT)])
    for first in range(begin, end, 8):
        told = down_eight(tree.ids, tree.numbers, tree.samples, root, points, first, last, step)
        for i in range(min(end - first, 8)):
            at = first + i
            _add_one(tree, points, at * step, table, told[i], told[8 + i], low, high, at * width, way)
    room[0] = 0.0


@inlined
def add_attributions_on_line(
    a_line: line.Line, points: Any, begin: int, end: int, step: int, table: Any, low: Any, high: Any
) -> None:
    """The same over one coordinate: a point is on the same side of its leaf and of all boxes that it is outside of.

    So a score goes to one side whole, and leaves are looked for a second time. Sides are unpredictable: no branches.
    """
    numbers, ids = a_line.numbers, a_line.ids
    whole = 0.5 if ids[a_line.leaves] == 1 else 1.0
    scores = np.zeros(end - begin)  # used below, and so alive while `add_scores` has its address
    line_walk.add_scores(a_line, points, begin, end, step, table, floats_at(scores.ctypes.data - 8 * begin))
    for i in range(begin, end):
        leaf = line.search(a_line, points[i])
        apart = points[i] - numbers[a_line.value + leaf]
        # Above a leaf is the lower of the nodes beside it. Is it that to its right, the leaf is below its sibling
        is_right = ids[a_line.level + leaf] <= ids[a_line.level + leaf - 1]
        share = int(apart > 0.0) + int((apart == 0.0) & is_right) * whole
        score = scores[i - begin]
        high[i] += share * score
        low[i] += score - share * score


@kernel
def attribute(
    trees: int,
    num_trees: int,
    samples: int,
    coordinates: int | None,
    table: Floats,
    points: Floats,
    low: Floats,
    high: Floats,
) -> None:
    """Add to low and high, as points (n, coordinates), the scores of points split, summed over the trees."""
    at_points, of_table, count = floats_at(points.ctypes.data), floats_at(table.ctypes.data), points.shape[0]
    lows, highs = floats_at(low.ctypes.data), floats_at(high.ctypes.data)
    for t in range(num_trees):
        if coordinates is None:
            a_line = line.line_at(trees, t, samples)
            add_attributions_on_line(a_line, at_points, 0, count, 1, of_table, lows, highs)
        else:
            tree = tree_at(trees, t, samples, coordinates)
            add_attributions(tree, at_points, 0, count, coordinates, of_table, lows, highs)


def as_next(forest: "RandomCutForest", records: Floats) -> Floats:
    """The point of the trees that each checked record makes were it the next: (n, dimensions) → (n, coordinates)."""
    points = np.empty((len(records), forest.shingle_size, forest.dimensions))
    points[:, :-1] = forest._recent
    points[:, -1] = records
    return points.reshape(len(records), forest._parameters.coordinates)


def as_given(forest: "RandomCutForest", values: Floats) -> Floats:
    """Columns in the order that the caller has them in, from that inside the forest; any number of records a row."""
    if forest._order is None:
        return values
    by_record = values.reshape(len(values), -1, forest.dimensions)
    given = np.empty_like(by_record)
    given[:, :, forest._order] = by_record
    return given.reshape(values.shape)


def split_scores(forest: "RandomCutForest", records: Floats) -> tuple[Floats, Floats]:
    """`attribution` of checked records, columns in the order inside the forest."""
    low, high = np.zeros((2, len(records), forest._parameters.coordinates))
    if forest._points_learned < forest.sample_size:
        return low, high
    trees, num_trees, samples, coordinates, *_, table = forest._kernel_arguments
    for begin in range(0, len(records), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        next_points = as_next(forest, records[chunk])
        attribute(trees, num_trees, samples, coordinates, table, next_points, low[chunk], high[chunk])
    low *= forest._scale
    high *= forest._scale
    return low, high


def attribution(forest: "RandomCutForest", points: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The score of each record were it the next, by coordinate and side; changes nothing.

    points: (n, dimensions). Returns low and high, (n, dimensions * shingle_size) float64: what of the score comes
    from a coordinate being lower, or higher, than is normal. A shingle is laid out record by record, the oldest
    first. low + high sums to the score; both are 0 while the score is.

    >>> from udf.rcf import RandomCutForest
    >>> forest = RandomCutForest(dimensions=2, num_trees=50, sample_size=64, time_decay=1000, seed=7)
    >>> forest.learn(np.random.default_rng(7).normal(size=(500, 2)))
    >>> low, high = attribution(forest, [[0.0, 9.0]])
    >>> bool(high[0, 1] > 0.9 * forest.score([[0.0, 9.0]])[0])
    True

    Source: Guha, Mishra, Roy, Schrijvers, "Robust Random Cut Forest Based Anomaly Detection on Streams", ICML 2016,
    for the chance of being separated; split by coordinate and side as Amazon's open library does.
    """
    low, high = split_scores(forest, forest._next(points))
    return as_given(forest, low), as_given(forest, high)
