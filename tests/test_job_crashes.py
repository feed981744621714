"""A run that is killed, or ended and started again: every record once, and the scores of a run that was not."""

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import command, kill_workers, lines, options, rows, run_to_the_end, until, write_lines

from job.run import Run
from udf.rcf import RandomCutForest

pytestmark = pytest.mark.cluster

START = round(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
FOREST = ["--value", "volume", "--num-trees", 20, "--sample-size", 10, "--time-decay", 100]


def records(count: int, seed: int) -> list[dict[str, Any]]:
    """A record each 10 ms, 100 a second."""
    print("seed", seed)
    noise = np.random.default_rng(seed).normal(size=count).round(6).tolist()
    return [{"event_time": START + 10 * i, "volume": volume} for i, volume in enumerate(noise)]


def expected(given: list[dict[str, Any]], time_decay: int = 100) -> dict[int, float]:
    """Event time to score, by the forest itself."""
    forest = RandomCutForest(1, num_trees=20, sample_size=10, time_decay=time_decay)
    scores = forest.score_and_learn(np.array([[record["volume"]] for record in given]))
    return dict(zip([record["event_time"] for record in given], scores.tolist(), strict=True))


def assert_scored_as_undisturbed(folder: Path, given: list[dict[str, Any]], time_decay: int = 100) -> None:
    found = rows(folder)
    assert len(found) == len(given), "each once"
    assert {row["event_time"]: row["anomaly_score"] for row in found} == expected(given, time_decay)


def in_time(folder: Path) -> list[str]:
    """The lines of a sink's files as they were written in time: names are in order only within an attempt."""
    files = sorted(folder.glob("[!._]*"), key=lambda file: file.stat().st_mtime_ns)
    return [line for file in files for line in file.read_text().splitlines()]


def finished(*arguments: object) -> str:
    """Run the command to its end; its standard error."""
    process = command("run", "--bounded", *FOREST, *arguments)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (0, ""), err
    return err


def test_killed_worker_changes_no_score(tmp_path: Path) -> None:
    given = records(100_000, seed=21)
    write_lines(tmp_path / "in.jsonl", given)
    killed: list[tuple[int, int]] = []

    def kill_in_the_middle(job: Run) -> None:
        if not killed and 0 < job.summary.scored < len(given) and (number := kill_workers()):
            killed.append((number, job.summary.scored))

    told = options(tmp_path, tmp_path / "in.jsonl", bounded=True, max_delay=0, checkpoint_interval=100)
    summary = run_to_the_end(told, kill_in_the_middle)
    assert (summary.read, summary.scored, summary.rejected, summary.late) == (len(given), len(given), 0, 0)
    assert lines(tmp_path / "errors") == []
    assert killed, "the run was over before a worker could be killed"
    print(f"killed {killed[0][0]} workers after {killed[0][1]} of {len(given)} rows")

    assert_scored_as_undisturbed(tmp_path / "scores", given)
    order = [(row["second"], -row["anomaly_score"]) for row in map(json.loads, in_time(tmp_path / "scores"))]
    assert order == sorted(order)


def test_state_continues_files_and_forests_refuses_other_parameters_and_starts_over(tmp_path: Path) -> None:
    given = records(1000, seed=22)
    spool, sink, state = tmp_path / "spool", tmp_path / "scores", tmp_path / "state"
    spool.mkdir()
    ends = ["--source", f"file:{spool}", "--sink", f"file:{sink}", "--state", state]
    texts = [json.dumps(record) for record in given]
    (spool / "9.jsonl").write_text("\n".join(texts[:350]), encoding="utf-8")  # unfinished, within a second
    finished(*ends)
    assert_scored_as_undisturbed(sink, given[:350])

    with (spool / "9.jsonl").open("a", encoding="utf-8") as file:
        file.write("".join(f"\n{text}" for text in texts[350:600]) + "\n")
    write_lines(spool / "10.jsonl", texts[600:])
    finished(*ends)
    assert_scored_as_undisturbed(sink, given)
    assert sum(row["anomaly_score"] == 0 for row in rows(sink)) == 10, "warm only once"

    before = sorted(state.rglob("*"))
    process = command("run", "--bounded", *FOREST, *ends, "--time-decay", 200)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err == (
        f"python -m job run: time_decay must be 100 as in the state of {state}, got 200; "
        f"take it back, or start over with --fresh\n"
    )
    assert sorted(state.rglob("*")) == before

    over = ["--source", f"file:{spool}", "--sink", f"file:{tmp_path / 'over'}", "--state", state]
    err = finished(*over, "--time-decay", 200, "--fresh")
    (aside,) = (state / "replaced").iterdir()
    assert err.splitlines()[0] == f"starting over; what {state} held is now in {aside}"
    assert sorted(path.name for path in aside.iterdir()) == ["checkpoints", "drained", "options.json"]
    assert_scored_as_undisturbed(tmp_path / "over", given, time_decay=200)


def test_killed_command_goes_on_from_its_state(tmp_path: Path) -> None:
    given = records(100_000, seed=23)
    write_lines(tmp_path / "in.jsonl", given)
    sink = tmp_path / "scores"
    ends = ["--source", f"file:{tmp_path / 'in.jsonl'}", "--sink", f"file:{sink}"]
    further = ["--state", tmp_path / "state", "--max-delay", "0s", "--checkpoint-interval", "100ms"]
    first = command("run", "--bounded", *FOREST, *ends, *further)
    until(lambda: any(sink.glob("[!._]*")) or first.poll() is not None)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    visible, pending = len(lines(sink)), len(list(sink.glob(".*")))
    print(f"killed after {visible} of {len(given)} rows, {pending} files pending")
    assert visible < len(given), "the run was over before it could be killed"

    finished(*ends, *further)
    assert_scored_as_undisturbed(sink, given)
    assert lines(tmp_path / "scores-errors") == []
