"""Which of the checkpoints and savepoints in a state directory the next run goes on from."""

import os
from pathlib import Path

from job.state import StateDirectory


def _written(state: Path, name: str, number: int, when: int) -> None:
    file = state / name / "_metadata"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x49\x60\x67\x2d" + (6).to_bytes(4, "big") + number.to_bytes(8, "big") + b"and so on")
    os.utime(file, (when, when))


def _found(state: Path) -> tuple[str, int]:
    point = StateDirectory(state).restore_point()
    assert point.path is not None
    return str(point.path.relative_to(state)), point.epoch


def test_a_checkpoint_that_is_complete_after_the_savepoint_of_its_stop_is_not_the_last(tmp_path: Path) -> None:
    _written(tmp_path, "checkpoints/0/d8c7b08c8bed/chk-11", 11, when=200)
    _written(tmp_path, "drained/0/savepoint-d8c7b0-7cd17a736e5d", 12, when=199)
    assert _found(tmp_path) == ("drained/0/savepoint-d8c7b0-7cd17a736e5d", 1)


def test_a_job_that_failed_as_it_stopped_has_gone_on(tmp_path: Path) -> None:
    _written(tmp_path, "savepoints/0/savepoint-d8c7b0-7cd17a736e5d", 12, when=199)
    _written(tmp_path, "checkpoints/0/d8c7b08c8bed/chk-13", 13, when=200)
    assert _found(tmp_path) == ("checkpoints/0/d8c7b08c8bed/chk-13", 0)


def test_the_last_job_is_the_one_that_wrote_last_whatever_its_numbers(tmp_path: Path) -> None:
    _written(tmp_path, "drained/0/savepoint-d8c7b0-7cd17a736e5d", 12, when=199)
    _written(tmp_path, "checkpoints/1/a0a0a0a0a0a0/chk-1", 1, when=200)
    assert _found(tmp_path) == ("checkpoints/1/a0a0a0a0a0a0/chk-1", 1)


def test_what_is_not_complete_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "checkpoints/0/d8c7b08c8bed/chk-11").mkdir(parents=True)
    assert StateDirectory(tmp_path).restore_point().path is None
