"""Stagger windows in Flink state, without Flink: state and timers are here kept by a dictionary and a set.

They stand in for MapState and a timer service without PyFlink's caches and Java behind them: that those are used
rightly, only tests/test_job_sql.py can say.
"""

import copy
import random
from typing import Any

import pytest
from naive_stagger import stagger_windows

from udf.forest_state import SEPARATOR
from udf.table_forest import COLUMN_SEPARATOR
from udf.table_stagger import TableStaggerFunction

Rows = list[tuple[int, str]]
"""Time and partition."""


class Worker:
    """A runtime context, and the function in it, that goes on from what was `saved`, and the `timers`, by key group."""

    def __init__(self, length: int, saved: dict[int, dict[str, int]], timers: set[tuple[int, int]]) -> None:
        self.saved, self.timers = copy.deepcopy(saved), set(timers)
        self.group = 0
        self.function = TableStaggerFunction(length, 1000)
        self.function.open(self)

    def get_map_state(self, _: Any) -> "Worker":
        return self

    def items(self) -> Any:
        return self.saved.setdefault(self.group, {}).items()

    def put(self, partition: str, end: int) -> None:
        self.saved[self.group][partition] = end

    def remove(self, partition: str) -> None:
        del self.saved[self.group][partition]

    def timer_service(self) -> "Worker":
        return self

    def register_event_time_timer(self, time: int) -> None:
        self.timers.add((time, self.group))

    def get_current_key(self) -> int:
        return self.group

    def second(self, group: int, rows: Rows) -> list[tuple[int, str, int]]:
        """The rows as they come out, each with the end of its window."""
        self.group = group
        times, partitions = zip(*rows, strict=True)
        texts = SEPARATOR.join(f"{time} {partition}" for time, partition in rows)
        (yielded,) = self.function.process_element((group, times, texts, SEPARATOR.join(partitions)), self)
        found = [line.split(COLUMN_SEPARATOR, 1) for line in yielded[0].split(SEPARATOR)]
        return [(int(time), partition, int(last) + 1) for last, row in found for time, partition in [row.split(" ", 1)]]

    def pass_time(self, watermark: int) -> None:
        for timer in sorted(timer for timer in self.timers if timer[0] <= watermark):
            self.timers.remove(timer)
            self.group = timer[1]
            assert not list(self.function.on_timer(timer[0], self))


@pytest.mark.parametrize("seed", range(12))
def test_windows_never_depend_on_arrival_or_crashes_and_leave_state_when_they_are_over(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    length = chance.choice([1, 400, 1000, 2500, 7300])
    running = Worker(length, {}, set())
    checkpoint = running.saved, running.timers
    since: list[tuple[int, int, Rows]] = []
    found: list[tuple[int, str, int]] = []
    for start in range(0, 60_000, 1000):
        for group in range(3):
            partitions = [f'{group}"a b"', f"{group}", f"{group}{COLUMN_SEPARATOR}"]
            rows = [(start + chance.randrange(0, 1000, 100), chance.choice(partitions)) for _ in range(6)]
            found += running.second(group, rows)
            assert [row[:2] for row in found[-6:]] == sorted(rows), "in order of time"
            since.append((start, group, chance.sample(rows, len(rows))))
        running.pass_time(start + 999)
        kept = [end for saved in running.saved.values() for end in saved.values()]
        assert all(end > start for end in kept), "none is kept longer than the second in which it ends, and the next"
        what = chance.random()
        if what < 0.2:  # a checkpoint
            checkpoint, since = (copy.deepcopy(running.saved), set(running.timers)), []
        elif what < 0.4:  # a crash
            before, running = running, Worker(length, *checkpoint)
            for then, group, rows in since:
                running.second(group, rows)
                if group == 2:
                    running.pass_time(then + 999)
            assert (running.saved, running.timers) == (before.saved, before.timers)

    records = [{"time": time, "partition": partition, "end": end} for time, partition, end in sorted(found)]
    windows = stagger_windows(records, lambda record: record["partition"], length)
    assert 50 < len(windows) < len(records)
    assert all({record["end"] for record in window} == {window[0]["time"] + length} for window in windows)
    running.pass_time(2**63 - 1)
    assert not any(running.saved.values())
