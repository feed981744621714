"""Attributions against the slow oracle, their laws, and their text."""

import json
import math
from types import SimpleNamespace
from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from test_rcf_tree import as_naive

from udf.rcf import RandomCutForest, line
from udf.rcf.arrays import floats_of, ids_of, tree_at
from udf.rcf.attribution import add_attributions, add_attributions_on_line, attribution
from udf.rcf.explanation import explanations
from udf.rcf.line import line_at
from udf.rcf.pointers import floats_at
from udf.rcf.rebuilding import take_apart
from udf.rcf.reservoir import entries_of
from udf.rcf.scoring import score_table

EXTREMES = [0.0, -0.0, 5e-324, 1e-308, -1e-300, 1.0, 1.0 + 2**-52, 1.7e9, 1e300, -1e300, 1.7976931348623157e308]
values = st.sampled_from(EXTREMES) | st.floats(allow_nan=False, allow_infinity=False)
tiny = st.floats(-1e-307, 1e-307) | st.sampled_from([0.0, 5e-324])
coarse = st.integers(-3, 3).map(float) | st.floats(-5, 5)
shapes = st.sampled_from([(1, 1), (2, 1), (4, 1), (9, 1), (1, 3), (2, 5), (1, 24)])
scorings = st.sampled_from(["kinesis", "open"])


def learned(draw, value, num_trees=3):
    """A forest with full trees of 16 points, and points of which it may have seen all but the last few."""
    (dimensions, shingle_size), seed, size = draw(shapes), draw(st.integers(0, 2**64 - 1)), draw(st.integers(1, 12))
    row = st.lists(value, min_size=dimensions, max_size=dimensions)
    points = np.array(draw(st.lists(row, min_size=size, max_size=size)))
    seen = points[: max(1, size - draw(st.integers(0, 3)))]
    forest = RandomCutForest(dimensions, num_trees, 16, 20, shingle_size, seed, draw(scorings))
    forest.learn(seen[np.random.default_rng(seed).integers(len(seen), size=40)])
    return forest, points


def as_naive_trees(forest):
    """The trees as the oracle has them, but for the masses of inner nodes."""
    parameters, blocks = forest._parameters, forest._trees
    if parameters.coordinates > 1:
        for block in blocks:
            numbers, ids = floats_of(block, parameters), ids_of(block, parameters)
            yield as_naive(SimpleNamespace(samples=16, coordinates=parameters.coordinates, numbers=numbers, ids=ids))
        return
    counts = line.leaf_counts(blocks, parameters)
    inner, cuts = np.empty(2 * counts.sum(), np.uint8), np.empty(counts.sum())
    take_apart(blocks.ctypes.data, len(blocks), 16, None, counts, inner, cuts, np.empty(len(cuts), np.uint16))
    values = entries_of(line.samples_of(blocks, parameters), 16)
    preorder, of_inner = iter(inner), iter(cuts.tolist())
    for row in values:
        leaves = iter(
            [naive.leaf((float(x),), int(mass)) for x, mass in zip(*np.unique(row, return_counts=True), strict=True)]
        )
        yield in_order(preorder, of_inner, leaves)


def in_order(preorder, cuts, leaves):
    if not next(preorder):
        return next(leaves)
    cut = next(cuts)
    left = in_order(preorder, cuts, leaves)
    right = in_order(preorder, cuts, leaves)
    return naive.Node(left.low, right.high, 0, None, 0, cut, left, right)


