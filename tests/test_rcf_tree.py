"""One tree: cuts, insertion, forgetting, against the slow oracle."""

import math
import random
from collections import Counter
from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from udf.rcf.arrays import (
    AXIS,
    CHILD,
    CUT,
    END,
    LEAVES,
    MASS,
    ROOT,
    SPAN,
    box_at,
    empty_blocks,
    floats_of,
    ids_of,
    point_at,
    tree_at,
)
from udf.rcf.cutting import cut_between, separating_cut
from udf.rcf.parameters import Parameters
from udf.rcf.pointers import floats_at
from udf.rcf.tree import find, forget, insert

finite = st.floats(-1e300, 1e300).map(lambda x: x + 0.0)
unit = st.integers(0, 2**52 - 1).map(lambda k: (k + 0.5) / 2**52)


@njit
def _insert(block, coordinates, point, place, where):
    tree = tree_at(block.ctypes.data, 0, 16, coordinates)
    at = floats_at(point.ctypes.data)
    return insert(tree, at, 0, place, where, find(tree, at, 0))


@njit
def _forget(block, coordinates, leaf):
    forget(tree_at(block.ctypes.data, 0, 16, coordinates), leaf)


class OneTree:
    """A tree for 16 samples, as the kernels see it and as arrays."""

    def __init__(self, coordinates):
        self.coordinates, parameters = coordinates, Parameters(coordinates, num_trees=1, sample_size=16)
        self.block = empty_blocks(parameters)[0]
        self.numbers = floats_of(self.block, parameters)
        self.ids = ids_of(self.block, parameters)
        self.samples = 16

    def add(self, point, place, where):
        return _insert(self.block, self.coordinates, np.array(point), place, where)

    def forget(self, leaf):
        _forget(self.block, self.coordinates, leaf)


def as_naive(tree, node=None):
    """The tree as the oracle has it, but for the masses of inner nodes."""
    node = int(tree.ids[END * 16 + ROOT]) if node is None else node
    d = tree.coordinates
    if node >= 16:
        at = point_at.py_func(tree, node - 16)
        return naive.leaf(tuple(tree.numbers[at : at + d]), int(tree.ids[MASS * 16 + node - 16]))
    box = box_at.py_func(tree, node)
    low, high = tree.numbers[box : box + d], tree.numbers[box + d : box + 2 * d]
    assert tree.numbers[SPAN * 16 + node] == pytest.approx((high - low).sum())
    left, right = (as_naive(tree, int(tree.ids[CHILD * 16 + 2 * node + side])) for side in (0, 1))
    axis, cut = int(tree.ids[AXIS * 16 + node]), float(tree.numbers[CUT * 16 + node])
    return naive.Node(list(low), list(high), 0, None, axis, cut, left, right)


def check(node, points):
    """Half-open cuts in tight boxes over exactly these points."""
    assert node.low == [min(p[i] for p in points) for i in range(len(points[0]))]
    assert node.high == [max(p[i] for p in points) for i in range(len(points[0]))]
    if node.point is not None:
        assert points == [node.point] * node.mass
        return
    assert node.low[node.axis] <= node.cut < node.high[node.axis]
    check(node.left, [p for p in points if p[node.axis] <= node.cut])
    check(node.right, [p for p in points if p[node.axis] > node.cut])


@settings(deadline=None)
@given(finite, finite, unit)
def test_cut_is_half_open_in_its_interval(a, b, where):
    if a != b:
        low, high = min(a, b), max(a, b)
        assert low <= cut_between(low, high, (high - low) * where) < high


@settings(deadline=None)
@given(
    st.integers(1, 6).flatmap(lambda d: st.lists(st.tuples(finite, finite, finite), min_size=d, max_size=d)),
    unit,
)
def test_separating_cut_separates_point_from_box(sides, where):
    low, high = (np.array([f(a, b) for a, b, _ in sides]) for f in (min, max))
    point = np.array([x for _, _, x in sides])
    beyond = (np.maximum(0, low - point) + np.maximum(0, point - high)).sum()
    if beyond > 0:
        numbers = np.concatenate((low, high))
        axis, cut = separating_cut(numbers, 0, len(sides), point, 0, len(sides), beyond * where)
        assert point[axis] <= cut < low[axis] or high[axis] <= cut < point[axis]


