"""The benchmarks, in their short form: they run, and say what they say they say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

needs_maven = pytest.mark.skipif(
    shutil.which("mvn") is None, reason="the Java peer is built with Maven, which is not here"
)


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "JDK_JAVA_OPTIONS"},
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.cluster
@needs_maven
def test_bench_prints_the_rates_and_their_ratios() -> None:
    said = run("bench", "--records", "20000")
    assert len(re.findall(r"^the .* … [\d,]+ records/s", said, re.MULTILINE)) == 4
    assert re.search(r"^through Kafka / source alone: +\d+\.\d\d$", said, re.MULTILINE)
    assert re.search(r"^whole job / Java job: +\d+\.\d\d$", said, re.MULTILINE)


@pytest.mark.cluster
@needs_maven
def test_bench_of_the_forest_prints_its_peers_and_ratios() -> None:
    pytest.importorskip("krcf", reason="krcf is not installed: requirements.txt has it")
    pytest.importorskip("rrcf", reason="rrcf is not installed: requirements.txt has it")
    said = run("bench.forest", "--shapes", "1d-10,4d-256", "--records", "2000")
    for title in (r"1-D 100 × 10, λ \.01", "4-D 100 × 256"):
        assert re.search(rf"^{title} +\d+\.\d\d( +[\d,.]+){{3}} +\d+\.\d +\d+  (yes|no)$", said, re.MULTILINE)
        assert re.search(rf"^{title}( +[\d,.]+ kB){{2}}( +[\d,.]+ ms){{2}}", said, re.MULTILINE)


def test_bench_of_the_forest_goes_on_without_peers() -> None:
    said = run("bench.forest", "--shapes", "1d-10", "--records", "200", "--no-java", "--no-rust")
    assert re.search(r"^1-D 100 × 10, λ \.01 +\d+\.\d\d +– +– .* –$", said, re.MULTILINE)