def of_oracle(forest, point):
    """Summed over the trees that the forest has."""
    whole = (*forest._recent.ravel(), *point)
    return sum(np.array(naive.attribution(tree, whole, forest.scoring, 16)) for tree in as_naive_trees(forest))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_attribution_is_that_of_the_oracle(data):
    forest, points = learned(data.draw, coarse)
    normalizer = math.log2(16 if forest.scoring == "kinesis" else 17)
    for point, low, high in zip(points, *attribution(forest, points), strict=True):
        expected = of_oracle(forest, point) * normalizer / forest.num_trees
        assert (abs(low - expected[0]) <= np.maximum(1e-9 * abs(expected[0]), 1e-12)).all()
        assert (abs(high - expected[1]) <= np.maximum(1e-9 * abs(expected[1]), 1e-12)).all()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_attributions_of_any_values_sum_to_the_score_and_change_nothing(data):
    forest, points = learned(data.draw, data.draw(st.sampled_from([values | coarse, tiny])))
    before = forest.to_bytes()
    low, high = attribution(forest, points)
    assert forest.to_bytes() == before
    assert (low >= 0).all() and (high >= 0).all()
    assert (low + high).sum(axis=1) == pytest.approx(forest.score(points), rel=1e-12)


SHAPES: list[dict[str, Any]] = [
    dict(dimensions=1, num_trees=7, sample_size=16, time_decay=40),
    dict(dimensions=3, num_trees=5, sample_size=20, time_decay=1000, scoring="open"),
    dict(dimensions=1, num_trees=4, sample_size=10, time_decay=11, shingle_size=12, seed=-1),
    dict(dimensions=2, num_trees=3, sample_size=16, time_decay=40, shingle_size=16),
    dict(dimensions=4, num_trees=3, sample_size=16, time_decay=40),
]


@pytest.mark.parametrize("shape", SHAPES, ids=["line", "space", "shingles", "many", "four"])
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 50), max_size=6))
def test_batches_and_restores_do_not_matter(shape, cuts):
    points = np.random.default_rng(1).normal(size=(150, shape["dimensions"])).round(1)
    forest = RandomCutForest(**shape)
    forest.learn(points)
    restored = RandomCutForest.from_bytes(forest.to_bytes())
    pieces = [attribution(restored, piece) for piece in np.split(points[:50], sorted(cuts))]
    for side, at_once in enumerate(attribution(forest, points[:50])):
        assert np.concatenate([piece[side] for piece in pieces]).tobytes() == at_once.tobytes()


@pytest.fixture(scope="module", params=SHAPES, ids=["line", "space", "shingles", "many", "four"])
def one_at_a_time(request):
    """A shape, points, and of each record in turn its score and sides, then all that was learned of them."""
    shape = request.param
    points = np.random.default_rng(3).normal(size=(150, shape["dimensions"])).round(1)
    attributed, scored = RandomCutForest(**shape), RandomCutForest(**shape)
    sides = []
    for point in points:
        sides.append(attribution(attributed, [point]))
        attributed.learn([point])
    low, high = (np.concatenate(side) for side in zip(*sides, strict=True))
    return shape, points, [scored.score_and_learn(points), low, high], scored.to_bytes()


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 150), max_size=6))
def test_attributions_while_learning_are_those_of_a_record_at_a_time(one_at_a_time, cuts):
    shape, points, expected, learned = one_at_a_time
    forest = RandomCutForest(**shape)
    pieces = [forest.attribute_and_learn(piece) for piece in np.split(points, sorted(cuts))]
    for whole, one_by_one in zip(map(np.concatenate, zip(*pieces, strict=True)), expected, strict=True):
        assert whole.tobytes() == one_by_one.tobytes()
    assert forest.to_bytes() == learned


@njit
def _add_some(block, series, begin, end, step, table, low, high):
    points, of_table = floats_at(series.ctypes.data), floats_at(table.ctypes.data)
    lows, highs = floats_at(low.ctypes.data), floats_at(high.ctypes.data)
    if low.shape[1] == 1:
        add_attributions_on_line(line_at(block.ctypes.data, 0, 16), points, begin, end, step, of_table, lows, highs)
    else:
        tree = tree_at(block.ctypes.data, 0, 16, low.shape[1])
        add_attributions(tree, points, begin, end, step, of_table, lows, highs)


