"""Forests in Flink state, without Flink: what state keeps is here kept by dictionaries and lists of this file.

They stand in for MapState, ListState, timers and metrics as far as the function uses them, without PyFlink's caches and
Java behind them: that those are used rightly, only tests/test_job_forests.py can say.
"""

import copy
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from udf import forests
from udf.forest_state import SEPARATOR, forest_of
from udf.random_cut_forest import RandomCutForestFunction
from udf.rcf import Calibration, RandomCutForest, grade
from udf.rcf.explanation import explanations
from udf.scored_lines import RANK_DIGITS

EVERY = 1000
TTL = 5000
KEYS = [["a", "b", "c", "d", "e"], ["ä", "f", "𝄞"], ["g"]]
"""By key group."""

Result = dict[str, Any]
"""What is added to a record, by name."""
Second = dict[int, list[tuple[str, int, list[float]]]]
"""By key group: key, event time and values of each record."""


@dataclass
class Saved:
    """What a checkpoint has: by name of a state and key group, and the timers."""

    states: dict[tuple[str, int], Any] = field(default_factory=dict)
    timers: set[tuple[int, int]] = field(default_factory=set)
    watermark: int = -(2**63)


class Worker:
    """Runs the function on `saved`, and is its runtime context, context and timer service."""

    def __init__(self, function: RandomCutForestFunction, saved: Saved) -> None:
        self.saved = copy.deepcopy(saved)
        self.function = function
        self.group = 0
        function.open(self)

    def second(self, rows: Second) -> Iterator[tuple[str, int, "Result"]]:
        for group, records in rows.items():
            self.group = group
            keys, times, values = zip(*records, strict=True)
            documents = [json.dumps({"key": key, "time": time}) for key, time in zip(keys, times, strict=True)]
            row = (group, times, SEPARATOR.join(documents), SEPARATOR.join(keys), *zip(*values, strict=True))
            for (lines,) in self.function.process_element(row, self):
                for line in lines.split(SEPARATOR):
                    scored = json.loads(line[RANK_DIGITS:])
                    yield scored.pop("key"), scored.pop("time"), scored | {"second": ""}

    def advance(self, watermark: int) -> None:
        self.saved.watermark = watermark
        while due := sorted(timer for timer in self.saved.timers if timer[0] <= watermark):
            time, self.group = due[0]
            self.saved.timers.remove(due[0])
            list(self.function.on_timer(time, self))

    def timer_service(self) -> "Worker":
        return self

    def current_watermark(self) -> int:
        return self.saved.watermark

    def get_current_key(self) -> int:
        return self.group

    def register_event_time_timer(self, time: int) -> None:
        self.saved.timers.add((time, self.group))

    def get_map_state(self, descriptor: Any) -> "Map":
        return Map(self, descriptor.get_name())

    def get_list_state(self, descriptor: Any) -> "List":
        return List(self, descriptor.get_name())

    def get_metrics_group(self) -> Any:
        return SimpleNamespace(counter=lambda _: SimpleNamespace(inc=lambda _=1: None), gauge=lambda *_: None)


class Map:
    """MapState of the worker's key group."""

    def __init__(self, worker: Worker, name: str) -> None:
        self._worker, self._name = worker, name

    @property
    def _of_group(self) -> dict[str, Any]:
        return self._worker.saved.states.setdefault((self._name, self._worker.group), {})

    def get(self, key: str) -> Any:
        return self._of_group.get(key)

    def put(self, key: str, value: Any) -> None:
        self._of_group[key] = value

    def remove(self, key: str) -> None:
        self._of_group.pop(key, None)

    def is_empty(self) -> bool:
        return not self._of_group

    def items(self) -> Iterator[tuple[str, Any]]:
        yield from self._of_group.items()  # as in PyFlink, an error if it is changed meanwhile


class List:
    """ListState of the worker's key group."""

    def __init__(self, worker: Worker, name: str) -> None:
        self._worker, self._name = worker, name

    def _key(self) -> tuple[str, int]:
        return self._name, self._worker.group

    def get(self) -> Iterator[Any]:
        yield from self._worker.saved.states.get(self._key(), [])

    def add(self, value: Any) -> None:
        self._worker.saved.states.setdefault(self._key(), []).append(value)

    def clear(self) -> None:
        self._worker.saved.states.pop(self._key(), None)


