"""What would have been normal in place of a record, and how little would have to change.

The entries of all trees' samples are what the forest holds for normal. Those nearest to a record say what to
expect in its place, where near is judged by what is not anomalous about it: with share_i of the score coming
from coordinate i,

    distance to p = Σ_i (1 - share_i) · |x_i - p_i| / spread_i
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .arrays import Floats, point_at, tree_at
from .attribution import as_given, as_next, split_scores
from .compiling import kernel
from .layout import layout_of
from .reservoir import entries_of, records_of

if TYPE_CHECKING:
    from .forest import RandomCutForest

_STEPS, _HALVINGS = 32, 20
_NORMAL, _REFERENCES = 0.9, 256


@kernel
def _newest(trees: int, coordinates: int, leaves: Floats, newest: Floats) -> None:
    """Write the newest record of each entry, given leaves (num_trees, samples): (num_trees * samples, dimensions)."""
    dimensions, samples = newest.shape[1], leaves.shape[1]
    for t in range(leaves.shape[0]):
        tree = tree_at(trees, t, samples, coordinates)
        for entry in range(samples):
            last = point_at(tree, int(leaves[t, entry])) + coordinates - dimensions
            for i in range(dimensions):
                newest[t * samples + entry, i] = tree.numbers[last + i]


@kernel
def _measure(trees: int, leaves: Floats, point: Floats, weights: Floats, distances: Floats) -> None:
    """Write the weighted distance from a point (coordinates,) to every entry, (num_trees * samples,)."""
    coordinates, samples = point.size, leaves.shape[1]
    for t in range(leaves.shape[0]):
        tree = tree_at(trees, t, samples, coordinates)
        for entry in range(samples):
            at = point_at(tree, int(leaves[t, entry]))
            total = 0.0
            for i in range(coordinates):
                total += weights[i] * abs(point[i] - tree.numbers[at + i])
            distances[t * samples + entry] = total


def _closeness(newest: Floats) -> Floats:
    """1 / spread of each feature, 0 where it never varies: (dimensions,).

    The spread is the interquartile range, which no outlier in the sample can stretch; where over half of the values
    are one and the same, that between the 5th and the 95th percentile, or at last the whole range. The places of
    a feature in a shingle share one spread: they hold the same values at other times.
    """
    least, low, lower, upper, high, most = np.percentile(newest, [0, 5, 25, 75, 95, 100], axis=0)
    spread = most - least
    for narrower in (high - low, upper - lower):
        spread = np.where(narrower > 0.0, narrower, spread)
    # At most 1e300, so that no distance is 0 times infinity.
    return np.where(spread > 0.0, 1.0 / np.maximum(spread, 1e-300), 0.0)


def expected(forest: "RandomCutForest", points: npt.ArrayLike) -> Floats:
    """What would have been normal in place of each record, were it the next: (n, dimensions) → the same, float64.

    The median, feature by feature, of the newest records of the nearest entries of the trees' samples: of all entries
    at most as far as the num_trees-th. With one coordinate all are equally near. The record itself until sample_size
    points have been learned. Changes nothing.

    >>> from udf.rcf import RandomCutForest
    >>> forest = RandomCutForest(dimensions=2, num_trees=50, sample_size=64, time_decay=1000, seed=7)
    >>> x = np.random.default_rng(7).uniform(0, 10, size=500)
    >>> forest.learn(np.column_stack((x, 2 * x)))
    >>> bool(abs(expected(forest, [[4.0, 30.0]])[0, 1] - 8.0) < 0.5)
    True
    """
    return as_given(forest, _expected(forest, forest._next(points)))


def _expected(forest: "RandomCutForest", records: Floats) -> Floats:
    """`expected` of checked records, columns in the order inside the forest."""
    if forest._points_learned < forest.sample_size or not len(records):
        return records
    trees, num_trees, samples, coordinates, *_ = forest._kernel_arguments
    entries = entries_of(layout_of(forest._parameters).samples_of(forest._trees, forest._parameters), samples)
    if coordinates is None:
        return np.full(records.shape, np.median(entries))
    newest = np.empty((num_trees * samples, forest.dimensions))
    _newest(trees, coordinates, entries, newest)
    closeness = np.tile(_closeness(newest), forest.shingle_size)
    low, high = split_scores(forest, records)
    scores = (low + high).sum(axis=1, keepdims=True)
    weights = (1.0 - (low + high) / scores) * closeness
    result, distances = np.empty(records.shape), np.empty(len(newest))
    for i in range(len(records)):
        _measure(trees, entries, as_next(forest, records[i : i + 1])[0], weights[i], distances)
        farthest = np.partition(distances, num_trees - 1)[num_trees - 1]
        result[i] = np.median(newest[distances <= farthest], axis=0)
    return result


def normal_level(forest: "RandomCutForest") -> float:
    """The score that 9 of 10 records kept in the samples do not exceed; 0 until sample_size points are learned.

    Of all records kept, 256 at equal intervals are scored. Some of the trees that score one hold it, which was seen to
    move the level by 0.01 at most.
    """
    if forest._points_learned < forest.sample_size:
        return 0.0
    samples, coordinates = forest.sample_size, forest._parameters.coordinates
    layout = layout_of(forest._parameters)
    numbers = records_of(layout.samples_of(forest._trees, forest._parameters), samples)
    _, entries = np.unique(numbers, return_index=True)
    chosen = np.linspace(0, len(entries) - 1, min(len(entries), _REFERENCES)).astype(np.int64)
    points = layout.points_of(forest._trees, forest._parameters, entries[chosen], samples)
    scores = np.zeros(len(chosen))
    forest._run(points, coordinates, scores, learned=False)
    return float(np.quantile(scores, _NORMAL))


def smallest_change(forest: "RandomCutForest", points: npt.ArrayLike, level: float | None = None) -> Floats:
    """The least of the way from each record to its expected value that makes it normal: (n, dimensions), float64.

    points: (n, dimensions), each as the next record. What is returned is to be added to the record, whose score is then
    at most `level`, by default `normal_level`: 0 where it is so already, and the whole way where no step of it
    suffices. Raises ValueError for a level that is not a number. Changes nothing.

    The score falls along the way by steps, and not always: the way is tried in 32 equal steps, and the first that is
    far enough is narrowed down to 2**-25 of the way.

    >>> from udf.rcf import RandomCutForest
    >>> forest = RandomCutForest(dimensions=1, num_trees=50, sample_size=64, time_decay=1000, seed=7)
    >>> forest.learn(np.random.default_rng(7).normal(size=(500, 1)))
    >>> change = smallest_change(forest, [[9.0], [0.5]])
    >>> bool(-9.0 < change[0, 0] < -6.0), float(change[1, 0])
    (True, 0.0)
    """
    records = as_given(forest, forest._checked(points))
    least = normal_level(forest) if level is None else _number(level)
    ways = expected(forest, records) - records
    changes = np.zeros(records.shape)
    for i in np.flatnonzero(forest.score(records) > least):
        changes[i] = _narrowed(forest, records[i], ways[i], least)
    return changes


def _number(level: float) -> float:
    try:
        number = float(level)
    except (TypeError, ValueError) as error:
        raise ValueError(f"level must be a number, got {level!r}") from error
    if math.isnan(number):
        raise ValueError(f"level must be a number, got {level!r}")
    return number


def _narrowed(forest: "RandomCutForest", record: Floats, way: Floats, level: float) -> Floats:
    """The least step along a way, (dimensions,), from a record above the level."""
    steps = np.arange(1, _STEPS + 1) / _STEPS
    enough = forest.score(record + steps[:, np.newaxis] * way) <= level
    if not enough.any():
        return way
    first = int(enough.argmax())
    short, far = first / _STEPS, float(steps[first])
    for _ in range(_HALVINGS):
        middle = (short + far) / 2
        if forest.score((record + middle * way)[np.newaxis])[0] <= level:
            far = middle
        else:
            short = middle
    return far * way
