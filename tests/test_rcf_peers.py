"""Our forest beside its peers, as distributions over seeds: krcf (AWS's Rust), AWS's Java core, and rrcf's CoDisp."""

import shutil

import numpy as np
import pytest

from bench.forest_peers import Shape, codisp, java_scores, krcf_forest, rrcf_trees
from udf.rcf import RandomCutForest

SEEDS = 24  # forests of each kind
OUTLIERS = 6
SHAPES = [
    Shape("line", "", dimensions=1, num_trees=100, sample_size=64, time_decay=640),
    Shape("space", "", dimensions=3, num_trees=100, sample_size=64, time_decay=200),
    Shape("shingles", "", dimensions=1, num_trees=100, sample_size=32, time_decay=320, shingle_size=4),
]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


def normal(shape, count=1000, seed=40):
    """Exact in float32, which the peers compute in."""
    print("seed of the points", seed)
    points = np.random.default_rng(seed).normal(size=(count, shape.dimensions))
    return points.astype(np.float32).astype(np.float64)


def repeating(shape, count=1000, seed=41):
    """Multiples of one half, so that in one dimension some ten values are the whole stream. No negative zeros: beside
    a zero they make Java's core throw."""
    return np.round(normal(shape, count, seed) * 2) / 2 + 0.0


def mean_scores(shape, scores):
    """The mean score of each forest over the stream, from where all of them have a full sample."""
    return np.asarray(scores)[:, shape.sample_size + shape.shingle_size :].mean(axis=1)


def ours(shape, points):
    forests = [
        RandomCutForest(
            points.shape[1], shape.num_trees, shape.sample_size, shape.time_decay, shape.shingle_size, seed, "open"
        )
        for seed in range(SEEDS)
    ]
    return mean_scores(shape, [forest.score_and_learn(points) for forest in forests])


def assert_same_law(ours, theirs):
    """The means over all seeds differ by at most four standard errors, and the spreads at most threefold."""
    error = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / SEEDS)
    print(f"ours {ours.mean():.5f}, theirs {theirs.mean():.5f}, standard error {error:.5f}")
    assert error < 0.004 * theirs.mean()  # or the test would see nothing
    assert abs(ours.mean() - theirs.mean()) < 4 * error
    assert 1 / 3 < ours.std(ddof=1) / theirs.std(ddof=1) < 3


@shapes
def test_mean_score_is_that_of_krcf(shape):
    """Not on repeated values: krcf counts the mass of their leaves one short, and scores them higher for it."""
    pytest.importorskip("krcf", reason="krcf is not installed: requirements.txt has it")
    points = normal(shape)
    theirs = []
    for seed in range(SEEDS):
        forest = krcf_forest(shape, seed)
        scores = []
        for row in points.tolist():
            scores.append(forest.score(row))
            forest.update(row)
        theirs.append(scores)
    assert_same_law(ours(shape, points), mean_scores(shape, theirs))


@pytest.mark.skipif(shutil.which("mvn") is None, reason="the Java peer is built with Maven, which is not here")
@pytest.mark.parametrize("points", [normal, repeating])
@shapes
def test_mean_score_is_that_of_java(shape, points):
    points = points(shape)
    assert_same_law(ours(shape, points), mean_scores(shape, java_scores(shape, points, SEEDS)))


def test_codisp_ranks_the_same_records_first():
    """Both put the planted outliers above all else, and rank the rest alike."""
    pytest.importorskip("rrcf", reason="rrcf is not installed: requirements.txt has it")
    shape = Shape("ranks", "", dimensions=2, num_trees=40, sample_size=64, time_decay=64 * 10)
    seed = 42
    print("seed", seed)
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(500, shape.dimensions))
    planted = np.sort(rng.choice(np.arange(shape.sample_size, 500), size=OUTLIERS, replace=False))
    angles = rng.permutation(OUTLIERS) * (
        2 * np.pi / OUTLIERS
    )  # far from each other too, or they would mask each other
    points[planted] += 12.0 * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    forest = RandomCutForest(2, shape.num_trees, shape.sample_size, shape.time_decay, seed=seed)
    scores = forest.score_and_learn(points)[shape.sample_size :]
    trees = rrcf_trees(shape.num_trees, points[: shape.sample_size], seed)
    displaced = codisp(trees, points[shape.sample_size :], shape.sample_size, shape.sample_size)
    for values in (scores, displaced):
        assert np.sort(np.argsort(values)[-OUTLIERS:] + shape.sample_size).tolist() == planted.tolist()
    correlation = np.corrcoef(scores.argsort().argsort(), displaced.argsort().argsort())[0, 1]
    print(f"Spearman's correlation {correlation:.3f}")
    assert correlation > 0.6
