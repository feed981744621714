"""One forest on several subtasks: dealt evenly, the same scores, and a thing that comes out whole and goes in."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import command, kill_workers, options, rows, run_to_a_savepoint, run_to_the_end, write_lines

from job.options import Options
from job.run import Run
from job.state import StateDirectory
from udf.forest_state import forest_of
from udf.rcf import RandomCutForest
from udf.share_keys import KEY_GROUPS, MOST_SHARES, flink_groups, share_keys, share_of_key

START = 1767225600000


def records(count: int, seed: int) -> list[dict[str, Any]]:
    """A hundred a second, of three keys."""
    print("seed", seed)
    noise = np.random.default_rng(seed).normal(size=count).round(3).tolist()
    return [
        {"event_time": START + 10 * i, "key": f"sensor-{i % 3}", "volume": volume} for i, volume in enumerate(noise)
    ]


def expected(given: list[dict[str, Any]], told: Options, forests: dict[str, RandomCutForest]) -> dict[int, float]:
    """The scores by event time, of forests that are whole."""
    found = {}
    for record in given:
        forest = forests.setdefault(record["key"], forest_of(record["key"], told.forest))
        found[record["event_time"]] = float(forest.score_and_learn([[record["volume"]]])[0])
    return found


def assert_scored(folder: Path, wanted: dict[int, float]) -> None:
    found = {row["event_time"]: row["anomaly_score"] for row in rows(folder)}
    assert len(rows(folder)) == len(found) == len(wanted), "each once"
    assert max(abs(found[time] - score) for time, score in wanted.items()) < 1e-12


@pytest.mark.parametrize("shares", [1, 2, 3, 5, 16, MOST_SHARES])
def test_shares_of_a_key_group_are_on_as_many_subtasks_as_there_are(shares: int) -> None:
    keys = [share_keys(group, shares) for group in range(KEY_GROUPS)]
    assert len({key for shared in keys for key in shared}) == KEY_GROUPS * shares
    assert all([share_of_key(key) for key in shared] == list(range(shares)) for shared in keys)
    assert all(key % KEY_GROUPS == group and key < 2**31 for group, shared in enumerate(keys) for key in shared)
    for parallelism in {2, shares} if shares > 1 else ():
        # Flink's own rule: of P subtasks, group g of 128 is on the one of number g · P // 128
        subtasks = [(flink_groups(shared) * parallelism // KEY_GROUPS).tolist() for shared in keys]
        assert all(len(set(shared)) == min(parallelism, shares) for shared in subtasks)
        first = np.bincount([shared[0] for shared in subtasks], minlength=parallelism)
        assert first.max() - first.min() <= 2 + KEY_GROUPS % shares, "and the groups are turned"


@pytest.mark.cluster
def test_where_a_key_goes_is_what_flink_says(tmp_path: Path) -> None:
    from job.environment import start
    from job.flink_client import free_port

    state = StateDirectory(tmp_path / "state")
    start(Options.without_ends(), tmp_path, state, state.restore_point(), free_port())
    from pyflink.java_gateway import get_gateway

    jvm = get_gateway().jvm
    rng = np.random.default_rng(7)
    print("seed 7")
    keys = [*range(KEY_GROUPS), *rng.integers(KEY_GROUPS, 2**25, 100).tolist()]
    said = []
    for key in keys:
        row = jvm.org.apache.flink.types.Row(1)
        row.setField(0, key)
        said.append(jvm.org.apache.flink.runtime.state.KeyGroupRangeAssignment.assignToKeyGroup(row, KEY_GROUPS))
    assert flink_groups(keys).tolist() == said


@pytest.mark.cluster
def test_shares_score_as_the_whole_though_a_worker_is_killed(tmp_path: Path) -> None:
    given = records(60_000, seed=31)
    write_lines(tmp_path / "in.jsonl", given)
    told = options(
        tmp_path, tmp_path / "in.jsonl", bounded=True, max_delay=0, checkpoint_interval=100, parallelism=2, shards=3
    )
    killed: list[int] = []

    def kill_once(job: Run) -> None:
        if not killed and 0 < job.summary.read < len(given):
            killed.append(kill_workers())

    assert run_to_the_end(told, kill_once).scored == len(given)
    assert killed and killed[0] > 0, "the run was over before a worker could be killed"
    forest = forest_of("", told.forest)
    scores = forest.score_and_learn([[record["volume"]] for record in given])
    assert_scored(tmp_path / "scores", dict(zip([r["event_time"] for r in given], scores.tolist(), strict=True)))


@pytest.mark.cluster
def test_shares_go_on_at_another_parallelism_come_out_as_one_forest_and_take_one_in(tmp_path: Path) -> None:
    given = records(4000, seed=32)
    spool, state = tmp_path / "spool", tmp_path / "state"
    spool.mkdir()
    write_lines(spool / "1.jsonl", given[:2000])
    told = {"key": "key", "shards": 3, "state": state}
    forests: dict[str, RandomCutForest] = {}
    run_to_a_savepoint(options(tmp_path, spool, parallelism=2, **told), 2000)
    wanted = expected(given[:2000], options(tmp_path, spool, **told), forests)

    file = tmp_path / "sensor-1.forest"
    assert command("export", "--state", state, "--key", "sensor-1", file).wait(120) == 0
    assert file.read_bytes() == forests["sensor-1"].to_bytes()
    (tmp_path / "sensor-2.forest").write_bytes(forests["sensor-2"].to_bytes())
    assert command("import", "--state", state, "--key", "sensor-1", tmp_path / "sensor-2.forest").wait(120) == 0
    forests["sensor-1"] = RandomCutForest.from_bytes(forests["sensor-2"].to_bytes())

    with pytest.raises(
        ValueError, match=r"^shards must be 3 as in the state of .*, got 2; take it back, or start over"
    ):
        StateDirectory(state).claim(options(tmp_path, spool, **told | {"shards": 2}))

    write_lines(spool / "2.jsonl", given[2000:])
    run_to_the_end(options(tmp_path, spool, bounded=True, **told))
    wanted |= expected(given[2000:], options(tmp_path, spool, **told), forests)
    assert_scored(tmp_path / "scores", wanted)
