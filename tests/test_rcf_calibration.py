"""Laws of the calibration, and how often ordinary records of real forests fall below a probability.

Error level of the shares, of 150,000 scores in one series: 1,500, 150 and 15 scores are expected at 1e-2, 1e-3 and
1e-4, and the allowed factors 1.5, 2 and 3 are 16, 8 and 4 standard deviations of the logarithm of a count, were
scores independent. What is left is for the forest, which is not the same all along.
"""

import base64
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udf.rcf import Calibration, RandomCutForest, grade
from udf.rcf.scoring import normalizer

FACTORS = {1e-2: 1.5, 1e-3: 2.0, 1e-4: 3.0}
LEVELS = np.array([1.2, 1.5, 1.7, 2.0, 2.3])  # of `quiet`: probabilities 0.15 to 4e-4
LOUD = np.array([4.5, 6.0, 7.5])


def quiet(count, seed=1):
    """Scores as those of a forest of 256 points."""
    return np.random.default_rng(seed).gamma(9.0, 0.1, size=count)


def trained(count=150_000, memory=100_000):
    calibration = Calibration(8.0, memory)
    calibration.observe(quiet(count))
    return calibration


def shares(probabilities):
    return {level: float((probabilities <= level).mean()) / level for level in FACTORS}


STREAMS = {
    "normal": (lambda rng, n: rng.normal(size=(n, 1)), 10.0),
    "heavy": (lambda rng, n: rng.standard_t(3, size=(n, 1)), 100.0),
    "uniform": (lambda rng, n: rng.random((n, 1)), 3.0),
    "sine": (lambda rng, n: (np.sin(np.arange(n) * math.tau / 50) + 0.1 * rng.normal(size=n)).reshape(-1, 1), 3.0),
    "four": (lambda rng, n: rng.normal(size=(n, 4)), 10.0),
}
SHAPES = [(stream, *shape) for stream in STREAMS for shape in [(10, 100), (10, 100_000), (256, 2560), (256, 100_000)]]
# Ten points a tree that change once in 10,000 records: the forest wanders as slowly as a calibration usually forgets,
# and where values end abruptly the tail of the scores goes with it. A shorter memory keeps up.
WANDERING = ("uniform", 10, 100_000)


@pytest.mark.parametrize(("stream", "sample_size", "time_decay"), SHAPES)
def test_share_of_ordinary_records_is_their_probability(stream, sample_size, time_decay):
    seed = 2
    print("seed", seed)
    draw, far = STREAMS[stream]
    points = draw(np.random.default_rng(seed), 200_000)
    shingle_size = 4 if stream == "sine" else 1
    forest = RandomCutForest(points.shape[1], 40, sample_size, time_decay, shingle_size, seed)
    memory = 10_000 if (stream, sample_size, time_decay) == WANDERING else 100_000
    calibration = Calibration(normalizer(forest.scoring, sample_size), memory)
    probabilities = calibration.observe(forest.score_and_learn(points))
    settled, early = shares(probabilities[50_000:]), shares(probabilities[:50_000])
    print(settled, early)
    for level, factor in FACTORS.items():
        assert 1 / factor < settled[level] < factor
        assert early[level] < factor
    assert calibration.judge(forest.score(np.full((1, points.shape[1]), far)))[0] <= 1e-4


@pytest.mark.parametrize("memory", [1000, 10_000])
def test_short_memories_are_calibrated_as_far_as_they_reach(memory):
    probabilities = Calibration(8.0, memory).observe(quiet(200_000))
    for level in (1e-2, 1e-3, 1e-4):
        if level * memory >= 1:
            assert 1 / FACTORS[level] < shares(probabilities)[level] < FACTORS[level]
    assert shares(probabilities)[1e-4] < FACTORS[1e-4]


def test_higher_scores_are_rarer():
    probabilities = trained(5000).judge(np.linspace(0.0, 8.0, 5000))
    assert (np.diff(probabilities) <= 0).all()
    assert probabilities[0] == 1.0
    assert 0.01 / 5000 < probabilities[-1] < 0.01 / 2500  # of the first half of its life nothing is remembered


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 6000), max_size=8))
def test_batches_do_not_matter(cuts):
    """With scores of 0, beyond the limit and at the bound, over several generations."""
    scores = quiet(6000)
    scores[::50], scores[3::400], scores[4000:4100] = 0.0, 7.0, 8.0
    whole, split = Calibration(8.0, 1500), Calibration(8.0, 1500)
    at_once = whole.observe(scores)
    pieces = [split.observe(piece) for piece in np.split(scores, sorted(cuts))]
    assert np.concatenate(pieces).tobytes() == at_once.tobytes()
    assert split.to_bytes() == whole.to_bytes()


