"""Scores over four coordinates, written in vectors, against the walk that serves any number of them: bit for bit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from udf.rcf import RandomCutForest, few_walk, walk
from udf.rcf.arrays import tree_at
from udf.rcf.pointers import floats_at
from udf.rcf.scoring import score_table


def _compiled(add_scores):
    @njit
    def add_in_first_tree(trees, samples, points, begin, end, step, table, scores):
        at_points, at_table, sums = (
            floats_at(points.ctypes.data),
            floats_at(table.ctypes.data),
            floats_at(scores.ctypes.data),
        )
        return add_scores(tree_at(trees, 0, samples, 4), at_points, begin, end, step, at_table, sums)

    return add_in_first_tree


general, of_four = _compiled(walk.add_scores), _compiled(few_walk.add_scores)
VALUES = {
    "apart": lambda random, size: random.normal(size=size),
    "few values": lambda random, size: random.integers(0, 3, size).astype(float),
    "far": lambda random, size: random.choice([-1e300, -1e-300, 0.0, 1e-300, 1.0, 1e300], size),
    "equal": lambda random, size: np.full(size, 7.0),
}


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    values=st.sampled_from(sorted(VALUES)),
    samples=st.sampled_from([10, 13, 64]),
    step=st.sampled_from([1, 2, 4]),
    begin=st.integers(0, 3),
    count=st.one_of(st.integers(1, 19), st.just(4000)),  # few scores tell in which order gaps were added
    scoring=st.sampled_from(["kinesis", "open"]),
)
def test_four_coordinates_have_the_bits_of_any_number_of_them(seed, values, samples, step, begin, count, scoring):
    """The leaf of the last point, too; and scores outside of those asked for stay what they were."""
    random = np.random.default_rng(seed)
    forest = RandomCutForest(4, num_trees=1, sample_size=samples, time_decay=1000, seed=seed)
    learned = VALUES[values](random, (2 * samples, 4))
    forest.learn(learned)
    end = begin + count
    size = step * end + 4
    points = np.where(random.random(size) < 0.5, np.resize(learned, size), VALUES[values](random, size))
    before, table = random.random(end + 8) * 1e-6, score_table(scoring, samples)  # small: no bit of a score is lost
    told = []
    for add_scores in (general, of_four):
        scores = before.copy()
        leaf = add_scores(forest._trees.ctypes.data, samples, points, begin, end, step, table, scores)
        told.append((leaf, scores.tobytes()))
        assert (scores[begin:end] > before[begin:end]).all()
        scores[begin:end] = before[begin:end]
        assert scores.tolist() == before.tolist()
    assert told[0] == told[1]
