"""Forests of many keys in Flink state: more than memory holds, keys that fall silent, state of versions before."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import kill_workers, options, rows, run_to_a_savepoint, run_to_the_end, write_lines

from job.flink_line import LINE
from job.options import Options
from job.run import Run
from udf.forest_state import forest_of
from udf.rcf import RandomCutForest

pytestmark = pytest.mark.cluster

START = 1767225600000
saved_by_flink_2 = pytest.mark.skipif(LINE == "1.20", reason="Flink 1.20 does not read a savepoint of Flink 2")
STATES = Path(__file__).parent / "states"
ONE_FOREST = RandomCutForest.estimate_bytes(dimensions=1, num_trees=5, sample_size=10)


def records(keys: list[str], count: int, seed: int, every: int = 10) -> list[dict[str, Any]]:
    """A record each `every` ms, of the keys in turn."""
    noise = np.random.default_rng(seed).normal(size=count).round(3).tolist()
    return [
        {"event_time": START + every * i, "key": keys[i % len(keys)], "volume": volume}
        for i, volume in enumerate(noise)
    ]


def expected(given: list[dict[str, Any]], told: Options, ttl: float = float("inf")) -> dict[tuple[str, int], float]:
    """The scores by key and event time, of forests that never left memory."""
    forests: dict[str, tuple[RandomCutForest, int]] = {}
    found = {}
    for record in given:
        key, time_ = record["key"], record["event_time"]
        second = time_ // 1000 * 1000
        forest, last = forests.get(key, (forest_of(key, told.forest), second))
        if second - last > ttl:
            forest = forest_of(key, told.forest)
        forests[key] = forest, second
        found[key, time_] = float(forest.score_and_learn([[record["volume"]]])[0])
    return found


def scores(folder: Path) -> dict[tuple[str, int], float]:
    found = rows(folder / "scores")
    by_record = {(row["key"], row["event_time"]): row["anomaly_score"] for row in found}
    assert len(by_record) == len(found), "each once"
    return by_record


@pytest.mark.parametrize("parallelism", [1, 2])
def test_forests_that_do_not_fit_in_memory_score_as_if_they_did(tmp_path: Path, parallelism: int) -> None:
    given = records([f"sensor-{i}" for i in range(9)], 40_000, seed=3)
    write_lines(tmp_path / "in.jsonl", given)
    told = options(
        tmp_path,
        tmp_path / "in.jsonl",
        key="key",
        num_trees=5,
        bounded=True,
        max_delay=0,
        checkpoint_interval=100,
        parallelism=parallelism,
        forest_memory=2 * ONE_FOREST,
    )
    killed: list[int] = []

    def kill_once(job: Run) -> None:
        if not killed and 0 < job.summary.read < len(given):
            killed.append(kill_workers())

    assert run_to_the_end(told, kill_once).scored == len(given)
    assert killed and killed[0] > 0, "the run was over before a worker could be killed"
    assert scores(tmp_path) == expected(given, told)


def test_a_key_that_was_silent_for_its_time_is_forgotten(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    busy = records(["busy"], 4000, seed=4, every=20)  # 80 s
    other = [record | {"key": "pauses"} for record in records(["pauses"], 4000, seed=5, every=20)]
    # 20 s at work, then silent for 5.9 s (not forgotten), at work, silent for 40 s (forgotten), at work
    other = [r for r in other if not 20_000 <= r["event_time"] - START < 26_000]
    other = [r for r in other if not 30_000 <= r["event_time"] - START < 70_000]
    gone = [record | {"key": "never-again"} for record in busy[:500]]
    given = sorted(busy + other + gone, key=lambda record: record["event_time"])
    write_lines(spool / "1.jsonl", given)
    told = options(tmp_path, spool, key="key", num_trees=5, key_ttl=6000, state=tmp_path / "state")
    run_to_a_savepoint(told, len(given) - 100)

    saved = b"".join(file.read_bytes() for file in tmp_path.glob("state/savepoints/*/*/*"))
    assert b"busy" in saved
    assert b"never-again" not in saved

    write_lines(spool / "2.jsonl", [{"event_time": START + 100_000, "key": "busy", "volume": 1}])
    run_to_the_end(options(tmp_path, spool, key="key", num_trees=5, key_ttl=6000, state=told.state, bounded=True))
    given.append({"event_time": START + 100_000, "key": "busy", "volume": 1})
    assert scores(tmp_path) == expected(given, told, ttl=6000)


def of_version_1(folder: Path, change: Callable[[bytes], bytes] = bytes) -> Options:
    """A run that would go on from state of version 1, which is in tests/states, perhaps changed."""
    spool, savepoint = folder / "spool", folder / "state" / "savepoints" / "0" / "savepoint-1"
    shutil.copytree(STATES / "version-1", savepoint)
    (savepoint / "_metadata").write_bytes(change((savepoint / "_metadata").read_bytes()))
    spool.mkdir()
    return options(folder, spool, key="key", num_trees=5, state=folder / "state", bounded=True)


def as_saved() -> list[dict[str, Any]]:
    """The records that state of version 1 was made of."""
    noise = np.random.default_rng(1).normal(size=9600).round(3).tolist()
    return [
        {"event_time": START + 10 * i, "key": "often" if i % 16 else "seldom", "volume": volume}
        for i, volume in enumerate(noise)
    ]


@saved_by_flink_2
def test_state_of_version_1_goes_on(tmp_path: Path) -> None:
    told = of_version_1(tmp_path)
    before = as_saved()
    after = [record | {"event_time": record["event_time"] + 200_000} for record in before]
    write_lines(told.source.path / "2.jsonl", after)  # type: ignore[operator]
    assert run_to_the_end(told).scored == len(after)
    undisturbed = expected(before + after, told)
    assert scores(tmp_path) == {key: score for key, score in undisturbed.items() if key[1] >= START + 200_000}


@saved_by_flink_2
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda saved: saved.replace(b"RCF\x00\x02", b"RCF\x00\x63"), r"of key 'often' cannot be read: .*99"),
        (lambda saved: _flipped(saved, saved.index(b"RCF\x00") + 100), r"of key 'often' cannot be read: .*damaged"),
        (lambda saved: saved, r"sample_size must be 10 as in the forest of key 'often', got 11; "),
    ],
    ids=["newer", "damaged", "other parameters"],
)
def test_state_that_cannot_be_gone_on_from_stops_the_job(
    tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    told = of_version_1(tmp_path, change)
    if "sample_size" in message:
        told = options(tmp_path, told.source, key="key", num_trees=5, state=told.state, bounded=True, sample_size=11)
    write_lines(told.source.path / "2.jsonl", [{"event_time": START + 200_000, "key": "often", "volume": 1}])  # type: ignore[operator]
    with pytest.raises(RuntimeError, match=r"^the job cannot go on from its state: .*" + message):
        run_to_the_end(told)
    assert not rows(tmp_path / "scores")


def _flipped(saved: bytes, at: int) -> bytes:
    return saved[:at] + bytes([saved[at] ^ 0xFF]) + saved[at + 1 :]
