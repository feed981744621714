"""Laws of the whole forest, and its scores against the slow oracle."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udf.rcf import RandomCutForest, learn_many, score_and_learn_many

SHAPES = [
    dict(dimensions=1, num_trees=7, sample_size=16, time_decay=40),
    dict(dimensions=3, num_trees=5, sample_size=20, time_decay=1000, scoring="open"),
    dict(dimensions=2, num_trees=4, sample_size=10, time_decay=11, shingle_size=5, seed=-1),
    dict(dimensions=1, num_trees=4, sample_size=32, time_decay=8, shingle_size=9),
    dict(dimensions=4, num_trees=3, sample_size=16, time_decay=40),
    dict(dimensions=3, num_trees=3, sample_size=16, time_decay=40, shingle_size=6),
    dict(dimensions=1, num_trees=3, sample_size=16, time_decay=40, shingle_size=32),
]
shapes = pytest.mark.parametrize(
    "shape", SHAPES, ids=["line", "space", "shingles", "short memory", "four", "many", "blocks"]
)


def records(shape, count, seed=1):
    """Half of them rounded, so that values repeat."""
    points = np.random.default_rng(seed).normal(size=(count, shape["dimensions"]))
    return np.where(np.arange(count)[:, None] % 2, points, np.round(points))


@shapes
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=6))
def test_batches_do_not_matter(shape, cuts):
    points = records(shape, 200)
    whole, split = RandomCutForest(**shape), RandomCutForest(**shape)
    at_once = whole.score_and_learn(points)
    pieces = [split.score_and_learn(piece) for piece in np.split(points, sorted(cuts))]
    assert np.concatenate(pieces).tobytes() == at_once.tobytes()
    assert split.to_bytes() == whole.to_bytes()


@shapes
def test_learn_is_score_and_learn_without_scores(shape):
    points = records(shape, 3000)
    silent, scoring = RandomCutForest(**shape), RandomCutForest(**shape)
    silent.learn(points)
    scoring.score_and_learn(points)
    assert silent.to_bytes() == scoring.to_bytes()
    assert silent.records_seen == 3000


@shapes
def test_score_is_that_of_the_next_record_and_changes_nothing(shape):
    forest = RandomCutForest(**shape)
    forest.learn(records(shape, 100))
    before = forest.to_bytes()
    points = records(shape, 9, seed=2)
    scores = forest.score(points)
    assert forest.to_bytes() == before
    for point, score in zip(points, scores, strict=True):
        assert RandomCutForest.from_bytes(before).score_and_learn(point[None]) == [score]


@shapes
def test_scores_are_zero_until_the_sample_is_full_and_bounded_after(shape):
    forest = RandomCutForest(**shape)
    scores = forest.score_and_learn(records(shape, 500))
    warm = forest.sample_size + forest.shingle_size - 1
    assert (scores[:warm] == 0).all()
    assert (scores[warm:] > 0).all()
    assert (scores[warm:] <= math.log2(forest.sample_size + 1)).all()
    assert (RandomCutForest(**shape).score(records(shape, 3)) == 0).all()


def test_constant_stream_scores_as_the_hosted_function_does():
    forest = RandomCutForest(1)
    scores = forest.score_and_learn(np.full((600, 1), 45.0))
    assert scores[256:] == pytest.approx(8 / 257, abs=1e-12)
    assert forest.score([[46.0]]) == pytest.approx(8.0)
    assert RandomCutForest(1, scoring="open").score_and_learn(np.zeros((300, 1)))[256:] == pytest.approx(0.5)


def test_quiet_and_loud_scores_are_where_they_are_expected():
    seed = 8
    print("seed", seed)
    quiet = np.random.default_rng(seed).normal(size=(2000, 1))
    for sample_size, decay, low, high, loud in [(10, 100, 0.74, 1.5, 2.9), (256, 2560, 0.58, 1.06, 5.8)]:
        forest = RandomCutForest(1, 100, sample_size, decay, seed=seed)
        assert low < np.median(forest.score_and_learn(quiet)[sample_size:]) < high
        assert forest.score([[10.0]])[0] == pytest.approx(loud, rel=0.08)


@pytest.mark.parametrize("scoring", ["kinesis", "open"])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_mean_score_is_that_of_the_oracle(scoring, dimensions):
    """Both have the same samples and draw trees independently. The difference of the means over a series has
    a standard error of 0.006 at most (measured over seeds); the bound is five of them."""
    seed = 30
    print("seed", seed)
    points = np.round(np.random.default_rng(seed).normal(size=(120, dimensions)), 1) + 0.0
    expected = naive.forest_scores([tuple(p) for p in points.tolist()], 150, 16, 50, seed, scoring)
    forest = RandomCutForest(dimensions, 150, 16, 50, seed=seed, scoring=scoring)
    ours = forest.score_and_learn(points)
    assert ours.mean() == pytest.approx(np.mean(expected), abs=0.03)
    assert ours == pytest.approx(np.array(expected), abs=0.25)


EXTREMES = [0.0, -0.0, 5e-324, -1e-300, 1e300, -1e300, 1.7976931348623157e308, -1.7976931348623157e308, 1.7e9]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**64 - 1),
    st.lists(
        st.tuples(*[st.sampled_from(EXTREMES) | st.floats(allow_nan=False, allow_infinity=False)] * 2),
        min_size=12,
        max_size=80,
    ),
    st.sampled_from([1, 3]),
)
def test_any_finite_values_give_sound_scores(seed, points, shingle_size):
    forest = RandomCutForest(2, 3, 10, 11, shingle_size, seed)
    scores = forest.score_and_learn(points)
    assert np.isfinite(scores).all()
    assert (scores[10 + shingle_size - 1 :] > 0).all()
    assert (scores <= math.log2(10)).all()
    assert RandomCutForest.from_bytes(forest.to_bytes()).to_bytes() == forest.to_bytes()


def test_negative_zero_is_zero():
    forests = [RandomCutForest(1, 5, 10, 100) for _ in range(2)]
    for forest, zero in zip(forests, (0.0, -0.0), strict=True):
        forest.learn(np.array([zero, 1.0, 2.0] * 20).reshape(-1, 1))
    assert forests[0].to_bytes() == forests[1].to_bytes()


def test_epochs_keep_their_resolution():
    forest = RandomCutForest(1, 20, 256, 1000)
    seconds = 1.7e9 + np.random.default_rng(5).permutation(3000).reshape(-1, 1)
    shifted = RandomCutForest(1, 20, 256, 1000)
    assert forest.score_and_learn(seconds) == pytest.approx(shifted.score_and_learn(seconds - 1.7e9), abs=1e-3)


def test_points_are_not_written_to():
    points = np.array([[-0.0], [1e308]])
    RandomCutForest(1).learn(points)
    assert np.signbit(points[0, 0])
    assert points[1, 0] == 1e308


def test_parameters_can_be_read_and_not_written():
    given_parameters: dict[str, Any] = dict(
        dimensions=2, num_trees=3, sample_size=10, time_decay=50, shingle_size=4, seed=-7, scoring="open"
    )
    forest = RandomCutForest(**given_parameters)
    assert {name: getattr(forest, name) for name in given_parameters} == given_parameters
    assert forest.memory_bytes == forest._trees.nbytes
    for name in given_parameters:
        with pytest.raises(AttributeError):
            setattr(forest, name, 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(dimensions=0), "dimensions must be a whole number from 1 to 4096, got 0"),
        (dict(num_trees=1001), "num_trees must be a whole number from 1 to 1000, got 1001"),
        (dict(num_trees=2.5), "num_trees must be a whole number from 1 to 1000, got 2.5"),
        (dict(num_trees=True), "num_trees must be a whole number from 1 to 1000, got True"),
        (dict(sample_size=9), "sample_size must be a whole number from 10 to 16384, got 9"),
        (dict(time_decay=2**31), "time_decay must be a whole number from 1 to 2147483647, got 2147483648"),
        (dict(time_decay=0), "time_decay must be a whole number from 1 to 2147483647, got 0"),
        (dict(shingle_size=2049), "shingle_size must be a whole number from 1 to 2048, got 2049"),
        (
            dict(seed="x"),
            "seed must be a whole number from -9223372036854775808 to 18446744073709551615, got 'x'",
        ),
        (dict(scoring="aws"), "scoring must be 'kinesis' or 'open', got 'aws'"),
    ],
)
def test_wrong_parameter_is_named_with_its_rule(wrong, message):
    with pytest.raises(ValueError) as caught:
        RandomCutForest(**{"dimensions": 2, **wrong})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[1.0, 2.0]] * 5 + [[math.nan, 1.0]], "points must be finite, got nan"),
        ([[1.0, -math.inf]], "points must be finite, got -inf"),
        ([1.0, 2.0], "points must be of shape (n, 2), got (2,)"),
        ([[1.0]], "points must be of shape (n, 2), got (1, 1)"),
        ([["a", "b"]], "points must be numbers, got [['a', 'b']]"),
        ([[1.0, 2.0], [3.0]], "points must be numbers, got [[1.0, 2.0], [3.0]]"),
    ],
)
@pytest.mark.parametrize("method", ["score", "learn", "score_and_learn"])
def test_refused_points_leave_the_forest_unchanged(points, message, method):
    forest = RandomCutForest(2, 3, 10, 20)
    forest.learn(np.random.default_rng(6).normal(size=(20, 2)))
    before = forest.to_bytes()
    with pytest.raises(ValueError) as caught:
        getattr(forest, method)(points)
    assert str(caught.value) == message
    assert forest.to_bytes() == before


def test_empty_batch_is_fine():
    forest = RandomCutForest(2, 3, 10, 20, shingle_size=3)
    for _ in range(2):
        assert forest.score_and_learn(np.empty((0, 2))).shape == (0,)
        assert forest.score(np.empty((0, 2))).shape == (0,)
        forest.learn(np.ones((30, 2)))


@shapes
def test_many_forests_at_once_are_each_by_itself(shape):
    points, which = records(shape, 600), np.random.default_rng(5).integers(0, 7, 600)
    together = [RandomCutForest(**shape | {"seed": seed}) for seed in range(7)]
    alone = [RandomCutForest(**shape | {"seed": seed}) for seed in range(7)]
    scores = score_and_learn_many([together[i] for i in which], points)
    for i, forest in enumerate(alone):
        assert (forest.score_and_learn(points[which == i]) == scores[which == i]).all()
        assert forest.to_bytes() == together[i].to_bytes()


@shapes
def test_many_forests_at_once_learn_each_by_itself(shape):
    points, counts = records(shape, 600), np.array([0, 1, 90, 200, 9, 300, 0])
    together = [RandomCutForest(**shape | {"seed": seed}) for seed in range(7)]
    for _ in range(2):
        learn_many(together, counts, points)
    for forest, some in zip(together, np.split(points, np.cumsum(counts)[:-1]), strict=True):
        alone = RandomCutForest(**shape | {"seed": forest.seed})
        alone.learn(some)
        alone.learn(some)
        assert forest.to_bytes() == alone.to_bytes()


def test_many_forests_are_of_one_kind_and_get_a_point_each():
    one, other = RandomCutForest(1, sample_size=10), RandomCutForest(1, sample_size=11)
    with pytest.raises(ValueError, match=r"^forests must have the same parameters but for their seeds$"):
        score_and_learn_many([one, other], np.zeros((2, 1)))
    with pytest.raises(ValueError, match=r"^points must be of all forests, 2, got 3$"):
        score_and_learn_many([one, one], np.zeros((3, 1)))
    assert one.records_seen == 0
    assert score_and_learn_many([], np.zeros((0, 1))).size == 0
    with pytest.raises(ValueError, match=r"^forests must come once each$"):
        learn_many([one, one], np.array([1, 1]), np.zeros((2, 1)))
    with pytest.raises(ValueError, match=r"^forests must have the same parameters but for their seeds$"):
        learn_many([one, other], np.array([1, 1]), np.zeros((2, 1)))
    with pytest.raises(ValueError, match=r"^points must be of all forests, 2, got 3$"):
        learn_many([one], np.array([2]), np.zeros((3, 1)))
    assert one.records_seen == 0
    learn_many([], np.zeros(0, np.int64), np.zeros((0, 1)))


@pytest.mark.parametrize("shingle_size", [1, 4])
def test_order_of_named_columns_does_not_matter(shingle_size):
    shape = dict(dimensions=3, num_trees=5, sample_size=20, time_decay=100, shingle_size=shingle_size)
    points = records(shape, 300)
    one = RandomCutForest(**shape, features=("heart", "blood", "air"))
    other = RandomCutForest(**shape, features=("air", "heart", "blood"))
    assert (one.score_and_learn(points) == other.score_and_learn(points[:, [2, 0, 1]])).all()
    other = RandomCutForest.from_bytes(other.to_bytes())
    assert other.features == ("air", "heart", "blood")
    assert (one.score(points[:9]) == other.score(points[:9, [2, 0, 1]])).all()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads resident memory from /proc")
@pytest.mark.parametrize(
    "shape",
    [
        dict(dimensions=1, num_trees=100, sample_size=10),
        dict(dimensions=1, num_trees=100, sample_size=256),
        dict(dimensions=3, num_trees=20, sample_size=64, shingle_size=8),
    ],
    ids=str,
)
def test_memory_is_known_beforehand(shape):
    """The resident memory of the process grows by what was estimated, within a tenth."""
    code = f"""
