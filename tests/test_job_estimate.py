"""What `python -m job estimate` says beforehand, beside what forests then take."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import command

from job import measure as measuring
from job.cli import main
from job.estimate import Estimate, table
from job.measure import Measured, measure
from job.options import Options
from job.uris import Uri
from udf.rcf import RandomCutForest

SHAPES: list[dict[str, Any]] = [
    {"num_trees": 100, "sample_size": 10, "time_decay": 100},
    {"num_trees": 50, "sample_size": 256, "time_decay": 2560},
    {"num_trees": 20, "sample_size": 64, "time_decay": 1000, "values": ("a", "b", "c")},
    {"num_trees": 20, "sample_size": 32, "time_decay": 1000, "values": ("a", "b"), "shingle_size": 4},
]
MEASURED = Measured(
    snapshot_bytes=13_000, settled=True, record_micros=4.2, snapshot_micros=1300.0, restore_micros=780.0
)


def options(**changed: Any) -> Options:
    nowhere = Uri("print")
    return Options(source=nowhere, sink=nowhere, errors=nowhere, **changed)


def filled(told: Options, seed: int) -> RandomCutForest:
    """A forest of a job that has run for long, in which there was nothing but noise."""
    print("seed", seed)
    forest = RandomCutForest(**told.forest | {"seed": seed})
    forest.learn(np.random.default_rng(seed).uniform(-50, 50, size=(5 * told.time_decay, len(told.values))))
    return forest


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_memory_is_what_a_forest_takes(shape: dict[str, Any]) -> None:
    told = options(**shape)
    filled(told, seed=1)  # what is imported and compiled on the way is no forest's
    tracemalloc.start()
    try:
        forests = [filled(told, seed) for seed in range(5)]
        taken = tracemalloc.get_traced_memory()[0] / len(forests)
    finally:
        tracemalloc.stop()
    assert Estimate(told, 1, None, MEASURED).forest_bytes == pytest.approx(taken, rel=0.1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_state_is_what_snapshots_take(shape: dict[str, Any]) -> None:
    told = options(**shape)
    real = sum(len(filled(told, seed).to_bytes()) for seed in (2, 3, 4))
    told_of_three = Estimate(told, 3, None, measure(told, 3, print)).snapshots_bytes
    assert told_of_three == pytest.approx(real, rel=0.2)


def test_measured_times_are_those_of_a_forest() -> None:
    for keys in (1, 100):
        measured = measure(options(**SHAPES[0]), keys, print)
        assert measured.settled
        assert 0.1 < measured.record_micros < 1000
        assert measured.snapshot_micros > measured.record_micros
        assert measured.restore_micros > measured.record_micros


def test_a_snapshot_that_would_take_too_long_to_settle_is_told_as_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_FILL_SECONDS", 0.0)
    told = options(num_trees=50, sample_size=256)
    measured = measure(told, 1, print)
    assert not measured.settled
    assert re.search(r"\nstate\n  one forest +at least \d+ KB\n", table(Estimate(told, 1, None, measured)))


def test_forests_live_as_far_as_memory_goes() -> None:
    one = options(sample_size=10).one_forest_bytes

    def living(keys: int, memory: int, parallelism: int) -> int:
        return Estimate(
            options(sample_size=10, forest_memory=memory, parallelism=parallelism), keys, None, MEASURED
        ).living

    assert living(10, 10 * one, 1) == 10
    assert living(10, 10 * one - 1, 1) == 9
    assert living(10, 2 * one, 3) == 6
    assert living(2, 5 * one, 8) == 2


def test_work_is_divided_among_the_workers_that_have_keys() -> None:
    alone, four = (Estimate(options(parallelism=4), keys, None, MEASURED) for keys in (1, 4))
    assert alone.expected_rate == alone.worker_rate
    assert four.expected_rate == 4 * four.worker_rate
    # 13 and 25 bytes a record; a snapshot of 1300 µs when they have come to 13,000
    assert alone.worker_rate == pytest.approx(1e6 / (15 + 4.2 + 1.3))
    assert four.worker_rate == pytest.approx(1e6 / (15 + 4.2 + 2.5))


def test_the_table_is_for_a_person() -> None:
    told = options(sample_size=10, parallelism=2, forest_memory=200_000_000)
    assert (
        table(Estimate(told, 10_000, 10_000, MEASURED))
        == """\
10,000 forests of 100 trees × 10 records of 1 value, 2 workers

memory
  one forest                   about 65 KB
  all forests                  about 650 MB
  --forest-memory, a worker    200 MB
  in memory at a time          about 6,200
  waiting in state             about 3,800; to bring one back takes about 780 µs

state
  one forest                   about 13 KB
  all forests                  about 130 MB, and a log that is at most about as large
  written                      about 50 bytes a record
  written at --rate 10000      about 500 KB a second, 250 KB a checkpoint
  a checkpoint                 every 500 ms: all state if it is on Flink's heap (the default), in RocksDB what is new

records a second
  forest                       about 4.2 µs a record, measured here on one core
  its state                    about 2.5 µs a record, measured here
  pipeline                     about 15 µs a record, on the slow machine this was built on
  a worker                     about 46,000 records/s of keys that are in memory
  2 workers                    up to about 92,000 records/s, where each has two cores (Flink and Python)
  --rate 10000                 about 11 % of that
  of it, for a key             about 1 a second"""
    )


def test_a_rate_that_is_too_much_is_called_so() -> None:
    text = table(Estimate(options(), 1, 100_000, MEASURED))
    assert re.search(r"\n  --rate 100000 +about 200 % of that: too much\n", text)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--keys", "0"], "keys must be 1 to 1000000000, got 0"),
        (["--rate", "0"], "rate must be 1 to 1000000000, got 0"),
        (["--sample-size", "3"], "sample_size must be 10 to 16384, got 3"),
        (["--forest-memory", "2G"], "forest_memory must be a size such as 512MB or 2GB, got '2G'"),
        (
            ["--forest-memory", "65KB", "--sample-size", "10"],
            "forest_memory must be at least that of one forest, 65024, got 65000",
        ),
        ([], "a forest must fit in half of this machine's memory, 500, to be measured, got 1159424"),
    ],
)
def test_mistakes_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    monkeypatch.setattr(measuring, "memory_bytes", lambda: 1000)
    assert main(["estimate", *arguments]) == 2
    assert capsys.readouterr() == ("", f"python -m job estimate: {text}\n")


def test_the_command_says_what_a_forest_takes() -> None:
    process = command("estimate", "--num-trees", 50, "--sample-size", 64, "--time-decay", 640, "--keys", 20)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err.splitlines()[-1] == "measuring …", "it says what it does"
    memory, state = (re.search(rf"\n{name}\n  one forest +about (\d+) KB\n", out) for name in ("memory", "state"))
    assert memory and state, out
    told = options(num_trees=50, sample_size=64, time_decay=640)
    assert 1000 * int(memory[1]) == pytest.approx(told.one_forest_bytes, rel=0.1)
    assert 1000 * int(state[1]) == pytest.approx(len(filled(told, seed=5).to_bytes()), rel=0.2)
    (rate,) = re.findall(r"\n  a worker +about ([\d,]+) records/s\n", out + "\n")
    assert 1000 < int(rate.replace(",", "")) < 1e6 / 15


def test_the_command_starts_no_java() -> None:
    code = """
import pyflink.java_gateway, job.cli
job.cli.main(["estimate", "--num-trees", "10", "--sample-size", "10"])
assert pyflink.java_gateway._gateway is None
"""
    root = Path(__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True)
