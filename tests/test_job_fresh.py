"""Starting over with the state of former runs: what is moved aside, what stays, and when it is refused."""

import json
import re
from pathlib import Path

import pytest
from job_runs import options

from job.flink_client import FlinkClient
from job.options import Options
from job.state import LeftJob, StateDirectory


@pytest.fixture
def told(tmp_path: Path) -> Options:
    return options(tmp_path, tmp_path, state=tmp_path / "state")


def _used(told: Options) -> tuple[StateDirectory, Path]:
    """A state that a job had, with a checkpoint, a savepoint and the end of an epoch; and its directory."""
    assert told.state is not None
    state = StateDirectory(told.state)
    assert state.claim(told) is None
    state.identity()
    state.write_job(LeftJob("localhost:1", "f00", 0))
    for name in ("checkpoints/0/f00/chk-7", "imports/1", "savepoints/0/savepoint-1", "drained/0/savepoint-2"):
        (told.state / name).mkdir(parents=True)
        (told.state / name / "_metadata").touch()
    return state, told.state


def _fresh(told: Options, **changed: object) -> Options:
    return Options(**{name: getattr(told, name) for name in told.__dataclass_fields__} | {"fresh": True, **changed})


def test_starting_over_moves_aside_all_but_the_identity(told: Options) -> None:
    state, folder = _used(told)
    identity = state.identity()
    assert state.restore_point().path is not None
    aside = state.claim(_fresh(told, time_decay=200))

    assert aside is not None
    assert aside.parent == folder / "replaced"
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z", aside.name)
    assert {entry.name for entry in aside.iterdir()} == {
        "checkpoints",
        "savepoints",
        "drained",
        "imports",
        "job.json",
        "options.json",
    }
    assert (aside / "checkpoints/0/f00/chk-7/_metadata").exists()
    assert {entry.name for entry in folder.iterdir()} == {"identity", "options.json", "replaced"}
    assert (state.restore_point().path, state.restore_point().epoch) == (None, 0)
    assert (state.identity(), state.job()) == (identity, None)
    assert json.loads((folder / "options.json").read_text())["time_decay"] == 200


def test_starting_over_twice_keeps_both(told: Options) -> None:
    state, folder = _used(told)
    first, second = state.claim(_fresh(told)), state.claim(_fresh(told))
    assert first != second
    assert set((folder / "replaced").iterdir()) == {first, second}


def test_starting_over_with_nothing_moves_nothing(told: Options) -> None:
    assert told.state is not None
    assert StateDirectory(told.state).claim(_fresh(told)) is None
    assert [entry.name for entry in told.state.iterdir()] == ["options.json"]


def test_other_parameters_are_refused_with_the_way_out(told: Options) -> None:
    state, folder = _used(told)
    with pytest.raises(ValueError) as refused:
        state.claim(_fresh(told, fresh=False, time_decay=200))
    assert str(refused.value) == (
        f"time_decay must be 100 as in the state of {folder}, got 200; take it back, or start over with --fresh"
    )


def test_the_state_of_a_running_job_is_not_started_over(told: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    state, folder = _used(told)
    monkeypatch.setattr(FlinkClient, "state", lambda client: "RUNNING")
    before = sorted(folder.rglob("*"))
    with pytest.raises(RuntimeError) as refused:
        state.claim(_fresh(told))
    assert str(refused.value) == (
        f"the job f00 on localhost:1 has the state {folder}; stop it first: python -m job stop --state {folder}"
    )
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("changed", [{"forest_memory": 10**9}, {"key_ttl": 60_000}, {"parallelism": 2}])
def test_state_does_not_depend_on_how_much_is_kept(told: Options, changed: dict) -> None:
    keyed = _fresh(told, key="sensor", fresh=False)
    state, _ = _used(keyed)
    assert state.claim(_fresh(keyed, fresh=False, **changed)) is None