def test_observe_judges_by_the_scores_before_and_judge_changes_nothing():
    calibration = trained(2048)
    before = calibration.to_bytes()
    judged = calibration.judge(quiet(100, seed=2))
    assert calibration.to_bytes() == before
    assert (calibration.observe(quiet(100, seed=2)) == judged).all()
    assert calibration.to_bytes() != before


def test_nothing_is_judged_by_fewer_than_1024_scores_and_zeros_do_not_count():
    calibration = Calibration(8.0)
    assert (calibration.observe(np.zeros(5000)) == 1.0).all()
    assert calibration.to_bytes() == Calibration(8.0).to_bytes()
    probabilities = calibration.observe(np.append(quiet(1024), [8.0, 0.0]))
    assert (probabilities[:1024] == 1.0).all()
    assert probabilities[1024] < 1e-4
    assert probabilities[1025] == 1.0
    assert calibration.scores_seen == 1025


def test_constant_scores_are_never_rare_and_the_first_different_one_is():
    forest = RandomCutForest(1, 20)
    calibration = Calibration(normalizer(forest.scoring, forest.sample_size))
    assert (calibration.observe(forest.score_and_learn(np.full((20_000, 1), 45.0))) == 1.0).all()
    assert calibration.observe(forest.score_and_learn([[46.0]]))[0] < 1e-5


def test_values_that_come_once_in_200_records_are_no_alarm():
    seed = 3
    print("seed", seed)
    points = (np.random.default_rng(seed).random((60_000, 1)) < 0.005).astype(float)
    for sample_size, time_decay in [(10, 100), (256, 2560)]:
        forest = RandomCutForest(1, 20, sample_size, time_decay, seed=seed)
        calibration = Calibration(normalizer(forest.scoring, sample_size))
        assert (calibration.observe(forest.score_and_learn(points))[10_000:] <= 1e-4).mean() < 3e-4


def test_a_burst_changes_little():
    calibration = trained()
    before = calibration.judge(LEVELS)
    assert (calibration.observe(np.tile(LOUD, 600)) <= 1e-4).all()  # 1.8 % of the memory
    assert calibration.judge(LEVELS) == pytest.approx(before, rel=0.05)
    assert (calibration.judge(LOUD) <= 1e-5).all()


def test_one_anomaly_in_a_hundred_raises_probabilities_slowly():
    calibration = trained()
    before = calibration.judge(LEVELS)
    scores = quiet(20_000, seed=4)
    scores[50::100] = np.resize(LOUD, 200)
    probabilities = calibration.observe(scores)
    assert (probabilities[50::100] <= 1e-4).all()
    assert calibration.judge(LEVELS) == pytest.approx(before, rel=0.1)


def test_what_keeps_coming_is_ordinary_in_the_end():
    calibration = trained(30_000, 10_000)
    scores = quiet(40_000, seed=5)
    scores[50::200] = 6.0
    calibration.observe(scores)
    assert 1 / 420 < calibration.judge([6.0])[0] < 1 / 180  # a tail may fall short by a half of what was counted


