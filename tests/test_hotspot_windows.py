"""Windows in Flink state, without Flink: state is here kept by a dictionary of lists.

It stands in for ListState and a counter without PyFlink's caches and Java behind them: that those are used rightly,
only tests/test_job_hotspots.py can say.
"""

import copy
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from udf import hotspot_windows
from udf.forest_state import ForestStateError, pack_row
from udf.hotspot_windows import HotspotWindows
from udf.hotspots import Hotspots

PARAMETERS: dict[str, Any] = {"dimensions": 2, "window_size": 100, "scan_radius": 0.5, "min_points": 4}
KEYS = [["a", "b", "c", "d"], ["ä", "f"], [""]]
"""By key group."""


class Worker:
    """A runtime context, and the windows in it, that go on from what was `saved` by key group."""

    def __init__(self, saved: dict[int, list[bytes]], memory: int = 2**30, **changed: Any) -> None:
        self.saved = copy.deepcopy(saved)
        self.written = self.group = 0
        self.windows = HotspotWindows(self, PARAMETERS | changed, memory)

    def get_list_state(self, _: Any) -> "Worker":
        return self

    def get_metrics_group(self) -> Any:
        return SimpleNamespace(counter=lambda _: SimpleNamespace(inc=self._count))

    def _count(self, size: int) -> None:
        self.written += size

    def get(self) -> Iterator[bytes]:
        yield from self.saved.get(self.group, [])

    def add(self, value: bytes) -> None:
        self.saved.setdefault(self.group, []).append(value)

    def update(self, values: list[bytes]) -> None:
        self.saved[self.group] = list(values)

    def second(self, group: int, second: int, records: dict[str, np.ndarray]) -> dict[str, list[str]]:
        """The hotspots after each record of each key."""
        self.group = group
        found: dict[str, list[str]] = {}
        keys = list(records)
        for first in range(0, len(keys), self.windows.most):
            some = keys[first : first + self.windows.most]
            counts = np.array([len(records[key]) for key in some])
            points = np.concatenate([records[key] for key in some])
            texts = iter(self.windows.update(group, second, some, counts, points))
            found |= {key: [next(texts) for _ in records[key]] for key in some}
        return found


@pytest.mark.parametrize("seed", range(12))
def test_hotspots_never_depend_on_what_leaves_memory_or_on_crashes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, noise = random.Random(seed), np.random.default_rng(seed)
    monkeypatch.setattr(hotspot_windows, "_SMALLEST_LOG_BYTES", chance.choice([200, 5000]))
    memory = chance.choice([1, 2, 3, 100]) * Hotspots.estimate_bytes(2, PARAMETERS["window_size"])
    truth: dict[tuple[int, str], Hotspots] = {}
    running, checkpoint = Worker({}, memory), Worker({}).saved
    since: list[tuple[int, int, dict[str, np.ndarray], dict[str, list[str]]]] = []
    found = 0
    for second in range(0, 60_000, 1000):
        for group, keys in enumerate(KEYS):
            told = chance.sample(keys, chance.randint(1, len(keys)))
            records = {key: noise.normal(scale=1.5, size=(chance.choice([1, 3, 20, 150]), 2)) for key in told}
            expected = {
                key: truth.setdefault((group, key), Hotspots(**PARAMETERS)).update(points)
                for key, points in records.items()
            }
            assert running.second(group, second, records) == expected
            assert len(running.windows._living) <= running.windows.most
            found += sum("density" in text for texts in expected.values() for text in texts)
            since.append((group, second, records, expected))
        what = chance.random()
        if what < 0.2:  # a checkpoint
            checkpoint, since = copy.deepcopy(running.saved), []
        elif what < 0.4:  # a crash
            running = Worker(checkpoint, memory)
            for group, then, records, expected in since:
                assert running.second(group, then, records) == expected
    assert found > 1000, f"there are hotspots to lose, seed {seed}"


@pytest.mark.parametrize("in_a_second", [1, 10, 100, 1000])
def test_what_is_written_is_proportional_to_what_comes_in(in_a_second: int) -> None:
    worker, points = Worker({}, window_size=1000), np.random.default_rng(3).uniform(0, 10, size=(30_000, 2))
    given = size = 0
    for begin in range(0, len(points) * min(in_a_second, 10) // 10, in_a_second):
        some = points[begin : begin + in_a_second]
        worker.second(0, begin, {"": some})
        given += len(pack_row(begin, [""], np.array([len(some)]), some))
        size = max(size, sum(map(len, worker.saved[0])))
    print(f"{worker.written / begin:.1f} bytes a record written, {given / begin:.1f} of them the records; log {size:,}")
    assert worker.written < 1.5 * given, "beside each record, what is left when the log is cut"
    assert size < 64 * 1024 + 2 * 16_000 + len(some) * 16 + 100, "and the log is bounded"


def test_state_of_another_number_of_values_is_refused() -> None:
    worker = Worker({})
    worker.second(0, 0, {"a": np.zeros((5, 2))})
    with pytest.raises(ForestStateError) as refused:
        Worker(worker.saved, dimensions=3).second(0, 1000, {"a": np.zeros((5, 3))})
    assert str(refused.value) == "values must be 2 as in the state, got 3"
