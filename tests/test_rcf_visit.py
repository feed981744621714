"""A record at a time, in small trees over one coordinate: bit for bit what batches of the same records give."""

import numpy as np
import pytest
from numba import njit

from udf.rcf import RandomCutForest, line, line_nodes, score_and_learn_many
from udf.rcf.line_lanes import MOST, ROWS, supported
from udf.rcf.pointers import floats_at

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


@njit
def _nodes_before(lines, samples, x, room):
    on_line = line.line_at(lines, 0, samples)
    return line_nodes.nodes_before(
        on_line.numbers, on_line.ids, on_line.value, on_line.span, on_line.depth, on_line.leaves,
        line.search(on_line, x), x, floats_at(room.ctypes.data), 0,
    )  # fmt: skip


@pytest.mark.skipif(not supported(), reason="this CPU lacks AVX-512: visits score trees one by one")
def test_nodes_come_from_the_lowest_up_however_many_there_are():
    """By the chances, which are less the larger a node is, and by the depths, which end at the root's."""
    forest, room, counts = RandomCutForest(1, 1, MOST, 60, seed=3), np.empty(2 * ROWS), []
    for value in _ever_nearer_to_zero(None)[:60]:
        forest.learn(np.array([[value]]))
        for x in (value / 2, -value, 2.0):
            count = _nodes_before(forest._trees.ctypes.data, MOST, x, room)
            chances, depths = room[:count], 1 / room[ROWS : ROWS + count]
            assert (np.diff(chances) <= 0).all() and (chances > 0).all()
            assert depths.tolist() == list(range(count, 0, -1))
            assert not room[count : -(-count // line_nodes.LIKELY) * line_nodes.LIKELY].any()
            counts.append(count)
    assert max(counts) > 2 * line_nodes.LIKELY
