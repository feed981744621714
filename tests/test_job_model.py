"""A forest taken out of a job's state, opened in Python, and put into the state of another job."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import command, options, rows, run_to_a_savepoint, run_to_the_end, write_lines

from job.options import Options
from job.state import StateDirectory
from udf.forest_state import forest_of
from udf.rcf import RandomCutForest

pytestmark = pytest.mark.cluster

START = 1767225600000


def records(key: str, count: int, seed: int) -> list[dict[str, Any]]:
    noise = np.random.default_rng(seed).normal(size=count).round(3).tolist()
    return [{"event_time": START + 100 * i, "key": key, "volume": volume} for i, volume in enumerate(noise)]


def values(given: list[dict[str, Any]]) -> np.ndarray:
    return np.array([[record["volume"]] for record in given])


def stopped(folder: Path, given: list[dict[str, Any]]) -> Options:
    """A job with its state that has scored what it was given, but for the open second, and was stopped."""
    (folder / "spool").mkdir(parents=True)
    write_lines(folder / "spool" / "1.jsonl", given)
    told = options(folder, folder / "spool", key="key", num_trees=5, state=folder / "state")
    run_to_a_savepoint(told, len(given) - 10)
    return told


def said(*arguments: object) -> tuple[int, str]:
    process = command(*arguments)
    out, err = process.communicate(timeout=120)
    assert out == ""
    return process.returncode, err


def test_a_forest_goes_from_one_job_to_another(tmp_path: Path) -> None:
    given, other = records("it's a", 1000, seed=1), records("b", 500, seed=2)
    one = stopped(tmp_path / "one", [*given, {"event_time": START + 200000, "key": "b", "volume": 0}])
    file = tmp_path / "a.forest"
    before = sorted((path, path.read_bytes()) for path in tmp_path.glob("one/state/savepoints/*/*/*"))
    left = set(tmp_path.glob("one/state/checkpoints/*/*/chk-*"))  # Flink clears them away when it gets to it
    code, err = said("export", "--state", one.state, "--key", "it's a", file)
    assert (code, err) == (
        0,
        f"reading the state with Flink …\n{len(file.read_bytes()):,} bytes are in {file}\n",
    )
    after = sorted((path, path.read_bytes()) for path in tmp_path.glob("one/state/savepoints/*/*/*"))
    assert after == before != [], "the state is only read"
    assert left.issuperset(tmp_path.glob("one/state/checkpoints/*/*/chk-*")), "and none is written"

    forest = forest_of("it's a", one.forest)
    forest.learn(values(given))
    assert file.read_bytes() == forest.to_bytes()
    opened = RandomCutForest.from_bytes(file.read_bytes())
    assert opened.score([[9.0]]) == forest.score([[9.0]])

    code, err = said("export", "--state", one.state, "--key", "nobody", tmp_path / "nobody")
    assert code == 2
    assert err.endswith(f"export: key must be of a forest in the state of {one.state}, got 'nobody'\n")
    assert not (tmp_path / "nobody").exists()

    # The last second of "b" is over, whenever the job is stopped: what is open would be the next of the new forest
    two = stopped(tmp_path / "two", [*other, {"event_time": START + 200000, "key": "c", "volume": 0}])
    assert said("import", "--state", two.state, "--key", "b", file) == (
        0,
        "the next run goes on with this forest of 1,000 records for the key 'b'\n",
    )
    further = [record | {"event_time": record["event_time"] + 500_000} for record in records("b", 300, seed=3)]
    for begin, name in [(0, "2.jsonl"), (150, "3.jsonl")]:
        write_lines(tmp_path / "two" / "spool" / name, further[begin : begin + 150])
        run_to_the_end(options(tmp_path / "two", two.source, key="key", num_trees=5, state=two.state, bounded=True))
    found = {row["event_time"]: row["anomaly_score"] for row in rows(tmp_path / "two" / "scores")}
    scores = forest.score_and_learn(values(further)).tolist()
    assert [found[record["event_time"]] for record in further] == scores, "imported once, not again at the next start"


def test_what_cannot_be_put_in_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    file = tmp_path / "forest"
    file.write_bytes(RandomCutForest(1, num_trees=7, sample_size=10, time_decay=100).to_bytes())

    def refused(*arguments: object) -> str:
        code, err = said("import", "--state", state, *arguments)
        assert code == 2
        return err.removeprefix("python -m job import: ").removesuffix("\n")

    assert refused("--key", "a", file) == f"state must be a directory that a job was run with, got {state}"
    StateDirectory(state).claim(options(tmp_path, tmp_path / "spool", key="key", num_trees=5))
    assert refused(file) == "key must be given, as the job has a forest for each"
    assert refused("--key", "a", file).startswith("num_trees must be 7 as in the forest of key 'a', got 5")
    file.write_bytes(file.read_bytes()[:-1])
    assert refused("--key", "a", file).startswith(f"{file} must be a forest that export has written: data must be")
    code, err = said("export", "--state", state, "--key", "a", tmp_path / "out")
    assert (code, err.splitlines()[-1]) == (
        2,
        f"python -m job export: state must have a checkpoint or savepoint, got {state}",
    )
    assert not (state / "imports").exists()