import mmap, numpy as np
from pathlib import Path
from udf.rcf import RandomCutForest
shape, points = {shape}, np.random.default_rng(1).normal(size=(40, {shape["dimensions"]}))
def grown(count):
    forests = [RandomCutForest(**shape) for _ in range(count)]
    for forest in forests:
        forest.learn(points)
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE, forests
before, first = grown(20)
after, more = grown(200)
print((after - before) / 200)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(RandomCutForest.estimate_bytes(**shape), rel=0.1)


def test_values_below_the_noise_floor_count_as_the_one_before():
    """So a stream that stands still but for noise scores as a constant one, across batches and restores."""
    shape: dict[str, Any] = dict(dimensions=2, num_trees=20, sample_size=32, features=("still", "moving"))
    noise = np.random.default_rng(3).uniform(-1e-9, 1e-9, size=400)
    noisy = np.stack([0.5 + noise, np.arange(400) % 7.0], axis=1)
    still = np.stack([np.full(400, noisy[0, 0]), noisy[:, 1]], axis=1)
    noisy[300:, 0] = still[300:, 0] = 0.7  # a change that is one
    forest, constant = RandomCutForest(**shape, noise_floor=(1e-6, 0.0)), RandomCutForest(**shape)
    first = forest.score_and_learn(noisy[:200])
    forest = RandomCutForest.from_bytes(forest.to_bytes())
    expected = constant.score_and_learn(still[:200])
    assert (first == expected).all()
    assert (forest.score(noisy[200:210]) == constant.score(still[200:210])).all()
    assert (forest.score_and_learn(noisy[200:]) == constant.score_and_learn(still[200:])).all()
    of_noise = [RandomCutForest(1, noise_floor=floor).score_and_learn(noisy[:300, :1]).max() for floor in ((), (1e-6,))]
    assert of_noise[0] > 0.5 and of_noise[1] == pytest.approx(8 / 257)


