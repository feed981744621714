"""What would have been normal, and the smallest change to it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udf.rcf import RandomCutForest
from udf.rcf.expectation import expected, normal_level, smallest_change

SHAPES: list[dict[str, Any]] = [
    dict(dimensions=1, num_trees=20, sample_size=32, time_decay=300, seed=60),
    dict(dimensions=3, num_trees=20, sample_size=32, time_decay=300, seed=61, scoring="open"),
    dict(dimensions=1, num_trees=20, sample_size=32, time_decay=300, shingle_size=5, seed=62),
]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=["line", "space", "shingles"])


def quiet(shape, count=1000):
    return np.random.default_rng(shape["seed"]).normal(size=(count, shape["dimensions"]))


def line(seed):
    """A forest of y = 2 x + noise."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, size=3000)
    forest = RandomCutForest(2, 100, 256, 2560, seed=seed)
    forest.learn(np.column_stack((x, 2 * x + rng.normal(scale=0.2, size=3000))))
    return forest


def test_expected_value_follows_the_features_that_are_normal():
    forest = line(63)
    records = np.array([[2.0, 60.0], [8.0, -40.0], [5.0, 45.0], [50.0, 6.0]])
    values = expected(forest, records)
    assert values[:3, 1] == pytest.approx(2 * records[:3, 0], abs=1.5)
    assert values[:3, 0] == pytest.approx(records[:3, 0], abs=0.75)
    assert values[3] == pytest.approx([3.0, 6.0], abs=1.0)


def test_expected_value_of_one_coordinate_is_the_median_of_the_samples():
    forest = RandomCutForest(1, 100, 256, 2560, seed=64)
    forest.learn(np.random.default_rng(64).normal(5.0, 1.0, size=(3000, 1)))
    values = expected(forest, [[100.0], [-3.0], [5.0]])
    assert len(np.unique(values)) == 1
    assert values[0, 0] == pytest.approx(5.0, abs=0.1)


def test_expected_value_in_a_sine_is_near_it():
    seed = 65
    print("seed", seed)
    rng = np.random.default_rng(seed)
    series = 10 * np.sin(np.arange(3000) * np.pi / 12) + rng.normal(scale=0.2, size=3000)
    forest = RandomCutForest(1, 100, 256, 2560, 24, seed)
    forest.learn(series[:2000, None])
    for number in range(2000, 2048):
        assert expected(forest, [[30.0]])[0, 0] == pytest.approx(10 * np.sin(number * np.pi / 12), abs=2.0)
        forest.learn(series[number : number + 1, None])


def test_expected_value_knows_repeated_values_and_constants():
    forest = RandomCutForest(3, 20, 32, 300)
    x = np.arange(600) % 3
    forest.learn(np.column_stack((x, 100 * x, np.full(600, 7.0))))
    assert expected(forest, [[1.0, 900.0, 7.0], [2.0, -50.0, 7.0]]).tolist() == [[1, 100, 7], [2, 200, 7]]
    constant = RandomCutForest(2, 20, 32, 300)
    constant.learn(np.full((600, 2), 7.0))
    assert expected(constant, [[1.0, 900.0], [7.0, 7.0]]).tolist() == [[7, 7], [7, 7]]


@shapes
def test_nothing_is_expected_of_a_forest_that_learns(shape):
    forest = RandomCutForest(**shape)
    points = quiet(shape, 4)
    forest.learn(points)
    assert expected(forest, points).tolist() == points.tolist()
    assert normal_level(forest) == 0
    assert not smallest_change(forest, points).any()


@shapes
def test_batches_and_restores_do_not_matter(shape):
    forest = RandomCutForest(**shape)
    forest.learn(quiet(shape))
    before = forest.to_bytes()
    restored = RandomCutForest.from_bytes(before)
    points = 4 * quiet(shape, 9)
    for method in (expected, smallest_change):
        at_once = method(forest, points)
        assert np.concatenate([method(restored, points[:4]), method(restored, points[4:])]).tolist() == at_once.tolist()
        assert method(forest, points[:0]).shape == points[:0].shape
    assert forest.to_bytes() == before
    assert normal_level(restored) == normal_level(forest)


