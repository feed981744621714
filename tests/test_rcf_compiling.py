"""Where machine code is kept, and that it does not depend on the CPU what comes out."""

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


_FORESTS = """
import sys
import numpy
from udf.rcf import RandomCutForest
for dimensions, samples in ((1, 40), (1, 12), (3, 40), (4, 40), (13, 40), (18, 40)):
    forest = RandomCutForest(dimensions, 7, samples, 90, seed=2)
    points = numpy.random.default_rng(dimensions).normal(size=(600, dimensions)).round(3)
    for batch in numpy.split(points, [500, *range(501, 600)]):
        sys.stdout.buffer.write(forest.score_and_learn(batch).tobytes())
    sys.stdout.buffer.write(forest.to_bytes())
"""


def test_no_bit_depends_on_the_vectors_of_the_cpu(tmp_path):
    """Compiled for this CPU, and for any: vectors of 64 bytes, or what each such CPU has had from the beginning."""
    ours, any_cpu = (
        subprocess.run(
            [sys.executable, "-c", _FORESTS],
            cwd=ROOT,
            env={**os.environ, **told},
            check=True,
            capture_output=True,
        ).stdout
        for told in (
            {},
            {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)},
        )
    )
    assert len(ours) > 10_000
    assert ours == any_cpu
