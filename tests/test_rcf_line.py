"""Trees over one coordinate: the sorted table is the same tree as nodes and boxes are, step by step and bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from udf.rcf import line, line_lanes, line_nodes, line_rebuilding, line_tree, line_vectors, line_walk, walk
from udf.rcf.arrays import empty_blocks, leaf_counts, tree_at
from udf.rcf.parameters import Parameters
from udf.rcf.pointers import floats_at, ids_at
from udf.rcf.rebuilding import _take_apart
from udf.rcf.scoring import score_table
from udf.rcf.tree import find, forget, insert


@njit
def _tree_step(trees, samples, leaf, x, place, where):
    """Forget a leaf unless it is negative, insert x; returns its leaf."""
    tree = tree_at(trees, 0, samples, 1)
    if leaf >= 0:
        forget(tree, leaf)
    at = floats_at(x.ctypes.data)
    return insert(tree, at, 0, place, where, find(tree, at, 0))


@njit
def _line_step(lines, samples, forgotten, value, x, place, where):
    """The same with values."""
    on_line, hole, beside = line.line_at(lines, 0, samples), -1, -1
    leaf = line.search(on_line, x)
    if forgotten:
        hole, beside = line_tree.forget(on_line, value)
        leaf = beside if leaf == hole else leaf
    line_tree.insert(on_line, x, place, where, leaf, hole)


@njit
def _tree_state(trees, samples, points, table, scores):
    tree = tree_at(trees, 0, samples, 1)
    nodes = np.zeros(2 * samples), np.zeros(samples)
    _take_apart(tree, np.empty(samples + 1, np.int64), nodes[0], nodes[1], np.zeros(samples), 0, 0)
    at, of_table = floats_at(points.ctypes.data), floats_at(table.ctypes.data)
    walk.add_scores(tree, at, 0, points.size, 1, of_table, floats_at(scores.ctypes.data))
    return nodes


@njit
def _line_state(lines, samples, points, table, scores, singly):
    on_line = line.line_at(lines, 0, samples)
    nodes = np.zeros(2 * samples), np.zeros(samples)
    line_rebuilding.take_apart(on_line, nodes[0], nodes[1], 0, 0)
    for i in range(points.size):
        singly[i], _ = line_walk.score_one(on_line, points[i], floats_at(table.ctypes.data))
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


class Both:
    """The same tree in both layouts, stepped together."""

    def __init__(self, samples):
        self.samples, self.parameters = samples, Parameters(1, num_trees=1, sample_size=samples)
        self.trees, self.lines = empty_blocks(self.parameters), line.empty_blocks(self.parameters)
        self.table = score_table("open", samples)
        self.sample: list[tuple[int, float]] = []

    def take(self, x, place, where, which):
        """Insert x, in place of entry `which` of a full sample."""
        full = len(self.sample) == self.samples
        leaf, value = self.sample.pop(which) if full else (-1, 0.0)
        new = _tree_step(self.trees.ctypes.data, self.samples, leaf, np.array([x]), place, where)
        _line_step(self.lines.ctypes.data, self.samples, full, value, x, place, where)
        self.sample.append((new, x))

    def check(self, *points):
        """Same leaves, same shape, same cuts, same scores of points, of those in the sample and of some outside."""
        scored = np.array([*points, *(value for _, value in self.sample), 1e300, -1e300, 0.3])
        scores, expected, singly = (np.zeros(len(scored)) for _ in range(3))
        of_line = _line_state(self.lines.ctypes.data, self.samples, scored, self.table, scores, singly)
        of_tree = _tree_state(self.trees.ctypes.data, self.samples, scored, self.table, expected)
        leaves = len({value for _, value in self.sample})
        assert line.leaf_counts(self.lines, self.parameters) == leaf_counts(self.trees, self.parameters) == leaves
        assert np.array_equal(of_line[0], of_tree[0]) and np.array_equal(of_line[1], of_tree[1])
        assert scores.tobytes() == expected.tobytes() == singly.tobytes()


unit = st.integers(0, 2**52 - 1).map(lambda k: (k + 0.5) / 2**52)
coarse = st.integers(-4, 4).map(float)
finite = st.floats(-1e300, 1e300).map(lambda x: x + 0.0)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(coarse | finite, unit, unit, st.integers(0, 11)), min_size=2, max_size=40))
def test_line_is_the_tree(steps):
    both = Both(12)
    for x, place, where, which in steps:
        both.take(x, place, where, which)
        both.check(x, x / 2)


@pytest.mark.parametrize("samples", [10, line_lanes.MOST, line_lanes.MOST + 1, 17, 100, 600])
def test_line_of_many_rows_is_the_tree(samples):
    """Over all blocks of rows, with their guide: some values come again and again, some lie far apart."""
    seed = samples
    print("seed", seed)
    rng, both = np.random.default_rng(seed), Both(samples)
    for step in range(3 * samples):
        x = float(rng.choice([rng.normal(), 1e6 * rng.normal(), rng.integers(-20, 20)]))
        both.take(x, rng.uniform(), rng.uniform(), int(rng.integers(samples)))
        if step % max(1, samples // 16) == 0:
            both.check(x, x / 2)


@njit
def _add(ids, at, count, by):
    line_vectors.add(ids_at(ids.ctypes.data), at, count, by)


@njit
def _rows_above(ids, at, back, limit):
    return line_vectors.rows_above(ids_at(ids.ctypes.data), at, back, limit)


@njit
def _count_below(numbers, at, x):
    return line_vectors.count_below(floats_at(numbers.ctypes.data), at, x)


@njit
def _move(numbers, ids, row, count, forth):
    floats, whole = floats_at(numbers.ctypes.data), ids_at(ids.ctypes.data)
    if forth:
        line_vectors.move_forth(row, count, floats, 0, floats, 200, whole, 0, whole, 200)
    else:
        line_vectors.move_back(row, count, floats, 0, floats, 200, whole, 0, whole, 200)


sizes = st.integers(0, 70)


@settings(deadline=None)
@given(st.integers(0, 100), sizes, st.integers(-3, 3))
def test_add_changes_only_what_it_is_given(at, count, by):
    ids = np.arange(1000, 1200, dtype=np.uint16)
    expected = ids.copy()
    expected[at : at + count] += np.array(by).astype(np.uint16)
    _add(ids, at, count, by)
    assert np.array_equal(ids, expected)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=150), st.integers(0, 9), st.booleans())
def test_rows_above_come_before_the_first_level_that_is_not(levels, limit, back):
    levels[-1] = 0
    expected = next(row for row, level in enumerate(levels) if level <= limit)
    ids = np.zeros(400, np.uint16)
    ids[200 : 200 + len(levels)] = levels
    ids = ids[::-1].copy() if back else ids
    assert _rows_above(ids, 200, int(back), limit) == expected


@settings(deadline=None)
@given(st.integers(50, 80), sizes, st.booleans())
def test_rows_move_by_one(row, count, forth):
    numbers, ids = np.random.default_rng(1).normal(size=400), np.arange(400, dtype=np.uint16)
    expected_numbers, expected_ids, source = numbers.copy(), ids.copy(), row - 1 if forth else row + 1
    for at in (0, 200):
        expected_numbers[at + row :][:count] = numbers[at + source :][:count]
        expected_ids[at + row :][:count] = ids[at + source :][:count]
    _move(numbers, ids, row, count, forth)
    assert np.array_equal(numbers, expected_numbers) and np.array_equal(ids, expected_ids)


@settings(deadline=None)
@given(st.lists(st.sampled_from([-np.inf, -1e300, -1.0, 0.0, 5e-324, 1.0, 1e300, np.inf]), min_size=16, max_size=16))
def test_count_below_counts_what_is_below(numbers):
    for x in (-1e300, 0.0, 1.0, 1e300):
        assert _count_below(np.array([9.0, *numbers]), 1, x) == sum(number < x for number in numbers)


@njit
def _chances(lines, samples, x):
    on_line = line.line_at(lines, 0, samples)
    leaf = line.search(on_line, x)
    value = on_line.numbers[on_line.value + leaf]
    right = int(x > value)
    highest, last = line.sides_of(on_line, leaf, right)
    far = line.end_of(on_line, leaf, right, max(highest - line_nodes.LIKELY, last) + 1) if highest > last else leaf
    return (
        highest - last,
        abs(far - leaf),
        line_nodes.chances_of_cuts(
            on_line.numbers, on_line.ids, on_line.value, on_line.level, leaf, right, abs(x - value), highest, last
        ),
    )


@pytest.mark.parametrize("samples", [line_lanes.MOST, 100])
def test_chances_fall_from_the_lowest_node_up_however_many_there_are(samples):
    """Values each nearer to zero than all before: a point between is outside of every node from its leaf up."""
    both, far = Both(samples), False
    counts: list[int] = []
    rng = np.random.default_rng(6)
    for value in [*1.9 ** -np.arange(2.0 * samples), *rng.normal(size=2 * samples)]:
        both.take(value, rng.uniform(), rng.uniform(), 0)
        if len(counts) % 15 == 0:
            both.check(value / 2, -value, 2.0)
        for x in (value / 2, -value, 2.0):
            count, away, (known, *chances) = _chances(both.lines.ctypes.data, samples, x)
            few = min(count, line_nodes.LIKELY)
            assert known <= few and (known == few or (count > 0 and away > 30))
            some = np.array(chances[: max(known, 0)])
            assert (np.diff(some) <= 0).all() and (some > 0).all() and not any(chances[max(known, 0) :])
            counts.append(count)
            far |= known < few
    assert max(counts) > 2 * line_nodes.LIKELY and far == (samples > line_vectors.LEVELS)
