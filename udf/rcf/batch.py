"""The kernels that Python calls: a batch of points over all trees.

Trees are in the outer loop and points in the inner one, so that a tree is fetched from memory once a batch.
From one record that a tree accepts into its sample to the next it does not change, so the points of all those
are scored together.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from . import four_walk, line, line_tree, line_visit, line_walk, tree, walk
from .arrays import Floats, Integers, tree_at
from .compiling import inlined, kernel, part
from .instructions import LANES
from .line_lanes import MOST
from .pointers import floats_at
from .reservoir import enters, next_candidate, priority_of, sample_of, some_priorities
from .vectors import FEW


@inlined
def _pass(
    a_tree: Any,
    sample: Any,
    take: Any,
    add_scores: Any,
    step: int,
    table: Any,
    first: int,
    end: int,
    learned: bool,
    scored: bool,
    points: Any,
    scores: Any,
) -> None:
    """Take records first … end - 1 into one tree; `step` words of `points` from one to the next."""
    number = first
    while number < min(sample.samples, end):
        take(a_tree, sample, number, priority_of(sample, number), points, (number - first) * step, -1)
        number += 1
    priorities, known = some_priorities(), number - LANES
    while number < end:
        candidate, leaf = end, -1
        if learned:
            candidate, known = next_candidate(sample, number, end, priorities, known)
        if scored:
            leaf = add_scores(a_tree, points, number - first, min(candidate + 1, end) - first, step, table, scores)
        if candidate < end and enters(sample.gate, priorities[candidate - known]):
            priority = priorities[candidate - known]
            take(a_tree, sample, candidate, priority, points, (candidate - first) * step, leaf)
        number = candidate + 1


@kernel
def clean(values: Floats, largest: float) -> bool:
    """Bound magnitudes and make negative zeros positive, in place; False where a value is not finite."""
    for i in range(values.size):
        if not np.isfinite(values[i]):
            return False
        values[i] = max(-largest, min(largest, values[i])) + 0.0
    return True


@part
def _run(
    trees: int,
    num_trees: int,
    samples: int,
    coordinates: int | None,
    seed: np.uint64,
    decay_rate: float,
    table: Any,
    first: int,
    end: int,
    learned: bool,
    scored: bool,
    points: Any,
    step: int,
    scores: Any,
    after: int,
) -> None:
    """Take records first … end - 1 into the trees at an address; `after` is that of the trees that come next."""
    if coordinates is None and learned and end - first == 1 and samples <= min(MOST, first):
        line_visit.visit(trees, num_trees, samples, seed, decay_rate, table, first, scored, points, scores, after)
        return
    for t in range(num_trees):
        if coordinates is None:
            on_line, take, add = line.line_at(trees, t, samples), line_tree.take, line_walk.add_scores
            sample = sample_of(on_line, t, seed, decay_rate)
            _pass(on_line, sample, take, add, 1, table, first, end, learned, scored, points, scores)
        elif coordinates == FEW:  # compiled for themselves, without what is done to more
            few, take, add = tree_at(trees, t, samples, FEW), tree.take, four_walk.add_scores
            sample = sample_of(few, t, seed, decay_rate)
            _pass(few, sample, take, add, step, table, first, end, learned, scored, points, scores)
        else:
            in_space, take, add = tree_at(trees, t, samples, coordinates), tree.take, walk.add_scores
            sample = sample_of(in_space, t, seed, decay_rate)
            _pass(in_space, sample, take, add, step, table, first, end, learned, scored, points, scores)


@kernel
def hold_still(records: Floats, held: Floats, floors: Floats) -> None:
    """Where a value (n, dimensions) is less than its floor away from the one before, put that in its place.

    held (dimensions,): the values before the first record, NaN where there are none; then those of the last.
    """
    for i in range(records.shape[0]):
        for j in range(held.size):
            if abs(records[i, j] - held[j]) < floors[j]:
                records[i, j] = held[j]
            held[j] = records[i, j]


@kernel
def run(
    trees: int,
    num_trees: int,
    samples: int,
    coordinates: int | None,
    seed: np.uint64,
    decay_rate: float,
    table: Floats,
    first: int,
    end: int,
    learned: bool,
    series: Floats,
    step: int,
    scores: Floats,
) -> None:
    """Take points, records first … end - 1, into the trees at an address.

    coordinates: None for one, so that each of the two layouts is compiled where it is used. Point i begins at
    series[i * step]: shingles overlap.
    Their scores, summed over the trees, are added to `scores` unless that is empty. They are learned, each
    after its score, if `learned` is set.
    """
    points, sums = floats_at(series.ctypes.data), floats_at(scores.ctypes.data)
    _run(
        trees, num_trees, samples, coordinates, seed, decay_rate, floats_at(table.ctypes.data), first, end,
        learned, scores.size > 0, points, step, sums, trees,
    )  # fmt: skip


@kernel
def run_many(
    trees: Integers,
    seeds: npt.NDArray[np.uint64],
    firsts: Integers,
    counts: Integers,
    num_trees: int,
    samples: int,
    coordinates: int | None,
    decay_rate: float,
    table: Floats,
    points: Floats,
    scores: Floats,
) -> None:
    """Take points (n, coordinates) into forests: counts[0] into the one at trees[0], the next counts[1] at trees[1], …

    The first of each is its record number `firsts` (m,). They are learned as by `run`, and scored unless `scores` is
    empty.
    """
    step, of_table, done = points.shape[1], floats_at(table.ctypes.data), 0
    for i in range(trees.size):
        some = floats_at(points.ctypes.data + 8 * step * done)
        sums, first = floats_at(scores.ctypes.data + 8 * done), firsts[i]
        _run(
            trees[i], num_trees, samples, coordinates, seeds[i], decay_rate, of_table, first, first + counts[i],
            True, scores.size > 0, some, step, sums, trees[min(i + 1, trees.size - 1)],
        )  # fmt: skip
        done += counts[i]
