"""Scores and attributions of many points at once, in code for numbers of coordinates: as of one after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from udf.rcf import RandomCutForest, attribution, four_walk, walk
from udf.rcf.arrays import ROOT, SPAN, box_at, child_of, point_at, single, tree_at
from udf.rcf.cutting import outside
from udf.rcf.pointers import floats_at
from udf.rcf.scoring import RECIPROCAL, score_table
from udf.rcf.vectors import FEW


@njit
def one_by_one(tree, points, begin, end, step, table, scores):
    leaf = 0
    for i in range(begin, end):
        leaf, depth = int(tree.ids[single(tree, ROOT)]), 0
        while leaf < tree.samples:
            leaf, depth = child_of(tree, points, i * step, leaf), depth + 1
        score, beyond, node = walk._at_leaf(tree, points, i * step, table, leaf, depth), float(depth), leaf
        while beyond > 0.0:
            node, depth, score, beyond = walk._step(tree, points, i * step, table, node, depth, score)
        scores[i] += score
    return leaf


def of_first_tree(add_scores, known=None):
    """A number of coordinates that is known when it is compiled makes other code."""

    @njit
    def add(trees, samples, coordinates, points, begin, end, step, table, scores):
        tree = tree_at(trees, 0, samples, coordinates if known is None else known)
        at_points = floats_at(points.ctypes.data)
        return add_scores(
            tree, at_points, begin, end, step, floats_at(table.ctypes.data), floats_at(scores.ctypes.data)
        )

    return add


expected, general = (of_first_tree(add) for add in (one_by_one, walk.add_scores))
of_four = of_first_tree(four_walk.add_scores, FEW)
VALUES = {
    "apart": lambda random, size: random.normal(size=size),
    "few values": lambda random, size: random.integers(0, 3, size).astype(float),
    "far": lambda random, size: random.choice([-1e300, -1e-300, 0.0, 1e-300, 1.0, 1e300], size),
    "tiny": lambda random, size: random.integers(-9, 9, size) * 5e-324,
    "equal": lambda random, size: np.full(size, 7.0),
}

DRAWN = {
    "seed": st.integers(0, 2**32 - 1),
    "values": st.sampled_from(sorted(VALUES)),
    "samples": st.sampled_from([10, 13, 64]),
    "step": st.integers(1, 4),
}


def trees_and_points(random, coordinates, values, samples, size, seed):
    """A forest of one tree; and numbers, half of them of points that it has learned."""
    forest = RandomCutForest(coordinates, num_trees=1, sample_size=samples, time_decay=1000, seed=seed)
    learned = VALUES[values](random, (2 * samples, coordinates))
    forest.learn(learned)
    return forest, np.where(random.random(size) < 0.5, np.resize(learned, size), VALUES[values](random, size))


@pytest.mark.parametrize(
    ("coordinates", "add_scores"),
    [(FEW, of_four), *((n, general) for n in (2, 3, 4, 5, 8, 9, 16, 23, 31, 32, 33, 47, 48, 50, 63, 64, 65, 72))],
    ids=lambda of: str(of) if isinstance(of, int) else "",
)
@settings(max_examples=60, deadline=None)
@given(
    **DRAWN,
    begin=st.integers(0, 3),
    count=st.one_of(st.integers(1, 19), st.just(4000)),  # few scores tell in which order gaps were added
    scoring=st.sampled_from(["kinesis", "open"]),
)
def test_many_points_at_once_have_the_bits_of_one_by_one(
    coordinates, add_scores, seed, values, samples, step, begin, count, scoring
):
    """The leaf of the last point, too; and scores outside of those asked for stay what they were."""
    random = np.random.default_rng(seed)
    end = begin + count
    forest, points = trees_and_points(random, coordinates, values, samples, step * end + coordinates, seed)
    before, table = random.random(end + 8) * 1e-6, score_table(scoring, samples)  # small: no bit of a score is lost
    told = []
    for add in (expected, add_scores):
        scores = before.copy()
        leaf = add(forest._trees.ctypes.data, samples, coordinates, points, begin, end, step, table, scores)
        told.append((leaf, scores.tobytes()))
        assert (scores[begin:end] > before[begin:end]).all()
        scores[begin:end] = before[begin:end]
        assert scores.tolist() == before.tolist()
    assert told[0] == told[1]


@njit
def attributed(trees, samples, coordinates, points, step, table, low, high):
    """From the root down, box by box, as the definition is."""
    tree = tree_at(trees, 0, samples, coordinates)
    at, of_table = floats_at(points.ctypes.data), floats_at(table.ctypes.data)
    lows, highs = floats_at(low.ctypes.data), floats_at(high.ctypes.data)
    for i in range(low.shape[0]):
        x, to = i * step, i * coordinates
        leaf, depth = int(tree.ids[single(tree, ROOT)]), 0
        while leaf < samples:
            leaf, depth = child_of(tree, at, x, leaf), depth + 1
        same = point_at(tree, leaf - samples)
        gap = outside(tree.numbers, same, same, at, x, coordinates)
        if gap == 0.0:
            attribution._add_seen(tree, at, x, of_table, leaf, depth, lows, highs, to)
            continue
        node, passed = int(tree.ids[single(tree, ROOT)]), 1.0
        for d in range(1, depth + 1):
            box = box_at(tree, node)
            beyond = outside(tree.numbers, box, box + coordinates, at, x, coordinates)
            if beyond > 0.0:
                sides = tree.numbers[SPAN * samples + node]
                score = passed * of_table[3 * d + RECIPROCAL]
                attribution._split(tree, box, box + coordinates, at, x, score, beyond + sides, lows, highs, to)
                passed *= sides / (beyond + sides)
            node = child_of(tree, at, x, node)
        score = passed * of_table[3 * (depth + 1) + RECIPROCAL]
        attribution._split(tree, same, same, at, x, score, gap, lows, highs, to)


@njit
def attributed_at_once(trees, samples, coordinates, points, step, table, low, high):
    tree, at = tree_at(trees, 0, samples, coordinates), floats_at(points.ctypes.data)
    lows, highs = floats_at(low.ctypes.data), floats_at(high.ctypes.data)
    attribution.add_attributions(tree, at, 0, low.shape[0], step, floats_at(table.ctypes.data), lows, highs)


@pytest.mark.parametrize("coordinates", [2, 3, 4, 5, 8, 13, 17, 24, 31, 39, 47, 48, 55, 63, 64, 72])
@settings(max_examples=40, deadline=None)
@given(
    **DRAWN,
    count=st.one_of(st.integers(1, 19), st.just(1000)),
)
def test_attributions_at_once_have_the_bits_of_one_by_one(coordinates, seed, values, samples, step, count):
    """And what follows them stays what it was."""
    random = np.random.default_rng(seed)
    forest, points = trees_and_points(random, coordinates, values, samples, step * count + coordinates, seed)
    told, before = [], random.random((2, count + 8, coordinates)) * 1e-6
    for attribute in (attributed, attributed_at_once):
        sides = before.copy()
        of_points = sides[:, :count]
        attribute(
            forest._trees.ctypes.data, samples, coordinates, points, step, score_table("open", samples), *of_points
        )
        told.append(sides.tobytes())
        assert (of_points.sum(axis=(0, 2)) > before[:, :count].sum(axis=(0, 2))).all()
        of_points[:] = before[:, :count]
        assert sides.tolist() == before.tolist()
    assert told[0] == told[1]
