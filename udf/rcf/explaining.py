"""The kernel that scores, attributes and learns a batch: each record as those before it have left the trees.

It is apart from `batch`, so that who does not ask for explanations does not wait for its compilation.
"""

from typing import Any

import numpy as np

from . import four_walk, line, line_tree, line_walk, tree, walk
from .arrays import Floats, tree_at
from .attribution import add_attributions, add_attributions_on_line
from .batch import _pass
from .compiling import inlined, kernel
from .pointers import floats_at
from .reservoir import sample_of
from .vectors import FEW


def _adding(add_scores: Any, add_attributions: Any) -> Any:
    """What adds both, in the place of the first alone in `batch._pass`."""

    @inlined
    def add(a_tree: Any, points: Any, begin: int, end: int, step: int, table: Any, sums: Any) -> int:
        scores, low, high = sums
        leaf = add_scores(a_tree, points, begin, end, step, table, scores)
        add_attributions(a_tree, points, begin, end, step, table, low, high)
        return int(leaf)

    return add


_add = _adding(walk.add_scores, add_attributions)
_add_few = _adding(four_walk.add_scores, add_attributions)
_add_on_line = _adding(line_walk.add_scores, add_attributions_on_line)


@kernel
def run_explained(
    trees: int,
    num_trees: int,
    samples: int,
    coordinates: int | None,
    seed: np.uint64,
    decay_rate: float,
    table: Floats,
    first: int,
    end: int,
    series: Floats,
    step: int,
    scores: Floats,
    low: Floats,
    high: Floats,
) -> None:
    """As `batch.run` that learns; where scores come from is added to low and high, (points, coordinates)."""
    points, of_table = floats_at(series.ctypes.data), floats_at(table.ctypes.data)
    sums = floats_at(scores.ctypes.data), floats_at(low.ctypes.data), floats_at(high.ctypes.data)
    for t in range(num_trees):
        if coordinates is None:
            on_line, take, add = line.line_at(trees, t, samples), line_tree.take, _add_on_line
            sample = sample_of(on_line, t, seed, decay_rate)
            _pass(on_line, sample, take, add, 1, of_table, first, end, True, True, points, sums)
        elif coordinates == FEW:
            few, take, add = tree_at(trees, t, samples, FEW), tree.take, _add_few
            sample = sample_of(few, t, seed, decay_rate)
            _pass(few, sample, take, add, step, of_table, first, end, True, True, points, sums)
        else:
            in_space, take, add = tree_at(trees, t, samples, coordinates), tree.take, _add
            sample = sample_of(in_space, t, seed, decay_rate)
            _pass(in_space, sample, take, add, step, of_table, first, end, True, True, points, sums)
