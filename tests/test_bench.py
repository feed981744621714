"""The benchmarks, in their short form: they run, and say what they say they say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.cluster
@pytest.mark.skipif(shutil.which("mvn") is None, reason="the Java peer is built with Maven, which is not here")
def test_bench_prints_the_rates_and_their_ratios() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--records", "20000"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "JDK_JAVA_OPTIONS"},
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^the .* … [\d,]+ records/s", done.stdout, re.MULTILINE)) == 4
    assert re.search(r"^through Kafka / source alone: +\d+\.\d\d$", done.stdout, re.MULTILINE)
    assert re.search(r"^whole job / Java job: +\d+\.\d\d$", done.stdout, re.MULTILINE)