@pytest.mark.parametrize("wrong", [(1.0,), (1.0, -1.0), (1.0, math.inf), ("x", 1.0)])
def test_wrong_noise_floor_is_named_with_its_rule(wrong):
    with pytest.raises(ValueError, match=r"^noise_floor must be 2 numbers from 0 on, got "):
        RandomCutForest(2, noise_floor=wrong)


@pytest.mark.parametrize("wrong", [("a",), ("a", "a"), ("a", 1)])
def test_wrong_features_are_named_with_their_rule(wrong):
    with pytest.raises(ValueError, match=r"^features must be "):
        RandomCutForest(2, features=wrong)


def test_explanations_know_features_by_name():
    forest = RandomCutForest(2, num_trees=30, sample_size=64, features=("pulse", "air"))
    forest.learn(np.random.default_rng(1).normal(size=(300, 2)))
    (text,) = forest.explain([[-9.0, 0.0]])
    told = json.loads(text)
    assert list(told) == ["pulse", "air"]
    assert told["pulse"]["DIRECTION"] == "LOW" and float(told["pulse"]["STRENGTH"]) > 0.9
    whole = sum(float(feature["ATTRIBUTION_SCORE"]) for feature in told.values())
    assert whole == pytest.approx(forest.score([[-9.0, 0.0]])[0], abs=1e-3)
    assert forest.expected([[-9.0, 0.0]])[0] == pytest.approx([0.0, 0.0], abs=1.0)
    change = forest.smallest_change([[-9.0, 0.0]])[0]
    assert change[0] > 4 and abs(change[1]) < 1
