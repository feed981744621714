"""`make bench-forest`: microseconds a record, score then learn, of our forest and its peers, all on one core."""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import udf.rcf
from bench.forest_peers import (
    Floats,
    Shape,
    java_microseconds,
    krcf_microseconds,
    rrcf_microseconds,
    stream,
)
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
_REPEATS = 7
_BATCH = 1000
_ATTRIBUTION_BAR = 3.0
_COLD = "import numpy, udf.rcf; udf.rcf.RandomCutForest(1).score_and_learn(numpy.arange(300.0).reshape(-1, 1))"


@dataclass
class Ours:
    """Figures of our forest at a shape. Times are medians, in microseconds."""

    microseconds: float  # a record
    memory: int  # bytes of one forest
    snapshot: int  # bytes
    writing: float
    reading: float
    attribution: float | None  # times the cost of a score


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
    print(f"µs of CPU time a record, score then learn, CPU {cpu} alone. Ours: median of {_REPEATS} repeats of")
    print(f"{told.records:,} records in batches of {_BATCH:,}; the peers: the best of theirs. All after 3 / λ records.")
    print("λ is 0.1 / sample size where not given. krcf and Java compute in float32, ours and rrcf in float64.\n")
    rows = _measure(shapes, told.records, java=not told.no_java, rust=not told.no_rust)
    _print_ratios(rows)
    if told.records < _RECORDS and any("Java" in theirs for _, _, theirs in rows):
        print("In so short a run Java does not get warm: its figures are too high, and so are ratios to it.")
    _print_sizes(rows)
    if not told.shapes:
        _print_cold_start()
    if told.plot or not told.shapes:
        _print_slopes(told.records, told.plot)
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
        print("", *absent, sep="\n", flush=True)
        rows.append((shape, ours, theirs))
    return rows


def measure_ours(shape: Shape, points: Floats, records: int) -> Ours:
    """Fill the forests of a shape, then measure.

    Raises:
        ValueError: if the forest refuses the shape.
    """
    forests = [_forest(shape, seed) for seed in range(shape.keys)]
    for key, forest in enumerate(forests):
        forest.learn(points[key : key + shape.fill])
    starts = range(shape.fill, shape.fill + _REPEATS * records, records)
    spent = [_seconds(partial(_take, forests, points, first, records)) / records for first in starts]
    forest, some = forests[0], points[-_BATCH:]
    data = forest.to_bytes()
    attribution = getattr(forest, "attribution", None)
    return Ours(
        microseconds=statistics.median(spent) * 1e6,
        memory=forest.memory_bytes,
        snapshot=len(data),
        writing=_median(forest.to_bytes),
        reading=_median(lambda: udf.rcf.RandomCutForest.from_bytes(data)),
        attribution=attribution and _median(lambda: attribution(some)) / _median(lambda: forest.score(some)),
    )


def _forest(shape: Shape, seed: int) -> udf.rcf.RandomCutForest:
    return udf.rcf.RandomCutForest(
        shape.dimensions, shape.num_trees, shape.sample_size, shape.time_decay, shape.shingle_size, seed
    )


def _take(forests: list[udf.rcf.RandomCutForest], points: Floats, first: int, records: int) -> None:
    """Score and learn records first, first + 1, …, of one forest, or of many in turn."""
    together = getattr(udf.rcf, "score_and_learn_many", None)
    for begin in range(first, first + records, _BATCH):
        at = np.arange(begin, min(begin + _BATCH, first + records))
        batch = points[at % len(points)]
        if len(forests) == 1:
            forests[0].score_and_learn(batch)
        elif together:
            together([forests[i] for i in (at % len(forests)).tolist()], batch)
        else:
            for i, number in enumerate(at.tolist()):
                forests[number % len(forests)].score_and_learn(batch[i : i + 1])


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
        of_bar = ours.attribution and f"{ours.attribution:.2f} (at most {_ATTRIBUTION_BAR:g}: {_met(ours.attribution)})"
        print(f"{shape.title:36}{sizes}{times}  {of_bar or '–'}")


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


def _print_slopes(records: int, plot: Path | None) -> None:
    """Straight lines through our cost over trees, samples and dimensions, around 1-D 100 × 256."""
    base = Shape("base", "", 1, 100, 256, 2560)
    lines = {
        "tree": [replace(base, num_trees=n) for n in (25, 50, 100, 200)],
        "sample": [replace(base, sample_size=n, time_decay=10 * n) for n in (64, 128, 256, 512, 1024)],
        "dimension": [replace(base, dimensions=n) for n in (1, 2, 4, 8, 16)],
    }
    of_shape = {"tree": "num_trees", "sample": "sample_size", "dimension": "dimensions"}
    drawn = {}
    print("\nwhat one more costs, in µs a record (1-D 100 × 256 with one of the three varied):")
    for name, shapes in lines.items():
        sizes = np.array([getattr(shape, of_shape[name]) for shape in shapes], dtype=np.float64)
        costs = np.array([_cost(shape, records) for shape in shapes])
        slope, level = np.polyfit(sizes, costs, 1)
        off = np.abs(level + slope * sizes - costs).max() / costs.max()
        drawn[name] = (sizes, costs, slope, level)
        span = f"{sizes[0]:g} to {sizes[-1]:g}"
        said = ", ".join(f"{cost:.2f}" for cost in costs)
        print(f"  {name:10} {slope:.4f}   ({span}: {said}; off the line by up to {off:.0%} of the largest)", flush=True)
    if plot:
        _draw(drawn, plot)
        print(f"drawn in {plot}")


def _cost(shape: Shape, records: int) -> float:
    return measure_ours(shape, stream(shape.dimensions, shape.fill + _REPEATS * records), records).microseconds


def _draw(drawn: dict[str, tuple[Floats, Floats, float, float]], file: Path) -> None:
    import matplotlib  # noqa: PLC0415 - takes a second to import

    matplotlib.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    pyplot.rcParams.update({"font.size": 9, "svg.hashsalt": "forest"})  # the same figures, the same file
    figure, axes = pyplot.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
    for panel, (name, (sizes, costs, slope, level)) in zip(axes, drawn.items(), strict=True):
        panel.plot(sizes, level + slope * sizes, color="0.6", linewidth=1)
        panel.plot(sizes, costs, "o", color="#1f6f8b", markersize=4)
        panel.set_xlabel(f"{name}s")
        panel.set_title(f"{slope:.3g} µs a {name}", fontsize=9)
        panel.set_xlim(left=0)
        panel.locator_params(axis="x", integer=True)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylim(bottom=0)  # shared, and so only when all is drawn
    axes[0].set_ylabel("µs a record")
    file.parent.mkdir(parents=True, exist_ok=True)
    pyplot.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    pyplot.close(figure)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


def _seconds(measured: Callable[[], Any]) -> float:
    began = time.process_time()
    measured()
    return time.process_time() - began


def _median(measured: Callable[[], Any], repeats: int = 5) -> float:
    """Microseconds of CPU time, the first call left out: it may compile."""
    measured()
    return statistics.median(_seconds(measured) for _ in range(repeats)) * 1e6


if __name__ == "__main__":
    sys.exit(main())