def test_a_cut_is_in_the_last_gap_where_rounding_has_used_up_all():
    """The sum of the gaps, rounded, is more than what they take from an offset one after the other."""
    little = 0.75 * 2.0**-52
    point, offset = np.array([1.0, little, little, little, little, 0.0]), 1.0 + 3 * 2.0**-52
    assert offset < math.fsum(point) + 2.0**-52
    assert separating_cut(np.zeros(12), 0, 6, point, 0, 6, offset) == (4, 0.0)


coarse = st.sampled_from([-1e300, -1.0, -5e-324, 0.0, 1e-300, 0.1, 0.1 + 2**-56, 1.7e9, 1.7e9 + 2**-22, 1e300])


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([1, 2, 3, 5, 8, 11]).flatmap(
        lambda d: st.lists(
            st.tuples(st.lists(coarse | finite, min_size=d, max_size=d).map(tuple), unit, unit),
            min_size=1,
            max_size=16,
        )
    ),
    st.data(),
)
def test_tree_stays_sound_under_insert_and_forget(steps, data):
    tree = OneTree(len(steps[0][0]))
    held = [(point, tree.add(point, place, where)) for point, place, where in steps]
    check(as_naive(tree), [point for point, _ in held])
    while len(held) > 1:
        _, leaf = held.pop(data.draw(st.integers(0, len(held) - 1)))
        tree.forget(leaf)
        check(as_naive(tree), [point for point, _ in held])
    tree.forget(held[0][1])
    assert tree.ids[END * 16 + LEAVES] == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.tuples(coarse, coarse), unit, unit), min_size=2, max_size=16))
def test_forget_undoes_insert(steps):
    *before, (point, place, where) = steps
    tree = OneTree(2)
    for earlier in before:
        tree.add(*earlier)
    was = as_naive(tree)
    tree.forget(tree.add(point, place, where))
    assert as_naive(tree) == was


def shape(node):
    return node.point if node.point is not None else (shape(node.left), shape(node.right))


@pytest.mark.parametrize(
    "points",
    [
        [(0.0,), (1.0,), (3.0,), (3.5,), (9.0,)],
        [(0.0, 0.0), (1.0, 5.0), (4.0, 1.0), (4.0, 1.0), (2.0, 2.0)],
    ],
    ids=["line", "plane"],
)
def test_tree_after_inserts_and_forgets_is_distributed_as_a_fresh_one(points):
    """Chi-square of two samples of tree shapes; a right kernel fails for one seed in a million."""
    seed, draws = 20, 5000
    print("seed", seed)
    rng = random.Random(seed)
    ours: Counter[Any] = Counter()
    fresh: Counter[Any] = Counter()
    passing = [tuple(x + 0.7 for x in points[1]), tuple(-x - 2.0 for x in points[2])]
    for _ in range(draws):
        tree = OneTree(len(points[0]))
        order = rng.sample(points, len(points))
        tree.add(order[0], rng.random(), rng.random())
        gone = [tree.add(p, rng.random(), rng.random()) for p in passing]
        for p in order[1:3]:
            tree.add(p, rng.random(), rng.random())
        for leaf in gone:
            tree.forget(leaf)
        for p in order[3:]:
            tree.add(p, rng.random(), rng.random())
        ours[shape(as_naive(tree))] += 1
        fresh[shape(naive.fresh_tree(points, rng))] += 1
    common = [s for s in ours | fresh if ours[s] + fresh[s] >= 20]
    chi_square = sum((ours[s] - fresh[s]) ** 2 / (ours[s] + fresh[s]) for s in common)
    freedom = len(common) - 1
    assert freedom > 5
    # Wilson and Hilferty: the cube root of chi-square over its mean is nearly normal.
    normal = ((chi_square / freedom) ** (1 / 3) - 1 + 2 / (9 * freedom)) / math.sqrt(2 / (9 * freedom))
    assert normal < 4.75, (chi_square, freedom)


def test_first_cut_is_uniform_over_the_box():
    """Kolmogorov's distance of the root's cut from uniform; fails for one seed in ten thousand."""
    seed, draws = 21, 4000
    print("seed", seed)
    rng, cuts = random.Random(seed), []
    for _ in range(draws):
        tree = OneTree(1)
        for x in rng.sample([0.0, 0.25, 1.0], 3):
            tree.add((x,), rng.random(), rng.random())
        cuts.append(as_naive(tree).cut)
    distance = np.abs(np.sort(cuts) - (np.arange(draws) + 0.5) / draws).max()
    assert distance < 2.23 / math.sqrt(draws)