@pytest.mark.parametrize("end", range(3, 12))
@pytest.mark.parametrize("shingle_size", [1, 3])
def test_a_stretch_of_a_series_leaves_the_other_points_alone(shingle_size, end):
    """Point i is the shingle that ends at record i, as in a batch that is learned: shingles overlap."""
    forest = RandomCutForest(1, 1, 16, 20, shingle_size)
    series = np.random.default_rng(2).normal(size=(60, 1))
    forest.learn(series)
    low, high = np.zeros((2, 12, shingle_size))
    _add_some(forest._trees[0], series.ravel(), 2, end, 1, score_table("kinesis", 16), low, high)
    assert not any(side[:2].any() or side[end:].any() for side in (low, high))
    for i in range(2, end):
        forest._recent = series[i : i + shingle_size - 1]
        expected = attribution(forest, series[i + shingle_size - 1 :][:1])
        assert [4 * low[i], 4 * high[i]] == [pytest.approx(side[0], rel=1e-12, abs=0) for side in expected]


@pytest.mark.parametrize("shape", SHAPES, ids=["line", "space", "shingles", "many", "four"])
def test_attributions_are_zero_until_the_sample_is_full(shape):
    forest = RandomCutForest(**shape)
    points = np.ones((5, forest.dimensions))
    forest.learn(np.zeros((forest.sample_size + forest.shingle_size - 2, forest.dimensions)))
    for side in attribution(forest, points):
        assert side.shape == (5, forest.dimensions * forest.shingle_size)
        assert not side.any()
    forest.learn(points[:1])
    assert np.add(*attribution(forest, points)).any()
    assert attribution(forest, points[:0])[0].shape == (0, forest.dimensions * forest.shingle_size)


@pytest.mark.parametrize("shingle_size", [1, 4])
def test_attributions_are_in_the_order_of_named_columns(shingle_size):
    shape = dict(dimensions=3, num_trees=5, sample_size=20, time_decay=100, shingle_size=shingle_size)
    points = np.random.default_rng(4).normal(size=(200, 3))
    one = RandomCutForest(**shape, features=("heart", "blood", "air"))
    other = RandomCutForest(**shape, features=("air", "heart", "blood"))
    one.learn(points)
    other.learn(points[:, [2, 0, 1]])
    pairs = zip(attribution(one, points[:9]), attribution(other, points[:9, [2, 0, 1]]), strict=True)
    for a, b in pairs:
        by_record = a.reshape(9, shingle_size, 3)
        assert by_record[:, :, [2, 0, 1]].tolist() == b.reshape(9, shingle_size, 3).tolist()
    assert attribution(one, [[0.0, 15.0, 0.0]])[1][0].argmax() == 3 * shingle_size - 2


def test_outlier_is_attributed_to_its_feature_and_side():
    seed = 50
    print("seed", seed)
    forest = RandomCutForest(3, 100, 256, 1000, seed=seed)
    forest.learn(np.random.default_rng(seed).normal(size=(2000, 3)))
    low, high = attribution(forest, [[0.0, 12.0, 0.0], [-12.0, 0.0, 0.0]])
    score = forest.score([[0.0, 12.0, 0.0], [-12.0, 0.0, 0.0]])
    assert high[0, 1] > 0.95 * score[0]
    assert low[1, 0] > 0.95 * score[1]
    above, below = (json.loads(text) for text in explanations(low, high, ["a", "b", "c"]))
    assert above["b"]["DIRECTION"] == "HIGH"
    assert float(above["b"]["STRENGTH"]) > 0.99
    assert below["a"]["DIRECTION"] == "LOW"
    assert float(below["a"]["STRENGTH"]) > 0.99


def test_outlier_in_a_shingle_is_attributed_to_its_newest_record():
    seed = 51
    print("seed", seed)
    forest = RandomCutForest(2, 100, 64, 1000, 4, seed)
    forest.learn(np.random.default_rng(seed).normal(size=(1000, 2)))
    _, high = attribution(forest, [[0.0, 15.0]])
    assert high[0].argmax() == 7
    assert high[0, 7] > 0.7 * forest.score([[0.0, 15.0]])[0]


