"""What the README shows is what happens: its commands for a stream of one's own, and its Python."""

import doctest
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def test_readme_python_runs() -> None:
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert tried >= 5
    assert failed == 0


@pytest.mark.skipif(shutil.which("bash") is None, reason="the README's commands are for a shell")
@pytest.mark.cluster
def test_readme_commands_run(tmp_path: Path) -> None:
    (commands,) = re.findall(r"<!-- test -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "500 records read, 500 scored, 0 rejected, 0 late" in done.stderr
    first = done.stdout.splitlines()[0]
    assert re.fullmatch(r'\{"event_time":.*"volume":.*,"second":"[^"]+Z","anomaly_score":[0-9.]+\}', first), first


def test_readme_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text())
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
