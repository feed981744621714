"""The kernels of a window of points: who is whose neighbour, kept record by record, and what regions that makes.

A point's neighbours, itself included, are a row of bits, 64 a word. A point that comes or goes changes a bit in the
row of each of its neighbours. The regions are looked for anew, but only if a point that is in one has gone, or one has
come that is near to a core point, or is one: nothing else can change them.

    neighbours of slot 0   1 1 0 1 …      counts 3      core, if min_points <= 3
                       1   1 1 0 0 …             2
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from udf.rcf.compiling import kernel, part

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

NEXT, HELD = 0, 1
_ONE = np.uint64(1)


class Ring(NamedTuple):
    """A window's points in slots, the newest in the place of the oldest, and who is near to whom."""

    place: Integers
    """The slot of the NEXT point, and how many points are HELD."""
    points: Floats
    """(dimensions, slots)."""
    neighbours: Words
    """(slots, words): bit j of row i, where points i and j are near."""
    counts: Integers
    """(slots,): neighbours of each."""
    core: Words
    """(words,): the core points."""
    members: Words
    """(words,): the points of all regions, when they were last looked for."""


def ring(dimensions: int, slots: int) -> Ring:
    """An empty one."""
    words = words_of(slots)
    return Ring(
        np.zeros(2, np.int64),
        np.zeros((dimensions, slots)),
        np.zeros((slots, words), np.uint64),
        np.zeros(slots, np.int64),
        np.zeros(words, np.uint64),
        np.zeros(words, np.uint64),
    )


def words_of(slots: int) -> int:
    """Words that hold a bit for each slot."""
    return (slots + 63) // 64


def _type_lowest(_context: Any, word: Any) -> Any:
    def build(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


# lowest(word): the number of its lowest bit that is set
lowest: Any = intrinsic(_type_lowest)


@part
def _has(bits: Words, i: int) -> bool:
    return bool((bits[i >> 6] >> np.uint64(i & 63)) & _ONE)


@part
def _put(bits: Words, i: int) -> None:
    bits[i >> 6] |= _ONE << np.uint64(i & 63)


@part
def _drop(bits: Words, i: int) -> None:
    bits[i >> 6] &= ~(_ONE << np.uint64(i & 63))


@part
def _remove(ring: Ring, slot: int, min_points: int) -> None:
    """Take the point of a slot out of its neighbours' rows."""
    for w in range(len(ring.core)):
        row = ring.neighbours[slot, w]
        ring.neighbours[slot, w] = 0
        while row:
            other = (w << 6) + lowest(row)
            row &= row - _ONE
            _drop(ring.neighbours[other], slot)
            ring.counts[other] -= 1
            if ring.counts[other] == min_points - 1:
                _drop(ring.core, other)
    ring.counts[slot] = 0
    _drop(ring.core, slot)


@part
def _insert(ring: Ring, slot: int, min_points: int, scan_radius: float, squares: Floats) -> bool:
    """Put the point of a slot into its neighbours' rows. True if a core point is near, or it is one."""
    held = ring.place[HELD]
    squares[:held] = 0.0
    for k in range(len(ring.points)):
        x = ring.points[k, slot]
        for j in range(held):
            # divided before it is squared, or what is beyond 1e154 would be infinite
            distance = (ring.points[k, j] - x) / scan_radius
            squares[j] += distance * distance
    near = False
    for j in range(held):
        if squares[j] <= 1.0:
            _put(ring.neighbours[slot], j)
            ring.counts[slot] += 1
            if j != slot:
                _put(ring.neighbours[j], slot)
                ring.counts[j] += 1
                if ring.counts[j] == min_points:
                    _put(ring.core, j)
                near |= _has(ring.core, j)
    if ring.counts[slot] >= min_points:
        _put(ring.core, slot)
        near = True
    return near


@part
def _region(neighbours: Words, first: int, left: Words, inside: Words, waiting: Integers) -> None:
    """Fill `inside` with the region of a core point: the neighbours of all core points that it is joined to.

    Those core points are no longer `left` then.
    """
    inside[:] = 0
    _drop(left, first)
    waiting[0] = first
    count = 1
    while count:
        count -= 1
        point = waiting[count]
        for w in range(len(inside)):
            row = neighbours[point, w]
            inside[w] |= row
            further = row & left[w]
            left[w] &= ~further
            while further:
                waiting[count] = (w << 6) + lowest(further)
                count += 1
                further &= further - _ONE


@part
def _measure(points: Floats, inside: Words, box: Floats) -> int:
    """How many points are inside; fill `box`, (2, dimensions), with their least and greatest values."""
    box[0] = np.inf
    box[1] = -np.inf
    size = 0
    for w in range(len(inside)):
        word = inside[w]
        while word:
            point = (w << 6) + lowest(word)
            word &= word - _ONE
            size += 1
            for k in range(len(points)):
                box[0, k] = min(box[0, k], points[k, point])
                box[1, k] = max(box[1, k], points[k, point])
    return size


@kernel
def take(
    ring: Ring,
    records: Floats,
    silent: int,
    min_points: int,
    scan_radius: float,
    found: Integers,
    sizes: Integers,
    boxes: Floats,
) -> tuple[int, int]:
    """Let records, (n, dimensions), into the ring. Returns how many, and how many regions were found in all.

    found[i] is the number of regions after record i, -1 where they are as before; the first `silent` records are not
    looked at. Sizes and boxes of all regions follow one another in `sizes` and `boxes`. When those might not have room
    for one record more, the rest of them is left.
    """
    slots = ring.points.shape[1]
    left, inside = np.empty_like(ring.core), np.empty_like(ring.core)
    waiting, squares = np.empty(slots, np.int64), np.empty(slots)
    regions, changed = 0, False
    for i in range(len(records)):
        if regions + slots > len(sizes):
            return i, regions
        slot = ring.place[NEXT]
        if ring.place[HELD] == slots:
            changed |= _has(ring.members, slot)
            _remove(ring, slot, min_points)
        else:
            ring.place[HELD] += 1
        ring.place[NEXT] = (slot + 1) % slots
        ring.points[:, slot] = records[i]
        changed |= _insert(ring, slot, min_points, scan_radius, squares)
        found[i] = -1
        if not changed or i < silent:
            continue
        changed = False
        before = regions
        ring.members[:] = 0
        left[:] = ring.core
        for w in range(len(left)):
            while left[w]:
                _region(ring.neighbours, (w << 6) + lowest(left[w]), left, inside, waiting)
                sizes[regions] = _measure(ring.points, inside, boxes[regions])
                regions += 1
                for v in range(len(inside)):
                    ring.members[v] |= inside[v]
        found[i] = regions - before
    return len(records), regions