class InMemory:
    """Forests that never leave memory: what all scores must be."""

    def __init__(self, parameters: dict[str, Any], ttl: int | None, explained: tuple[str, ...], graded: bool) -> None:
        self._parameters, self._ttl, self._explained, self._graded = parameters, ttl, explained, graded
        self._forests: dict[str, tuple[RandomCutForest, int | None]] = {}
        self.calibrations: dict[str, Calibration] = {}

    def put_in(self, key: str, forest: bytes) -> None:
        self._forests[key] = RandomCutForest.from_bytes(forest), None
        self.calibrations.pop(key, None)

    def second(self, rows: Second) -> dict[tuple[str, int], Result]:
        results: dict[tuple[str, int], Result] = {}
        for records in rows.values():
            for key, time, values in sorted(records):
                second = time // EVERY * EVERY
                forest, last = self._forests.get(key, (None, None))
                if forest is None or (self._ttl is not None and last is not None and second - last > self._ttl):
                    forest = forest_of(key, self._parameters)
                    self.calibrations.pop(key, None)
                self._forests[key] = forest, second
                results[key, time] = self._result(key, forest, values)
        return results

    def _result(self, key: str, forest: RandomCutForest, values: list[float]) -> Result:
        found: Result = {"second": ""}
        if self._explained:
            low, high = forest.attribution([values])
            found["explanation"] = json.loads(explanations(low, high, self._explained, forest.shingle_size)[0])
        found["anomaly_score"] = float(forest.score_and_learn([values])[0])
        if self._graded:
            calibration = self.calibrations.setdefault(key, Calibration(math.log2(forest.sample_size)))
            found["probability"] = float(calibration.observe([found["anomaly_score"]])[0])
            found["grade"] = float(grade(found["probability"]))
        return found


def some_rows(chance: random.Random, second: int, dimensions: int) -> Second:
    rows: Second = {}
    for group, keys in enumerate(KEYS):
        records = []
        for key in keys:
            if chance.random() < 0.4:
                times = chance.sample(range(EVERY), chance.choice([1, 1, 2, 30]))
                records += [
                    (key, second + time, [round(chance.gauss(0, 1), 2) for _ in range(dimensions)]) for time in times
                ]
        if records:
            chance.shuffle(records)
            rows[group] = records
    return rows


@pytest.mark.parametrize("seed", range(16))
def test_scores_never_depend_on_what_leaves_memory_or_on_crashes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(forests, "_SMALLEST_FOLD_BYTES", chance.choice([200, 2000, 64 * 1024]))
    ttl = chance.choice([None, TTL])
    parameters: dict[str, Any] = {
        "dimensions": chance.choice([1, 2]),
        "num_trees": 3,
        "sample_size": 10,
        "time_decay": 40,
        "shingle_size": chance.choice([1, 1, 3]),
        "seed": seed,
    }
    sizes = {name: value for name, value in parameters.items() if name not in ("time_decay", "seed")}
    graded, explained = chance.choice([False, True]), chance.choice([(), ("a", "b")[: parameters["dimensions"]]])
    each = RandomCutForest.estimate_bytes(**sizes) + graded * Calibration.BYTES
    memory = chance.choice([1, 2, 3, 5, 100]) * each
    imports: dict[str, tuple[str, bytes]] = {}

    def worker(saved: Saved) -> Worker:
        told = parameters, EVERY, memory, ttl, dict(imports), 1, graded, explained
        return Worker(RandomCutForestFunction(*told), saved)

    truth = InMemory(parameters, ttl, explained, graded)
    running, checkpoint = worker(Saved()), Saved()
    since: list[tuple[Second, dict[tuple[str, int], Result], int | None]] = []
    put: dict[str, bytes] = {}
    second = 1_767_225_600_000
    for _ in range(60):
        second += EVERY * chance.choice([1, 1, 1, 2, 4, 5, 6, 7, 20])
        rows = some_rows(chance, second, parameters["dimensions"])
        for key in {key for records in rows.values() for key, _, _ in records} & put.keys():
            truth.put_in(key, put.pop(key))
        # Rows may come many seconds before the watermark does
        since.append((rows, truth.second(rows), second + EVERY - 1 if chance.random() < 0.7 else None))
        _check(running, *since[-1])
        what = chance.random()
        if what < 0.2:  # a checkpoint
            checkpoint, since = copy.deepcopy(running.saved), []
        elif what < 0.4:  # a crash
            running = worker(checkpoint)
            for step in since:
                _check(running, *step)
        elif what < 0.45:  # stopped, perhaps a forest put in, started again
            checkpoint, since = copy.deepcopy(running.saved), []
            if chance.random() < 0.7:
                forest = RandomCutForest(**parameters)
                forest.learn([[chance.gauss(5, 1)] * parameters["dimensions"] for _ in range(30)])
                key = chance.choice(chance.choice(KEYS))
                imports[key] = (f"{second}", forest.to_bytes())
                put[key] = forest.to_bytes()
            running = worker(checkpoint)
    # All probabilities are 1 before a thousand scores, so that they show nothing of where these have been
    living = {key: one.calibration for (_, key), one in running.function._forests._living.items()}
    assert {key: calibration.to_bytes() for key, calibration in living.items() if calibration} == {
        key: calibration.to_bytes() for key, calibration in truth.calibrations.items() if graded and key in living
    }


def _check(running: Worker, rows: Second, expected: dict[tuple[str, int], Result], watermark: int | None) -> None:
    assert {(key, time): result for key, time, result in running.second(rows)} == expected
    if watermark is not None:
        running.advance(watermark)
    living = running.function._forests
    assert len(living._living) <= living.most
