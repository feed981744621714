"""Event time of a stream in partitions: laws that hold however the partitions come in."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udf.partition_clock import NO_TIME, PartitionClock

QUIET = 5000


def clock(expected: int = 1, **changed: Any) -> PartitionClock:
    return PartitionClock(**{"every": 1000, "delay": 0, "quiet": QUIET, "expected": expected, **changed})


def take(told: PartitionClock, now: int, *records: tuple[int, int]) -> list[bool]:
    partitions, times = np.array(records, np.int64).T
    return told.take(partitions, times, now).tolist()


def test_time_is_that_of_the_slowest_partition_and_moves_with_seconds() -> None:
    told = clock(expected=2)
    assert take(told, 0, (0, 1200), (0, 3900)) == [False, False]
    assert told.advance(0) is None, "partition 1 was not heard yet"
    assert take(told, 10, (1, 1100)) == [False]
    assert told.advance(10) == 1100
    take(told, 20, (1, 1990))
    assert told.advance(20) is None, "the second is not over"
    take(told, 30, (1, 2000))
    assert told.advance(30) == 2000
    assert take(told, 40, (1, 1999), (0, 2500)) == [True, True], "each late in its own partition"


def test_partition_that_was_never_heard_is_waited_for_no_longer_than_quiet() -> None:
    told = clock(expected=3)
    take(told, 0, (0, 7000))
    assert told.advance(QUIET - 1) is None
    take(told, QUIET - 1, (0, 8000))
    assert told.advance(QUIET) == 8000


def test_quiet_partition_is_not_waited_for_and_is_late_when_it_comes_back() -> None:
    told = clock(expected=2)
    take(told, 0, (0, 1000), (1, 1000))
    take(told, 4000, (0, 9000))
    assert told.advance(4000) == 1000
    assert told.advance(QUIET) == 9000
    assert take(told, 6000, (1, 8999), (1, 9000)) == [True, False]


def test_quiet_stream_closes_its_last_second_and_no_more() -> None:
    told = clock(delay=300)
    take(told, 0, (0, 1200), (0, 4100))
    assert told.advance(0) == 4100
    assert not told.quiet(QUIET - 1)
    assert told.advance(QUIET - 1) is None
    assert told.quiet(QUIET)
    assert told.advance(QUIET) == 5300, "the end of second 4, and the delay"
    assert take(told, 6000, (0, 4999), (0, 5000)) == [True, False]


def test_delay_keeps_seconds_open() -> None:
    told = clock(delay=2000)
    assert take(told, 0, (0, 5000), (0, 3000), (0, 2999)) == [False, False, True]


def test_wrong_times_move_nothing_and_are_not_late() -> None:
    told = clock(expected=2)
    take(told, 0, (0, 5000), (1, NO_TIME))
    assert told.advance(0) == 5000, "a partition that knows no time does not hold the others back"
    assert take(told, 0, (0, NO_TIME)) == [False]
    empty = clock()
    take(empty, 0, (0, NO_TIME))
    assert empty.advance(QUIET) is None


def test_restored_clock_remembers_what_was_over_and_waits_for_every_partition() -> None:
    told = clock(expected=2)
    take(told, 0, (0, 4000), (1, 3000))
    told.advance(0)
    again = clock(expected=2)
    again.start(90_000, told.newest, told.time)
    assert take(again, 90_000, (0, 2999), (1, 3000), (0, 3500)) == [True, False, True]
    take(again, 90_000, (0, 9000))
    assert again.advance(90_000) is None, "partition 1 may come back"
    assert again.advance(90_000 + QUIET) == 10_000, "and quiet closes"


records = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20_000)), min_size=1, max_size=60)


@given(records, st.lists(st.integers(0, 60), max_size=8), st.sampled_from([0, 700, 3000]))
def test_late_depends_on_the_order_in_a_partition_alone(
    given_records: list[tuple[int, int]], cuts: list[int], delay: int
) -> None:
    """However the partitions interleave and whatever the blocks, as long as no partition goes quiet."""

    def late(order: list[int]) -> dict[int, bool]:
        told = clock(expected=3, delay=delay)
        found: dict[int, bool] = {}
        edges = sorted({0, len(order), *(cut for cut in cuts if cut < len(order))})
        for start, end in pairwise(edges):
            block = order[start:end]
            found |= dict(zip(block, take(told, 0, *(given_records[i] for i in block)), strict=True))
            told.advance(0)
        return found

    interleaved = list(range(len(given_records)))
    by_partition = sorted(interleaved, key=lambda i: given_records[i][0])
    assert late(interleaved) == late(by_partition)


@given(records)
def test_what_is_not_late_is_after_every_second_that_was_closed(given_records: list[tuple[int, int]]) -> None:
    told = clock(expected=3)
    closed = NO_TIME
    for partition, time in given_records:
        if not take(told, 0, (partition, time))[0]:
            assert time >= closed
        moved = told.advance(0)
        if moved is not None:
            assert moved - moved % 1000 > closed
            closed = moved - moved % 1000


@pytest.mark.parametrize("every", [10, 1000, 60_000])
def test_time_never_goes_back(every: int) -> None:
    seed = 5
    print("seed", seed)
    random = np.random.default_rng(seed)
    told = clock(expected=2, every=every)
    before = NO_TIME
    for now in range(0, 60_000, 500):
        if random.random() < 0.5:
            take(told, now, *[(int(random.integers(3)), int(t)) for t in random.integers(0, 10**6, 5)])
        told.advance(now)
        assert told.time >= before
        before = told.time
