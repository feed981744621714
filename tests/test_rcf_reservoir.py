"""The sample of a tree against the oracle, and its law."""

import naive
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit

from udf.rcf import RandomCutForest, line
from udf.rcf.instructions import LANES
from udf.rcf.parameters import Parameters
from udf.rcf.pointers import floats_at
from udf.rcf.priority import one_priority, put_priorities
from udf.rcf.reservoir import put_entry, records_of, sample_of, worst_entry, worst_slot
from udf.rcf.streams import KEEP, _unmix, bits, first_reaching


def samples(forest):
    return [
        set(numbers.astype(int))
        for numbers in records_of(line.samples_of(forest._trees, forest._parameters), forest.sample_size)
    ]


@pytest.mark.parametrize(
    ("sample_size", "time_decay", "seed", "records"),
    [
        (10, 11, 0, 700),
        (10, 100, -3, 700),
        (32, 100000, 2**64 - 1, 700),
        (300, 400, 5, 2000),  # a tournament of three levels
        (5000, 10000, 6, 7000),  # of four
    ],
)
def test_sample_is_the_records_of_least_priority(sample_size, time_decay, seed, records):
    forest = RandomCutForest(1, 5, sample_size, time_decay, seed=seed)
    forest.learn(np.arange(float(records)).reshape(-1, 1))
    expected = [naive.least(range(records), seed % 2**64, tree, sample_size, time_decay) for tree in range(5)]
    assert samples(forest) == expected


@njit
def _put(blocks, samples, slots, priorities, numbers, evicted):
    """Put entries into slots, -1 for that of the worst; who is then the next to be evicted."""
    tree = line.line_at(blocks.ctypes.data, 0, samples)
    sample = sample_of(tree, 0, np.uint64(0), 0.01)
    for i in range(slots.size):
        slot = slots[i] if slots[i] >= 0 else worst_slot(sample)
        put_entry(sample, slot, priorities[i], numbers[i], float(numbers[i]))
        evicted[i] = worst_entry(sample)


@pytest.mark.parametrize("sample_size", [10, 16, 17, 256, 257, 4097])
def test_of_equal_priorities_the_oldest_goes_first_in_whatever_slot_it_is(sample_size):
    chance = np.random.default_rng(sample_size)
    given = sample_size + 200
    slots = np.append(chance.permutation(sample_size), np.full(200, -1))
    priorities, numbers = chance.integers(-3, 3, size=given).astype(float), chance.permutation(given)
    evicted = np.empty(given)
    _put(line.empty_blocks(Parameters(1, 1, sample_size)), sample_size, slots, priorities, numbers, evicted)
    kept = set(zip(-priorities[:sample_size], numbers[:sample_size], strict=True))
    for i in range(sample_size, given):
        assert evicted[i - 1] == min(kept)[1]
        kept = kept - {min(kept)} | {(-priorities[i], numbers[i])}


@njit
def _first_reaching(start, first, end, limit):
    return first_reaching(start, first, end, KEEP, limit)


@njit
def _bits(start, number):
    return bits(start, number, KEEP)


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 10**12), st.integers(0, 40), st.floats(0.0, 1.0))
def test_records_are_passed_over_as_one_by_one(start, first, count, u):
    start, limit = np.uint64(start), np.uint64(min(int(u * 2.0**64), 2**64 - 1))
    reach = [number for number in range(first, first + count) if _bits(start, number) >= limit]
    assert _first_reaching(start, first, first + count, limit) == min(reach, default=first + count)


@njit
def _priorities(start, step, first, decay_rate, room):
    put_priorities(start, step, first, decay_rate, floats_at(room.ctypes.data))


@njit
def _one_priority(number_drawn, number, decay_rate):
    return one_priority(number_drawn, number, decay_rate)


@settings(deadline=None)
@given(
    st.integers(0, 2**52 - 1) | st.sampled_from([0, 1, 2**51 - 1, 2**51, 2**52 - 2, 2**52 - 1]), st.integers(0, 10**9)
)
@example(1656807640131329, 0)  # -ln u is next to 1, and its logarithm to 0
def test_priorities_are_logarithms_to_the_last_place(drawn, first):
    """Also where they are largest and smallest; against NumPy's, in 80 bits where the system has them."""
    with np.errstate(over="ignore"):
        start = _unmix(np.uint64(drawn << 12))
    room, u = np.empty(LANES), (np.longdouble(drawn) + 0.5) / np.longdouble(2) ** 52
    _priorities(start, np.uint64(0), first, 0.01, room)
    assert _one_priority(float(drawn), first, 0.01) == room[0]
    for lane, priority in enumerate(room):
        expected = np.log(-np.log(u)) - np.longdouble(0.01) * (first + lane)
        assert abs(priority - expected) <= 3 * np.spacing(max(1.0, abs(float(expected))))


def test_sample_does_not_freeze_as_the_stream_grows():
    forest = RandomCutForest(1, 2, 10, 100)
    forest.learn(np.zeros((10, 1)))
    forest._records_seen = 10_000_000_000  # as if after ten thousand million records
    forest.learn(np.arange(3000.0).reshape(-1, 1))
    assert min(min(sample) for sample in samples(forest)) > 10_000_000_000


def test_the_last_records_that_can_be_numbered_are_taken():
    """And those beyond end, too: a float does not tell 2**53 + 1 from 2**53."""
    for seen in (2**53 - 20, 2**60):
        forest = RandomCutForest(1, 2, 10, 5)
        forest.learn(np.zeros((10, 1)))
        forest._records_seen = seen
        assert np.isfinite(forest.score_and_learn(np.arange(50.0).reshape(-1, 1))).all()


def test_age_of_sample_follows_the_decay():
    """In the steady state a record of age a is kept with a probability that falls as e^(-a / decay) for large
    decays: the mean age is the decay. Standard error over 200 trees of 20 records 1.6 %; the bound is 6 %."""
    forest = RandomCutForest(1, 200, 20, 1000, seed=4)
    forest.learn(np.zeros((20_000, 1)))
    ages = [20_000 - number for sample in samples(forest) for number in sample]
    assert np.mean(ages) == pytest.approx(1000, rel=0.06)
