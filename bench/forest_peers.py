"""The forest's peers, driven as their authors would: krcf (AWS's Rust), AWS's Java core, rrcf (pure Python).

Each scores every record before it learns it, in one thread, with all defaults but the parameters of the shape. krcf and
Java compute points in float32, ours and rrcf in float64.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.java_build import PeerUnavailableError, built_classpath
from job.java import find_java

Floats = npt.NDArray[np.float64]

_JAVA_MAIN = "bench.ForestLoop"
_MADE = 100  # krcf's forests that are filled; further keys get copies of them, which is ten times as fast
_KEYS_OF_JAVA = 2000  # cannot be copied: more only take longer to fill (1,000 and 3,000 cost the same a record)


@dataclass(frozen=True)
class Shape:
    """What is measured: parameters of a forest, how many forests are visited in turn, and the bar for the ratio."""

    name: str
    title: str
    dimensions: int
    num_trees: int
    sample_size: int
    time_decay: int  # in records
    shingle_size: int = 1
    keys: int = 1
    bar: float | None = None  # at least so many times the speed of the faster of krcf and Java

    @property
    def fill(self) -> int:
        """Records that a forest learns first. After 3 / λ of them it takes in 5 % more records than it ever will."""
        return 3 * max(self.time_decay, self.sample_size) + self.shingle_size


def stream(dimensions: int, records: int, seed: int = 1) -> Floats:
    """A noisy sine with one spike in a thousand records per dimension, of shifted phases: (records, dimensions)."""
    rng = np.random.default_rng(seed)
    phases = np.arange(records)[:, np.newaxis] / 1000 + np.arange(dimensions) / dimensions
    shape = phases.shape
    values: Floats = 1.0 + 0.5 * np.sin(2 * np.pi * phases) + rng.normal(0.0, 0.1, shape)
    return values + np.where(rng.random(shape) < 0.001, rng.uniform(3.0, 8.0, shape), 0.0)


def krcf_forest(shape: Shape, seed: int) -> Any:
    """An empty forest of krcf. Its `score` and `update` take a record as a list, the fastest that it knows.

    Raises:
        PeerUnavailableError: if krcf is not installed.
    """
    try:
        import krcf  # noqa: PLC0415 - the peer may be absent
    except ImportError as error:
        raise PeerUnavailableError(f"krcf is not here ({error}): pip install -r requirements.txt brings it.") from error
    options: Any = {
        "dimensions": shape.dimensions,
        "shingle_size": shape.shingle_size,
        "num_trees": shape.num_trees,
        "sample_size": shape.sample_size,
        "output_after": shape.sample_size,
        "random_seed": seed,
        "lambda": 1.0 / shape.time_decay,  # spelled otherwise, it would be ignored
        "initial_accept_fraction": 1.0,
        "parallel_execution_enabled": False,
    }
    return krcf.RandomCutForest(options)


def krcf_microseconds(shape: Shape, points: Floats, records: int, repeats: int = 3) -> float:
    """CPU time a record of krcf's forests, visited in turn; the fastest of some repeats.

    Raises:
        PeerUnavailableError: if krcf is not installed.
    """
    rows = points.tolist()
    forests = [krcf_forest(shape, seed) for seed in range(min(shape.keys, _MADE))]
    for key, forest in enumerate(forests):
        for row in rows[key : key + shape.fill]:
            forest.update(row)
    forests += [forests[key % _MADE].clone() for key in range(len(forests), shape.keys)]
    calls = [(forest.score, forest.update) for forest in forests]

    def visit(first: int) -> None:
        for number in range(first, first + records):
            score, update = calls[number % len(calls)]
            row = rows[number % len(rows)]
            score(row)
            update(row)

    return min(_microseconds(visit, shape.fill + i * records, records) for i in range(repeats))


def rrcf_microseconds(shape: Shape, points: Floats, records: int) -> float | None:
    """CPU time a record of rrcf as its documentation has it: a window of the last points, CoDisp after insertion.

    Every tree takes in every point: rrcf has no decay, and so no records that leave a tree as it is. None for shapes
    that it would take minutes to fill.

    Raises:
        PeerUnavailableError: if rrcf is not installed.
    """
    if shape.keys > 1 or shape.num_trees * shape.sample_size > 100 * 256:
        return None
    size = shape.sample_size
    points = np.lib.stride_tricks.sliding_window_view(points, shape.shingle_size, axis=0)[: size + records]
    points = points.reshape(len(points), -1)
    trees = rrcf_trees(shape.num_trees, points[:size], seed=0)
    return _microseconds(lambda first: codisp(trees, points[first:], first, size), size, records)


def rrcf_trees(num_trees: int, points: Floats, seed: int) -> list[Any]:
    """Trees of rrcf over the same points, which have the indices 0, 1, ….

    Raises:
        PeerUnavailableError: if rrcf is not installed.
    """
    try:
        import rrcf  # noqa: PLC0415 - the peer may be absent
    except ImportError as error:
        raise PeerUnavailableError(f"rrcf is not here ({error}): pip install -r requirements.txt brings it.") from error
    return [rrcf.RCTree(points, random_state=seed + tree) for tree in range(num_trees)]


def codisp(trees: list[Any], points: Floats, first: int, window: int) -> Floats:
    """Slide the window of all trees over points first, first + 1, …; the mean CoDisp of each as it comes in."""
    displaced = np.zeros(len(points))
    for i, point in enumerate(points):
        for tree in trees:
            tree.forget_point(first + i - window)
            tree.insert_point(point, index=first + i)
            displaced[i] += tree.codisp(first + i)
    return displaced / len(trees)


def java_microseconds(shape: Shape, points: Floats, seconds: float) -> float:
    """CPU time a record of Java's forests (2,000 keys at most) in one JVM; the fastest of passes that take `seconds`.

    Raises:
        PeerUnavailableError: if the Java peer cannot be built or run.
    """
    keys = min(shape.keys, _KEYS_OF_JAVA)
    said = _java(shape, points, keys=keys, fill=shape.fill, seconds=seconds)
    return float(json.loads(said.splitlines()[-1])["microseconds"])


def java_scores(shape: Shape, points: Floats, seeds: int) -> Floats:
    """Scores of the whole stream by so many of Java's forests: (seeds, n).

    Raises:
        PeerUnavailableError: if the Java peer cannot be built or run.
    """
    with tempfile.TemporaryDirectory(prefix="forest-scores-") as folder:
        file = Path(folder) / "scores"
        _java(shape, points, scores=file, seeds=seeds)
        return np.fromfile(file, dtype="<f8").reshape(seeds, len(points))


def _java(shape: Shape, points: Floats, **arguments: object) -> str:
    classpath = os.pathsep.join(map(str, built_classpath()))
    arguments = {
        "dimensions": shape.dimensions,
        "shingle_size": shape.shingle_size,
        "num_trees": shape.num_trees,
        "sample_size": shape.sample_size,
        "decay_rate": 1.0 / shape.time_decay,
        **arguments,
    }
    with tempfile.TemporaryDirectory(prefix="forest-points-") as folder:
        file = Path(folder) / "points"
        points.astype("<f8").tofile(file)
        try:
            done = subprocess.run(
                [
                    find_java() / "bin" / "java",
                    "-XX:MaxRAMPercentage=50",
                    "-cp",
                    classpath,
                    _JAVA_MAIN,
                    f"points={file}",
                    *(f"{name}={value}" for name, value in arguments.items()),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        except (OSError, RuntimeError) as error:
            raise PeerUnavailableError(f"The Java peer needs Java 17 or newer: {error}") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line and not line[0].isspace()]
        raise PeerUnavailableError(f"The Java peer failed, exit code {done.returncode}: {' '.join(said[-3:])}")
    return done.stdout


def _microseconds(measured: Callable[[int], object], first: int, records: int) -> float:
    began = time.process_time()
    measured(first)
    return (time.process_time() - began) / records * 1e6
