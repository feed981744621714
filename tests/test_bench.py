"""The benchmarks, in their short form: they run, and say what they say they say."""

import json
import os
import re
import shutil
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest

from bench.cpu_time import CpuTime
from bench.hotspots import numpy_anew, stream
from bench.state_figures import longest_pause, rate_back
from udf.hotspots import Hotspots

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


@pytest.mark.cluster
def test_bench_of_the_state_loses_nothing_and_scores_the_same_in_a_tenth_of_the_memory() -> None:
    said = run("bench.state", "--keys", "200", "--records", "20000", "--backends", "hashmap", "--parts", "memory")
    assert re.search(r"^  lost of 40,000 records \(40,000 scored, 0 rejected\) +0 +0  yes$", said, re.MULTILINE)
    assert re.search(r"^  of a core used, 200 keys +[\d,]+ +at least 10,000  (yes|no)$", said, re.MULTILINE)
    assert re.search(r"^  lost of 4,000 records \(4,000 scored, 0 rejected\) +0 +0  yes$", said, re.MULTILINE)
    assert re.search(r"^  scores of bounded and of hashmap-many +the same +the same  yes$", said, re.MULTILINE)
    for keys in ("1 key", "200 keys"):
        written = re.search(rf"^written to state a record, .*, {keys} +([\d.]+) B", said, re.MULTILINE)
        assert written is not None
        assert float(written[1]) > 0


def test_the_rate_is_back_at_the_end_of_the_first_window_that_has_it() -> None:
    samples = [(9.0, 0), (10.0, 0), (10.5, 100), (11.0, 100), (12.0, 150), (13.0, 250), (14.0, 350), (15.0, 450)]
    assert rate_back(samples, 100) == 14.0
    assert rate_back(samples, 75) == 12.0
    assert rate_back(samples, 101) == inf
    assert rate_back([], 1) == inf


def test_the_longest_pause_is_looked_for_after_the_warm_up() -> None:
    #         first score   long, but warming up         0.5 s        the last: what comes then is the end of the run
    samples = [(0, 0), (1, 9), (4, 9), (5, 10), (6.5, 20), (7, 30), (7.2, 30), (7.5, 31), (9, 31)]
    assert longest_pause(samples, warm_up=5) == (0.5, 1.0)
    assert longest_pause(samples, warm_up=0) == (4, 6.5)
    assert longest_pause([(0, 0), (1, 0)])[1] == 0


def test_cpu_time_has_that_of_processes_that_ended() -> None:
    spin = "import time\nwhile time.process_time() < 0.6: pass"
    with CpuTime() as cpu:
        before = cpu.seconds()
        subprocess.run(["sh", "-c", f"{sys.executable} -c '{spin}'"], check=True)
        assert cpu.seconds() - before > 0.2


def test_bench_of_hotspots_measures_what_finds_the_same() -> None:
    points = stream(1500, 2, 0.2)
    found = numpy_anew(0.2, 17, points[-1000:])
    ours = json.loads(Hotspots(2, 1000, 0.2, 17).update(points)[-1])["hotspots"]
    boxes = [(low.tolist(), high.tolist()) for _, low, high in found]
    assert sorted((told["minValues"], told["maxValues"]) for told in ours) == sorted(boxes) != []
    said = run("bench.hotspots", "--records", "20").splitlines()
    assert len(said) == 8
    assert all(re.search(r"( +[\d.]+){2} +\d+$", line) for line in said[1:])
