"""`python -m bench.hotspots`: microseconds a record of hotspots, on one core, beside NumPy that begins anew."""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from udf.hotspots import Hotspots

Floats = npt.NDArray[np.float64]
_REPEATS, _CALLS = 9, 200
_SHAPES = (
    ("one in five in a hot square", 2, 1000, 0.2, 17, 0.2),
    ("no hot square", 2, 1000, 0.2, 17, 0.0),
    ("all in the hot square", 2, 1000, 0.2, 17, 1.0),
    ("the same, all of them near", 2, 1000, 5.0, 17, 1.0),
    ("no hot square, pairs count", 2, 1000, 0.2, 2, 0.0),
    ("window of 100, one in five", 2, 100, 0.4, 5, 0.2),
    ("30 columns, one in five", 30, 1000, 5.0, 17, 0.2),
)


def main() -> int:
    """Print a line a shape."""
    parser = argparse.ArgumentParser(prog="python -m bench.hotspots", description=__doc__)
    parser.add_argument("--records", type=int, default=5000, help="of each repeat (default: %(default)s)")
    records = parser.parse_args().records
    print(f"{'':30}{'in batches':>12}{'one a call':>12}{'NumPy anew':>12}   µs a record")
    for name, dimensions, window_size, scan_radius, min_points, hot in _SHAPES:
        points = stream((2 + _REPEATS) * records + window_size, dimensions, hot)
        window = Hotspots(dimensions, window_size, scan_radius, min_points)
        window.update(points[:window_size])
        many = fastest(window.update, np.split(points[window_size:], 2 + _REPEATS)) / records
        one = fastest(partial(_singly, window), [points[:_CALLS]] * _REPEATS) / _CALLS
        anew = fastest(partial(numpy_anew, scan_radius, min_points), [points[:window_size]] * 3)
        print(f"{name:30}{many:12.1f}{one:12.1f}{anew:12.0f}", flush=True)
    return 0


def stream(count: int, dimensions: int, hot: float, seed: int = 52) -> Floats:
    """Points anywhere in 0 … 10, a share of them in 2 … 3."""
    random = np.random.default_rng(seed)
    points = random.uniform(0, 10, size=(count, dimensions))
    chosen = random.random(count) < hot
    points[chosen] = random.uniform(2, 3, size=(chosen.sum(), dimensions))
    return points


def fastest(call: Callable[[Any], object], parts: list[Floats]) -> float:
    """Microseconds of the fastest call: other processes only add to it."""
    taken = []
    for part in parts:
        began = time.perf_counter()
        call(part)
        taken.append(time.perf_counter() - began)
    return min(taken) * 1e6


def _singly(window: Hotspots, points: Floats) -> None:
    for i in range(len(points)):
        window.update(points[i : i + 1])


def numpy_anew(scan_radius: float, min_points: int, window: Floats) -> list[tuple[int, Floats, Floats]]:
    """Size and box of each hotspot of a window, from all its distances."""
    near = np.zeros((len(window), len(window)))
    for values in window.T:
        near += ((values[:, np.newaxis] - values) / scan_radius) ** 2
    joined = near <= 1.0
    core = joined.sum(axis=1) >= min_points
    found = []
    while core.any():
        region = np.zeros(len(window), bool)
        fresh = np.array([core.argmax()])
        while len(fresh):
            core[fresh] = False
            region |= joined[fresh].any(axis=0)
            fresh = np.flatnonzero(region & core)
        found.append((int(region.sum()), window[region].min(axis=0), window[region].max(axis=0)))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
