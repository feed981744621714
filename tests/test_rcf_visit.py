"""A record at a time, in small trees over one coordinate: bit for bit what batches of the same records give."""

import numpy as np
import pytest

from udf.rcf import RandomCutForest, score_and_learn_many
from udf.rcf.line_lanes import MOST

RECORDS = 400


def _noise(rng):
    return rng.normal(size=RECORDS)


def _repeated(rng):
    return rng.integers(-3, 4, RECORDS).astype(float)


def _ever_nearer_to_zero(_rng):
    """Each below all before it, by far less than they are apart: outside of every node from its leaf up."""
    return 1.9 ** -np.arange(RECORDS)


def _ever_farther(_rng):
    return -(1.3 ** np.arange(RECORDS))


@pytest.mark.parametrize("values", [_noise, _repeated, _ever_nearer_to_zero, _ever_farther])
@pytest.mark.parametrize(("samples", "trees"), [(10, 1), (10, 100), (12, 7), (MOST, 17), (MOST + 1, 9)])
def test_visits_are_batches(values, samples, trees):
    points = values(np.random.default_rng(8)).reshape(-1, 1)
    visited, learned, batched, together = (RandomCutForest(1, trees, samples, 60, seed=3) for _ in range(4))
    scores = np.concatenate([visited.score_and_learn(point) for point in np.split(points, RECORDS)])
    for point in np.split(points, RECORDS):
        learned.learn(point)
    assert scores.tobytes() == batched.score_and_learn(points).tobytes()
    other = RandomCutForest(1, trees, samples, 60, seed=4)
    in_turn = score_and_learn_many([together, other] * RECORDS, points.repeat(2, axis=0))
    assert scores.tobytes() == in_turn[::2].tobytes()
    assert visited.to_bytes() == learned.to_bytes() == batched.to_bytes() == together.to_bytes()