def test_constant_stream_is_split_evenly_and_what_leaves_it_by_its_gaps():
    forest = RandomCutForest(2, 10)
    forest.learn(np.full((300, 2), 45.0))
    low, high = attribution(forest, [[45.0, 45.0], [46.0, 45.0], [44.0, 48.0]])
    assert low.tolist() == pytest.approx(np.array([[2 / 257, 2 / 257], [0, 0], [2, 0]]))
    assert high.tolist() == pytest.approx(np.array([[2 / 257, 2 / 257], [8, 0], [0, 6]]))


def test_repeated_value_is_attributed_away_from_its_neighbours():
    """All trees part the two values at the root; the shadow of one is the other."""
    forest = RandomCutForest(1, 10, 10, 100)
    forest.learn(np.tile([[1.0], [2.0]], (50, 1)))
    low, high = attribution(forest, [[1.0], [2.0]])
    assert (high[0], low[1]) == (0, 0)
    assert (low[0, 0], high[1, 0]) == pytest.approx(tuple(forest.score([[1.0], [2.0]])))


def test_refused_points_are_named():
    forest = RandomCutForest(2, 3, 10, 20)
    with pytest.raises(ValueError, match=r"points must be finite, got nan"):
        attribution(forest, [[math.nan, 1.0]])


def test_explanation_has_the_form_of_kinesis():
    low, high = np.array([[0.125, 0.5], [0, 0]]), np.array([[1.0, 0.25], [0, 0]])
    assert explanations(low, high, ["Systolic", 'Puls "Ä"']) == [
        '{"Systolic":{"DIRECTION":"HIGH","STRENGTH":"0.7778","ATTRIBUTION_SCORE":"1.1250"},'
        '"Puls \\"Ä\\"":{"DIRECTION":"LOW","STRENGTH":"0.3333","ATTRIBUTION_SCORE":"0.7500"}}',
        '{"Systolic":{"DIRECTION":"LOW","STRENGTH":"0.0000","ATTRIBUTION_SCORE":"0.0000"},'
        '"Puls \\"Ä\\"":{"DIRECTION":"LOW","STRENGTH":"0.0000","ATTRIBUTION_SCORE":"0.0000"}}',
    ]


def test_explanation_adds_up_the_places_of_a_shingle():
    low, high = np.array([[0.0, 1.0, 0.0, 2.0, 0.0, 3.0]]), np.array([[4.0, 0.0, 5.0, 0.0, 6.0, 2.0]])
    said = json.loads(explanations(low, high, ["a", "b"], 3)[0])
    assert said == {
        "a": {"DIRECTION": "HIGH", "STRENGTH": "1.0000", "ATTRIBUTION_SCORE": "15.0000"},
        "b": {"DIRECTION": "LOW", "STRENGTH": "0.5000", "ATTRIBUTION_SCORE": "8.0000"},
    }
    assert explanations(low[:0], high[:0], ["a", "b"], 3) == []


def test_explanations_sum_to_the_score():
    seed = 52
    print("seed", seed)
    forest = RandomCutForest(2, 50, 64, 1000, 3, seed)
    points = np.random.default_rng(seed).normal(size=(500, 2))
    forest.learn(points)
    texts = explanations(*attribution(forest, points[:20]), ["a", "b"], 3)
    totals = [sum(float(part["ATTRIBUTION_SCORE"]) for part in json.loads(text).values()) for text in texts]
    assert totals == pytest.approx(forest.score(points[:20]), abs=1.1e-4)


def test_wrong_columns_are_named():
    with pytest.raises(ValueError) as caught:
        explanations(np.zeros((2, 3)), np.zeros((2, 3)), ["a", "b"], 2)
    assert str(caught.value) == "low must be of shape (n, 4), got (2, 3)"
