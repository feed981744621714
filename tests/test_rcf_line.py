"""Trees over one coordinate: the sorted table is the same tree as nodes and boxes are, step by step and bit for bit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from udf.rcf import line, line_rebuilding, line_tree, line_walk, walk
from udf.rcf.arrays import empty_blocks, floats_at, leaf_counts, tree_at
from udf.rcf.parameters import Parameters
from udf.rcf.rebuilding import _take_apart
from udf.rcf.scoring import score_table
from udf.rcf.tree import forget, insert

SAMPLES = 12
PARAMETERS = Parameters(1, num_trees=1, sample_size=SAMPLES)


@njit
def _tree_step(trees, samples, leaf, x, place, where):
    """Forget a leaf unless it is negative, insert x; returns its leaf."""
    tree = tree_at(trees, 0, samples, 1)
    if leaf >= 0:
        forget(tree, leaf)
    return insert(tree, floats_at(x.ctypes.data), 0, place, where)


@njit
def _line_step(lines, samples, forgotten, value, x, place, where):
    """The same with values."""
    on_line, hole, beside = line.line_at(lines, 0, samples), -1, -1
    leaf = line.search(on_line, x)
    if forgotten:
        hole, beside = line_tree.forget(on_line, value)
        leaf = beside if leaf == hole else leaf
    line_tree.insert(on_line, x, place, where, leaf, hole, beside)


@njit
def _tree_state(trees, samples, points, table, scores):
    tree = tree_at(trees, 0, samples, 1)
    nodes = np.zeros(2 * samples), np.zeros(samples)
    _take_apart(tree, np.empty(samples + 1, np.int64), nodes[0], nodes[1], np.zeros(samples), 0, 0)
    for i in range(points.size):
        scores[i] = walk.score_one(tree, floats_at(points.ctypes.data), floats_at(table.ctypes.data), i)
    return nodes


@njit
def _line_state(lines, samples, points, table, scores, singly):
    on_line = line.line_at(lines, 0, samples)
    nodes = np.zeros(2 * samples), np.zeros(samples)
    line_rebuilding.take_apart(on_line, np.empty(samples + 1, np.int64), nodes[0], nodes[1], 0, 0)
    for i in range(points.size):
        singly[i] = line_walk.find_and_score(on_line, points[i], floats_at(table.ctypes.data))[1]
    line_walk.add_scores(
        on_line,
        floats_at(points.ctypes.data),
        0,
        points.size,
        1,
        floats_at(table.ctypes.data),
        floats_at(scores.ctypes.data),
    )
    return nodes


unit = st.integers(0, 2**52 - 1).map(lambda k: (k + 0.5) / 2**52)
coarse = st.integers(-4, 4).map(float)
finite = st.floats(-1e300, 1e300).map(lambda x: x + 0.0)


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(st.tuples(coarse | finite, unit, unit, st.integers(0, SAMPLES - 1)), min_size=2, max_size=40),
)
def test_line_is_the_tree(steps):
    trees, lines = empty_blocks(PARAMETERS), line.empty_blocks(PARAMETERS)
    table = score_table("open", SAMPLES)
    sample: list[tuple[int, float]] = []
    for x, place, where, which in steps:
        full = len(sample) == SAMPLES
        leaf, value = sample.pop(which) if full else (-1, 0.0)
        new = _tree_step(trees.ctypes.data, SAMPLES, leaf, np.array([x]), place, where)
        _line_step(lines.ctypes.data, SAMPLES, full, value, x, place, where)
        sample.append((new, x))
        points = np.array([x, x / 2, *(value for _, value in sample), 1e300, -1e300, 0.3])
        scores, expected, singly = (np.zeros(len(points)) for _ in range(3))
        of_line = _line_state(lines.ctypes.data, SAMPLES, points, table, scores, singly)
        of_tree = _tree_state(trees.ctypes.data, SAMPLES, points, table, expected)
        assert line.leaf_counts(lines, PARAMETERS) == leaf_counts(trees, PARAMETERS) == len({v for _, v in sample})
        assert np.array_equal(of_line[0], of_tree[0]) and np.array_equal(of_line[1], of_tree[1])
        assert scores.tobytes() == expected.tobytes() == singly.tobytes()
