"""`make bench-forest`: microseconds a record, score then learn, of our forest and its peers, all on one core."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.forest_ours import BATCH, REPEATS, Ours, measure_ours
from bench.forest_peers import (
    Floats,
    Shape,
    java_microseconds,
    krcf_microseconds,
    rrcf_microseconds,
    stream,
)
from bench.forest_slopes import print_slopes
from bench.java_build import PeerUnavailableError

_ROOT = Path(__file__).resolve().parents[1]
_SHAPES = (
    Shape("1d-10", "1-D 100 × 10, λ .01", 1, 100, 10, 100, bar=15),
    Shape("1d-256", "1-D 100 × 256", 1, 100, 256, 2560, bar=10),
    Shape("1d-256-fast", "1-D 100 × 256, λ .01", 1, 100, 256, 100, bar=14),
    Shape("4d-256", "4-D 100 × 256", 4, 100, 256, 2560, bar=10),
    Shape("48d-256", "48-D 100 × 256, a shingle", 1, 100, 256, 2560, shingle_size=48, bar=12),
    Shape("1d-1000", "1-D 50 × 1000", 1, 50, 1000, 10_000, bar=9),
    Shape("1d-4096", "1-D 100 × 4096", 1, 100, 4096, 40_960),
    Shape("keys", "10,000 keys of 1-D 100 × 10, λ .01", 1, 100, 10, 100, keys=10_000, bar=8),
)
_RECORDS = 20_000  # of a repeat of ours
_JAVA_SECONDS = 12.0  # its passes get no faster after some 8 s
_ATTRIBUTION_BAR = 3.0
_COLD = "import numpy, udf.rcf; udf.rcf.RandomCutForest(1).score_and_learn(numpy.arange(300.0).reshape(-1, 1))"


def main() -> int:
    """Measure shape by shape, print each cell as it comes, and the tables at the end."""
    parser = argparse.ArgumentParser(prog="python -m bench.forest", description=__doc__)
    parser.add_argument("--shapes", help=f"only these, with commas between: {','.join(s.name for s in _SHAPES)}")
    parser.add_argument(
        "--records",
        type=int,
        default=_RECORDS,
        help="of each repeat; the peers get shares of it, in records or in seconds (default: %(default)s)",
    )
    parser.add_argument("--no-java", action="store_true", help="without the Java core, which is built with Maven")
    parser.add_argument("--no-rust", action="store_true", help="without krcf")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the cost of a tree, a sample and a dimension")
    told = parser.parse_args()
    names = told.shapes.split(",") if told.shapes else [shape.name for shape in _SHAPES]
    shapes = [shape for shape in _SHAPES if shape.name in names]
    if len(shapes) != len(names):
        parser.error(f"--shapes must be of {','.join(s.name for s in _SHAPES)}, got {told.shapes!r}")
    if told.records < 100:
        parser.error(f"--records must be at least 100, got {told.records!r}")

    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpu})  # the processes we start inherit it
    print(f"µs of CPU time a record, score then learn, CPU {cpu} alone, after 3 / λ records.")
    print(
        f"The best of the repeats of each, ours {REPEATS} of {told.records:,} records in batches of {BATCH:,}, before"
    )
    print("the peers and after them: whoever shares the CPU may make it slow for seconds.")
    print("λ is 0.1 / sample size where not given. krcf and Java compute in float32, ours and rrcf in float64.\n")
    rows = _measure(shapes, told.records, java=not told.no_java, rust=not told.no_rust)
    _print_ratios(rows)
    if told.records < _RECORDS and any("Java" in theirs for _, _, theirs in rows):
        print("In so short a run Java does not get warm: its figures are too high, and so are ratios to it.")
    _print_sizes(rows)
    if not told.shapes:
        _print_cold_start()
    if told.plot or not told.shapes:
        print_slopes(told.records, told.plot)
    return 0


Row = tuple[Shape, Ours, dict[str, float | None]]


def _measure(shapes: Sequence[Shape], records: int, java: bool, rust: bool) -> list[Row]:
    peers: dict[str, Callable[[Shape, Floats], float | None]] = {}
    if rust:
        peers["krcf"] = lambda shape, points: krcf_microseconds(shape, points, records // 4)
    if java:
        peers["Java"] = lambda shape, points: java_microseconds(shape, points, _JAVA_SECONDS * records / _RECORDS)
    peers["rrcf"] = lambda shape, points: rrcf_microseconds(shape, points, max(5, records // 1000))
    rows: list[Row] = []
    for shape in shapes:
        points = stream(shape.dimensions, shape.fill + 300_001)
        print(f"{shape.title}, {shape.fill:,} records to fill:", end=" ", flush=True)
        try:
            ours = measure_ours(shape, points, records)
        except ValueError as error:
            print(f"refused, {error}", flush=True)
            continue
        print(f"ours {ours.microseconds:,.2f}", end="", flush=True)
        theirs: dict[str, float | None] = {}
        absent: list[str] = []
        for name, measured in list(peers.items()):
            try:
                theirs[name] = measured(shape, points)
            except PeerUnavailableError as error:
                absent.append(f"  without {name} from here on: {error}")
                del peers[name]
            else:
                print(f", {name} {_cell(theirs[name])}", end="", flush=True)
        again = measure_ours(shape, points, records)
        print(f", ours again {again.microseconds:,.2f}", *absent, sep="\n", flush=True)
        ours = replace(ours, microseconds=min(ours.microseconds, again.microseconds))
        rows.append((shape, ours, theirs))
    return rows


def _print_ratios(rows: Sequence[Row]) -> None:
    print(f"\n{'µs a record':36}{'ours':>8}{'krcf':>8}{'Java':>8}{'rrcf':>9}{'ratio':>8}{'bar':>6}  met")
    for shape, ours, theirs in rows:
        fastest = min((value for name in ("krcf", "Java") if (value := theirs.get(name))), default=None)
        ratio = fastest and fastest / ours.microseconds
        met = "–" if not ratio or shape.bar is None else "yes" if ratio >= shape.bar else "no"
        cells = "".join(
            f"{_cell(theirs.get(name)):>{width}}" for name, width in (("krcf", 8), ("Java", 8), ("rrcf", 9))
        )
        bar = "–" if shape.bar is None else f"{shape.bar:g}"
        print(f"{shape.title:36}{ours.microseconds:8.2f}{cells}{_cell(ratio):>8}{bar:>6}  {met}")
    print("ratio: the faster of krcf and Java to ours. Java has 2,000 of the keys. rrcf is left out where it takes")
    print("minutes; it has no decay, so its trees take in every record.")


def _print_sizes(rows: Sequence[Row]) -> None:
    print(f"\n{'one forest of ours':36}{'memory':>12}{'snapshot':>12}{'write':>10}{'read':>10}  attribution / score")
    for shape, ours, _ in rows:
        sizes = f"{ours.memory / 1e3:9,.1f} kB{ours.snapshot / 1e3:9,.1f} kB"
        times = f"{ours.writing / 1e3:7,.2f} ms{ours.reading / 1e3:7,.2f} ms"
        of_bar = f"{ours.attribution:.2f} (at most {_ATTRIBUTION_BAR:g}: {_met(ours.attribution)})"
        print(f"{shape.title:36}{sizes}{times}  {of_bar}")


def _met(attribution: float) -> str:
    return "met" if attribution <= _ATTRIBUTION_BAR else "not met"


def _print_cold_start() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-numba-") as folder:
        compiled, cached = (_cpu_seconds(folder) for _ in range(2))
    print(f"\ncold start, Python to first score: {compiled:.1f} s compiling, {cached:.1f} s with the cache")


def _cpu_seconds(cache: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", _COLD], cwd=_ROOT, env={**os.environ, "NUMBA_CACHE_DIR": cache}, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
