"""Slow, obvious hotspots: the definitions in plain Python, as an oracle for `udf.hotspots`."""

import sys
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any

Point = Sequence[float]


def are_near(a: Point, b: Point, scan_radius: float) -> bool:
    total = 0.0
    for x, y in zip(a, b, strict=True):
        distance = (x - y) / scan_radius
        total += distance * distance
    return total <= 1.0


def hotspots(window: Sequence[Point], scan_radius: float, min_points: int) -> list[dict[str, Any]]:
    """Of the points of a window, by density descending and box ascending, and with their number of points."""
    near = [{j for j, other in enumerate(window) if are_near(point, other, scan_radius)} for point in window]
    core = {i for i, points in enumerate(near) if len(points) >= min_points}
    regions = []
    while core:
        joined, fresh = set(), {core.pop()}
        while fresh:
            joined |= fresh
            fresh = {j for i in fresh for j in near[i] & core}
            core -= fresh
        regions.append([window[j] for j in set().union(*(near[i] for i in joined))])
    return sorted(
        (_told(region, scan_radius) for region in regions), key=lambda h: (-h["density"], *list(h.values())[1:])
    )


def _told(points: list[Point], scan_radius: float) -> dict[str, Any]:
    low, high = (
        [min(values) for values in zip(*points, strict=True)],
        [max(values) for values in zip(*points, strict=True)],
    )
    sides = [max(Fraction(b) - Fraction(a), Fraction(scan_radius)) for a, b in zip(low, high, strict=True)]
    density = min(Fraction(len(points)) / prod(sides), Fraction(sys.float_info.max))
    return {"density": float(density), "minValues": low, "maxValues": high, "points": len(points)}