@pytest.mark.parametrize(
    "shift", [lambda scores: scores + 3.0, lambda scores: scores * 2.0, lambda scores: scores / 2.0]
)
def test_a_new_level_is_learned_within_two_memories(shift):
    memory = 10_000
    calibration = trained(30_000, memory)
    probabilities = calibration.observe(np.minimum(shift(quiet(4 * memory, seed=6)), 8.0))
    assert (probabilities[memory // 20 :] <= 1e-4).mean() < 1e-3
    settled = shares(probabilities[2 * memory :])
    assert 1 / 1.5 < settled[1e-2] < 1.5
    assert settled[1e-3] < 2


@pytest.mark.parametrize("seen", [0, 1, 127, 1023, 1024, 1100, 2999, 3001, 20_000])
def test_restored_calibration_continues_identically(seen):
    scores = quiet(seen + 5000)
    scores[seen + 10 :: 300] = 7.9
    calibration = Calibration(8.0, 3000)
    calibration.observe(scores[:seen])
    restored = Calibration.from_bytes(calibration.to_bytes())
    assert (restored.bound, restored.memory, restored.scores_seen) == (8.0, 3000, seen)
    assert restored.to_bytes() == calibration.to_bytes()
    assert restored.observe(scores[seen:]).tobytes() == calibration.observe(scores[seen:]).tobytes()
    assert restored.to_bytes() == calibration.to_bytes()


def test_bytes_are_few():
    spread = Calibration(8.0)
    spread.observe(np.random.default_rng(7).uniform(0.0, 8.0, 300_000))
    sizes = [len(calibration.to_bytes()) for calibration in (Calibration(8.0), trained(), spread)]
    print(sizes)
    assert sizes[0] < 200 < sizes[1] < 1000 < sizes[2] < 2000


@pytest.fixture(scope="module")
def data():
    return trained(1500).to_bytes()


def test_any_flipped_byte_is_refused(data):
    for i in range(len(data)):
        with pytest.raises(ValueError, match="must be"):
            Calibration.from_bytes(data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :])


def test_any_shortened_bytes_are_refused(data):
    for i in range(len(data)):
        with pytest.raises(ValueError, match="must be"):
            Calibration.from_bytes(data[:i])


def test_what_is_wrong_is_said(data):
    for wrong, message in [
        (b"junk" + data, "data must be the bytes of a calibration, got b'junk'"),
        (data[:4] + b"\x02\x00" + data[6:], "version of data must be at most 1, got 2"),
        (data[:9], "data must be undamaged, got only 9 bytes"),
        (data + b"x", "data must be undamaged, got checksum "),
    ]:
        with pytest.raises(ValueError) as caught:
            Calibration.from_bytes(wrong)
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(bound=0), "bound must be a number above 0, got 0"),
        (dict(bound=math.nan), "bound must be a number above 0, got nan"),
        (dict(bound=math.inf), "bound must be a number above 0, got inf"),
        (dict(bound="8"), "bound must be a number above 0, got '8'"),
        (dict(memory=999), "memory must be a whole number from 1000 to 2147483647, got 999"),
        (dict(memory=1e5), "memory must be a whole number from 1000 to 2147483647, got 100000.0"),
        (dict(memory=True), "memory must be a whole number from 1000 to 2147483647, got True"),
    ],
)
def test_wrong_parameter_is_named_with_its_rule(wrong, message):
    with pytest.raises(ValueError) as caught:
        Calibration(**{"bound": 8.0, **wrong})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0, -0.5], "scores must be from 0 to 8.0, got -0.5"),
        ([1.0, 8.1], "scores must be from 0 to 8.0, got 8.1"),
        ([math.nan], "scores must be from 0 to 8.0, got nan"),
        ([[1.0]], "scores must be of shape (n,), got (1, 1)"),
        (["a"], "scores must be numbers, got ['a']"),
    ],
)
@pytest.mark.parametrize("method", ["observe", "judge"])
def test_refused_scores_leave_the_calibration_unchanged(scores, message, method):
    calibration = trained(1500)
    before = calibration.to_bytes()
    with pytest.raises(ValueError) as caught:
        getattr(calibration, method)(scores)
    assert str(caught.value) == message
    assert calibration.to_bytes() == before


def test_empty_batch_and_scores_rounded_above_the_bound_are_fine():
    calibration = trained(1500)
    assert calibration.observe([]).shape == calibration.judge([]).shape == (0,)
    assert calibration.observe([np.nextafter(8.0, 9.0)])[0] < 1e-4


def test_grade_falls_with_probability_and_is_documented_at_its_corners():
    probabilities = np.geomspace(1e-9, 1.0, 1000)
    grades = grade(probabilities)
    assert (np.diff(grades) <= 0).all()
    assert grades.min() == 0.0
    assert grades.max() == 1.0
    assert grade([[1e-2, 1e-4, 1e-6]]).tolist() == [[0.0, 0.5, 1.0]]
    for wrong in (0.0, -0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="probabilities must be above 0 and at most 1, got "):
            grade([0.5, wrong])


def test_saved_bytes_of_version_1_still_give_the_same_probabilities():
    calibration = Calibration.from_bytes(VERSION_1)
    assert (calibration.bound, calibration.memory, calibration.scores_seen) == (4.0, 1000, 1300)
    assert calibration.judge([0.0, 0.5, 1.0, 1.5, 2.0, 4.0]) == pytest.approx(VERSION_1_PROBABILITIES)


VERSION_1 = base64.b85decode(
    "LqSXc0RR91000005J2by000yP0000000000000000000000000@IQE*?ax6DgCGzEP)s+F^c2whpV3ehX`)RRtm=D<&kO??L%6qB"
    "i!#(zX=@oH*ENsLG0xwbTD|L!TY37wJg2`1|1Gshy^f(}>`mNeX*fTe-FL2={(+O7nI6+$gqvBmTza#|b@R&@0000000000047=i"
    "3m63zxpO5|"
)
VERSION_1_PROBABILITIES = [1.0, 1.0, 1.0, 0.0302881604, 0.000653697309, 8.12904785e-06]
