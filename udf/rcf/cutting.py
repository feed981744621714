"""Boxes and the cuts drawn in them.

Definitions 1 and 3 of Guha, Mishra, Roy, Schrijvers, "Robust Random Cut Forest Based Anomaly Detection on
Streams" (ICML 2016): a coordinate is cut with probability proportional to the side of the box, uniformly.

A box is given by where its low and its high coordinates start in `numbers`, a point by where it starts in
`points`.
"""

from typing import Any

import numpy as np

from .compiling import inlined, part
from .vectors import FEW, hull_by_few, hull_by_many, sum_of_gaps_by_few, sum_of_gaps_by_many


@inlined
def _gap(low: float, high: float, x: float) -> float:
    return max(low - x, x - high, 0.0)


@inlined
def outside(numbers: Any, low: int, high: int, points: Any, x: int, coordinates: int) -> float:
    """By how much the point would lengthen the sides of the box, summed: 0 iff it lies in the box."""
    if coordinates <= FEW:
        return sum_of_gaps_by_few(numbers, low, high, points, x, coordinates)
    return sum_of_gaps_by_many(numbers, low, high, points, x, coordinates)


@inlined
def differ(numbers: Any, at: int, points: Any, x: int, coordinates: int) -> bool:
    """Whether the point is another than that at `at`, as mostly its first coordinate tells."""
    i = 0
    while i < coordinates and numbers[at + i] == points[x + i]:
        i += 1
    return i < coordinates


@inlined
def hull(
    numbers: Any,
    low: int,
    a_low: int,
    a_high: int,
    others: Any,
    b_low: int,
    b_high: int,
    coordinates: int,
) -> tuple[bool, float]:
    """Make the box at `low` the hull of boxes a, in numbers, and b, in others; whether that changed it, and its span.

    The span is the sum of the side lengths.
    """
    high = low + coordinates
    if coordinates <= FEW:
        changed, sides = hull_by_few(numbers, low, high, a_low, a_high, others, b_low, b_high, coordinates)
    else:
        changed, sides = hull_by_many(numbers, low, high, a_low, a_high, others, b_low, b_high, coordinates)
    return changed > 0, sides


@inlined
def cut_between(low: float, high: float, offset: float) -> float:
    """The cut `offset` above low, kept in low <= cut < high whatever rounding does; low < high.

    It is rounded to a power of two, about a millionth of high - low, which no statistic of a forest can tell
    and which halves what a snapshot takes: adding and subtracting a large number drops the bits below.
    """
    cut = low + offset
    rounder = (high - low) * 2.0**32
    short = (cut + rounder) - rounder
    if low <= short < high:
        return short
    return cut if cut < high else np.nextafter(high, -np.inf)


@part
def separating_cut(
    numbers: Any, low: int, high: int, points: Any, x: int, coordinates: int, offset: float
) -> tuple[int, float]:
    """A cut that has the box on one side and the point on the other, `offset` into the gaps between them.

    Given that a cut of the extended box separates the two, it is uniform on those gaps; offset is below
    their sum, which is greater than 0.
    """
    axis, gap = 0, _gap(numbers[low], numbers[high], points[x])
    while gap <= offset and axis < coordinates - 1:  # whether there is a gap at all would be a surprise each time
        offset -= gap
        axis += 1
        gap = _gap(numbers[low + axis], numbers[high + axis], points[x + axis])
    if gap <= offset:  # rounding has used up all the gaps: the cut is in the last of them
        offset -= gap
        while gap == 0.0 and axis > 0:
            axis -= 1
            gap = _gap(numbers[low + axis], numbers[high + axis], points[x + axis])
    below, above = min(numbers[high + axis], points[x + axis]), max(numbers[low + axis], points[x + axis])
    return axis, cut_between(below, above, offset)
