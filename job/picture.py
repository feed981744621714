"""A picture of a run: volume and score over time."""

from datetime import datetime
from pathlib import Path
from typing import Any

_BLUE, _RED, _GRID = "#3b6ea5", "#c8442d", "#dddddd"


def draw(rows: list[dict[str, Any]], value: str, time: str, file: Path) -> None:
    """Write `file` (PNG or SVG by its name): field `value` above, score below, over seconds since the first record."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second to import, only needed here

    rows = sorted(rows, key=lambda row: row[time])
    times = [datetime.fromisoformat(row[time]) for row in rows]
    seconds = [(at - times[0]).total_seconds() for at in times]
    figure = Figure(figsize=(10, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(seconds, [row[value] for row in rows], color=_BLUE, linewidth=0.8)
    above.set_ylabel(value)
    scores = [row["anomaly_score"] for row in rows]
    below.plot(seconds, scores, color=_RED, linewidth=0.8)
    below.set_ylabel("anomaly score")
    below.set_xlabel("seconds")
    peak = max(range(len(rows)), key=scores.__getitem__)
    below.annotate(
        f"{scores[peak]:.2f} at {seconds[peak]:.0f} s",
        (seconds[peak], scores[peak]),
        xytext=(8, -4),
        textcoords="offset points",
        color=_RED,
    )
    for axes in (above, below):
        axes.grid(color=_GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)
