"""Boxes and the cuts drawn in them.

Definitions 1 and 3 of Guha, Mishra, Roy, Schrijvers, "Robust Random Cut Forest Based Anomaly Detection on
Streams" (ICML 2016): a coordinate is cut with probability proportional to the side of the box, uniformly.

A box is given by where its low and its high coordinates start in `numbers`, a point by where it starts in `points`.
"""

from typing import Any

import numpy as np

from .compiling import inlined


@inlined
def _gap(low: float, high: float, x: float) -> float:
    return max(max(low - x, x - high), 0.0)


@inlined
def outside(numbers: Any, low: int, high: int, points: Any, x: int, coordinates: int) -> float:
    """By how much the point would lengthen the sides of the box, summed: 0 iff it lies in the box.

    Four sums side by side: an order of addition that is fixed and that vector instructions can follow.
    """
    a = b = c = d = 0.0
    whole = coordinates & ~3
    for i in range(0, whole, 4):
        a += _gap(numbers[low + i], numbers[high + i], points[x + i])
        b += _gap(numbers[low + i + 1], numbers[high + i + 1], points[x + i + 1])
        c += _gap(numbers[low + i + 2], numbers[high + i + 2], points[x + i + 2])
        d += _gap(numbers[low + i + 3], numbers[high + i + 3], points[x + i + 3])
    for i in range(whole, coordinates):
        a += _gap(numbers[low + i], numbers[high + i], points[x + i])
    return (a + b) + (c + d)


@inlined
def span(numbers: Any, low: int, coordinates: int) -> float:
    """The sum of the side lengths of a box whose high coordinates follow its low ones."""
    total = 0.0
    for i in range(low, low + coordinates):
        total += numbers[i + coordinates] - numbers[i]
    return total


@inlined
def cut_between(low: float, high: float, offset: float) -> float:
    """The cut `offset` above low, kept in low <= cut < high whatever rounding does; low < high.

    It is rounded to a power of two between 2**-20 and 2**-21 of high - low, which no statistic of a forest can
    tell and which halves what a snapshot takes: adding and subtracting a large number drops the bits below.
    """
    cut = low + offset
    rounder = (high - low) * 2.0**32
    short = (cut + rounder) - rounder
    if low <= short < high:
        return short
    return cut if cut < high else np.nextafter(high, -np.inf)


@inlined
def separating_cut(
    numbers: Any, low: int, high: int, points: Any, x: int, coordinates: int, offset: float
) -> tuple[int, float]:
    """A cut that has the box on one side and the point on the other, `offset` into the gaps between them.

    Given that a cut of the extended box separates the two, it is uniform on those gaps; offset is below
    their sum, which is greater than 0.
    """
    axis, below, above = 0, 0.0, 0.0
    for i in range(coordinates):
        gap = _gap(numbers[low + i], numbers[high + i], points[x + i])
        if gap > 0.0:
            axis = i
            below, above = min(numbers[high + i], points[x + i]), max(numbers[low + i], points[x + i])
            if offset < gap:
                break
            offset -= gap
    # Where rounding has used up all the gaps, the cut is at the end of the last of them.
    return axis, cut_between(below, above, offset)
