"""Scores of many points at once, written for four coordinates, for some and for many, against one after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from udf.rcf import RandomCutForest, few_walk, walk
from udf.rcf.arrays import ROOT, child_of, single, tree_at
from udf.rcf.pointers import floats_at
from udf.rcf.scoring import score_table


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


def of_first_tree(add_scores):
    @njit
    def add(trees, samples, coordinates, points, begin, end, step, table, scores):
        tree, at_points = tree_at(trees, 0, samples, coordinates), floats_at(points.ctypes.data)
        return add_scores(
            tree, at_points, begin, end, step, floats_at(table.ctypes.data), floats_at(scores.ctypes.data)
        )

    return add


expected, general, of_four = (of_first_tree(add) for add in (one_by_one, walk.add_scores, few_walk.add_scores))
VALUES = {
    "apart": lambda random, size: random.normal(size=size),
    "few values": lambda random, size: random.integers(0, 3, size).astype(float),
    "far": lambda random, size: random.choice([-1e300, -1e-300, 0.0, 1e-300, 1.0, 1e300], size),
    "equal": lambda random, size: np.full(size, 7.0),
}


@pytest.mark.parametrize(
    ("coordinates", "add_scores"),
    [(4, of_four), *((n, general) for n in (2, 4, 5, 16, 17, 24, 50, 64, 72))],
    ids=lambda of: str(of) if isinstance(of, int) else "",
)
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    values=st.sampled_from(sorted(VALUES)),
    samples=st.sampled_from([10, 13, 64]),
    step=st.integers(1, 4),
    begin=st.integers(0, 3),
    count=st.one_of(st.integers(1, 19), st.just(4000)),  # few scores tell in which order gaps were added
    scoring=st.sampled_from(["kinesis", "open"]),
)
def test_many_points_at_once_have_the_bits_of_one_by_one(
    coordinates, add_scores, seed, values, samples, step, begin, count, scoring
):
    """The leaf of the last point, too; and scores outside of those asked for stay what they were."""
    random = np.random.default_rng(seed)
    forest = RandomCutForest(coordinates, num_trees=1, sample_size=samples, time_decay=1000, seed=seed)
    learned = VALUES[values](random, (2 * samples, coordinates))
    forest.learn(learned)
    end = begin + count
    size = step * end + coordinates
    points = np.where(random.random(size) < 0.5, np.resize(learned, size), VALUES[values](random, size))
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
