"""What one more tree, one more sample, one more dimension costs our forest."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.forest_ours import REPEATS, measure_ours
from bench.forest_peers import Floats, Shape, stream

_ROUNDS = 3


def print_slopes(records: int, plot: Path | None) -> None:
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
        # Whoever shares the CPU may make it slow for seconds, so each is measured at several times.
        costs = np.min([[_cost(shape, records // _ROUNDS) for shape in shapes] for _ in range(_ROUNDS)], axis=0)
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
    return measure_ours(shape, stream(shape.dimensions, shape.fill + REPEATS * records), records).microseconds


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
