"""Where machine code is kept."""

import os
import subprocess
import sys
from pathlib import Path

from udf.rcf import compiling

ROOT = Path(__file__).parents[1]


def test_code_is_kept_in_the_first_folder_that_can_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(compiling, "_candidates", lambda: iter([Path("/proc/no"), tmp_path / "a", tmp_path / "b"]))
    assert Path(compiling.cache_folder.__wrapped__()).parent == tmp_path / "a"


def test_a_folder_that_nobody_can_write_is_no_reason_to_fail(monkeypatch):
    monkeypatch.setattr(compiling, "_candidates", lambda: iter([Path("/proc/no")]))
    folder = Path(compiling.cache_folder.__wrapped__())
    assert folder.is_dir()
    folder.rmdir()


def test_importing_compiles_nothing_and_leaves_the_setting_of_numba_alone(tmp_path):
    code = "import numba, udf.rcf; print(numba.config.CACHE_DIR)"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path)
    assert not list(tmp_path.rglob("*.nbc"))