@pytest.mark.parametrize("shingle_size", [1, 4])
def test_order_of_named_columns_does_not_matter(shingle_size):
    shape = dict(dimensions=3, num_trees=20, sample_size=32, time_decay=300, shingle_size=shingle_size)
    points = np.random.default_rng(69).normal(size=(500, 3)) + np.array([0, 10, 20])
    one = RandomCutForest(**shape, features=("heart", "blood", "air"))
    other = RandomCutForest(**shape, features=("air", "heart", "blood"))
    assert expected(one, points[:5]).tolist() == points[:5].tolist()
    one.learn(points)
    other.learn(points[:, [2, 0, 1]])
    records = points[:9] + np.array([6, 0, 0])
    for method in (expected, smallest_change):
        assert method(one, records)[:, [2, 0, 1]].tolist() == method(other, records[:, [2, 0, 1]]).tolist()
    assert expected(one, records) == pytest.approx(np.tile([0, 10, 20], (9, 1)), abs=3)
    assert (smallest_change(one, records)[:, 0] < -2).all()


@shapes
def test_normal_level_is_above_nine_of_ten_new_records(shape):
    """The share of 300 records has a standard error of 0.02, that of the level's own 256 another."""
    forest = RandomCutForest(**shape)
    forest.learn(quiet(shape))
    records = np.random.default_rng(66).normal(size=(300, shape["dimensions"]))
    following = RandomCutForest.from_bytes(forest.to_bytes())
    assert np.mean(following.score_and_learn(records) <= normal_level(forest)) == pytest.approx(0.9, abs=0.1)


@shapes
@pytest.mark.parametrize("level", [None, 1.2])
def test_smallest_change_is_enough_and_a_little_less_is_not(shape, level):
    forest = RandomCutForest(**shape)
    forest.learn(quiet(shape))
    records = np.concatenate((quiet(shape, 20), 8 + quiet(shape, 20), -30 * np.sign(quiet(shape, 20))))
    changes, ways = smallest_change(forest, records, level), expected(forest, records) - records
    bound = normal_level(forest) if level is None else level
    is_normal = forest.score(records) <= bound
    can_be = forest.score(records + ways) <= bound
    assert not changes[is_normal].any()
    assert is_normal.any() and (~is_normal & can_be).sum() > 20
    assert (forest.score(records + changes)[can_be & ~is_normal] <= bound).all()
    assert changes[~is_normal & ~can_be] == pytest.approx(ways[~is_normal & ~can_be])
    less = changes - 2**-24.9 * ways
    assert (forest.score(records + less)[can_be & ~is_normal] > bound).all()


def test_smallest_change_moves_only_what_is_wrong():
    forest = line(67)
    change = smallest_change(forest, [[4.0, 60.0]])[0]
    assert change[1] == pytest.approx(-52.0, abs=4.0)
    assert abs(change[0]) < 1.0


def test_the_whole_way_where_no_step_suffices():
    forest = line(68)
    record = np.array([[4.0, 60.0]])
    assert (record + smallest_change(forest, record, 0.0)).tolist() == pytest.approx(expected(forest, record))
    assert smallest_change(forest, record, math.inf).tolist() == [[0, 0]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            *[
                st.sampled_from([0.0, -0.0, 5e-324, 1e-310, -1e300, 1.7976931348623157e308, 1.0])
                | st.floats(allow_nan=False, allow_infinity=False)
            ]
            * 2
        ),
        min_size=12,
        max_size=30,
    ),
    st.sampled_from([1, 3]),
    st.integers(0, 2**64 - 1),
)
def test_any_finite_values_give_sound_ones(points, shingle_size, seed):
    forest = RandomCutForest(2, 3, 10, 11, shingle_size, seed)
    forest.learn(points)
    values = expected(forest, points[-3:])
    changes = smallest_change(forest, points[-3:])
    assert np.isfinite(values).all()
    assert np.isfinite(changes).all()
    kept = np.clip(points, -1e300, 1e300)
    assert (values >= kept.min(axis=0)).all() and (values <= kept.max(axis=0)).all()


def test_level_that_is_no_number_is_named():
    forest = RandomCutForest(1, 3, 10, 20)
    wrong: list[tuple[Any, str]] = [(math.nan, "nan"), ("x", "'x'")]
    for level, said in wrong:
        with pytest.raises(ValueError) as caught:
            smallest_change(forest, [[1.0]], level)
        assert str(caught.value) == f"level must be a number, got {said}"
