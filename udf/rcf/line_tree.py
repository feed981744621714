"""Insert a value into a tree on a line, forget one, as `tree` does it over more coordinates."""

from typing import Any

import numpy as np

from .compiling import inlined, part
from .cutting import cut_between
from .line import Line, id_at, search, update_guide
from .line_vectors import add, move_back, move_forth, renumber
from .reservoir import Reservoir, put_entry, worst_entry, worst_slot
from .streams import PLACE, WHERE, uniform


@inlined
def _copy_node(line: Line, source: int, to: int) -> None:
    """Make the node of one row that of another, too."""
    numbers, ids = line.numbers, line.ids
    numbers[line.cut + to] = numbers[line.cut + source]
    ids[line.span + 2 * to] = ids[line.span + 2 * source]
    ids[line.span + 2 * to + 1] = ids[line.span + 2 * source + 1]


@inlined
def _moved(row: int, hole: int, new: int) -> int:
    """Where `_close` moves a row to."""
    return row - int(hole < row <= new) + int(new <= row < hole)


@inlined
def _close(line: Line, hole: int, beside: int, new: int) -> None:
    """Move the rows between a hole and `new` by one, so that the hole is at `new`; what ended at it ends `beside`."""
    numbers, ids, rows = line.numbers, line.ids, id_at(line.ids, line.leaves)
    if hole < new:
        renumber(ids, line.span, 2 * rows, hole, beside, hole + 1, new, -1)
        move_back(
            hole, new - hole, numbers, line.cut, numbers, line.value, ids, line.span, ids, line.depth, ids, line.mass
        )
    else:
        renumber(ids, line.span, 2 * rows, hole, beside, new, hole - 1, 1)
        move_forth(
            new + 1, hole - new, numbers, line.cut, numbers, line.value, ids, line.span, ids, line.depth, ids, line.mass
        )


@inlined
def _cut_off(line: Line, leaf: int, x: float, right: int, place: float, hole: int, beside: int) -> tuple[int, int, int]:
    """Where x is cut off, given the leaf that the cuts lead it to and its side of it.

    Up the nodes that x is outside of, which all end at the leaf; then down again to the first where the chance of
    having come past all so far falls below `place`. Returns the other end of that node, or the leaf; how many of those
    nodes are not above it; and how many there are. Their rows are on the path.
    """
    numbers, ids = line.numbers, line.ids
    value, above, row = numbers[line.value + leaf], 0, leaf - right
    beyond, passed = abs(x - value), 1.0
    near = hole if leaf == beside else leaf  # what ended at the hole ends here
    while True:
        row -= right & int(row == hole)  # there is a copy of the node
        at = line.span + 2 * row
        if ids[at + right] != leaf and ids[at + right] != near:
            break
        ids[line.path + above] = row
        above += 1
        end = id_at(ids, at + 1 - right)
        row = (beside if end == hole else end) - right
    below = above
    while below > 0:
        end = id_at(ids, line.span + 2 * id_at(ids, line.path + below - 1) + 1 - right)
        end = beside if end == hole else end
        sides = abs(value - numbers[line.value + end])
        passed *= sides / (sides + beyond)
        if passed < place:
            return end, below, above
        below -= 1
    return leaf, 0, above


@inlined
def insert(line: Line, x: float, place: float, where: float, leaf: int, hole: int, beside: int) -> None:
    """Add x; see `tree.insert`. `place` and `where` are uniform numbers.

    `leaf` is the one that the cuts lead x to; `hole` and `beside` are what `forget` gave, or -1.
    """
    numbers, ids = line.numbers, line.ids
    leaves = id_at(ids, line.leaves)
    if leaves == 0:
        ids[line.leaves], ids[line.depth], ids[line.mass] = 1, 0, 1
        numbers[line.value] = x
        return
    value = numbers[line.value + leaf]
    if value == x:
        ids[line.mass + leaf] += 1
        if hole >= 0:
            _close(line, hole, beside, leaves - 1)
            ids[line.leaves] = leaves - 1
            numbers[line.cut + leaves - 1] = np.inf
            update_guide(line)
        return
    if hole < 0:
        hole = leaves
        ids[line.leaves] = leaves + 1
    right = int(x > value)
    end, below, above = _cut_off(line, leaf, x, right, place, hole, beside)
    depth = id_at(ids, line.depth + leaf) + 1 - below
    add(ids, line.depth + min(leaf, end), abs(end - leaf) + 1, 1)
    new = leaf + right - int(hole < leaf + right)
    _close(line, hole, beside, new)
    leaf, end = new + 1 - 2 * right, _moved(end, hole, new)
    if right:
        _copy_node(line, leaf, new)  # a node is in the row of the leaf to its left
    low, high = min(value, x), max(value, x)
    row = leaf if right else new
    numbers[line.cut + row] = cut_between(low, high, (high - low) * where)
    ids[line.span + 2 * row + 1 - right], ids[line.span + 2 * row + right] = end, new
    for i in range(below, above):
        row = _moved(id_at(ids, line.path + i), hole, new)
        ids[line.span + 2 * row + right] = new
    numbers[line.value + new] = x
    ids[line.depth + new], ids[line.mass + new] = depth, 1
    update_guide(line)


@inlined
def forget(line: Line, value: float) -> tuple[int, int]:
    """Take one record of a value, and its leaf from the tree when that was its last; see `tree.forget`.

    Returns the row that is then free, and the leaf that the cuts now lead to what they led there; or twice -1. `insert`
    takes the row, moving only the rows between. Until then it has a copy of the node in the row before it.
    """
    ids = line.ids
    leaves, leaf = id_at(ids, line.leaves), search(line, value)
    ids[line.mass + leaf] -= 1
    if ids[line.mass + leaf] > 0 or leaves == 1:
        ids[line.leaves] = leaves - int(ids[line.mass + leaf] == 0)
        return -1, -1
    # A leaf at which the node to its right begins is the left child of that, else the right one of the node to its left
    left = int(ids[line.span + 2 * leaf] == leaf)
    row = leaf - 1 + left
    end = id_at(ids, line.span + 2 * row + left)  # of the sibling, which begins beside the leaf
    beside = leaf + 2 * left - 1
    add(ids, line.depth + min(beside, end), abs(end - beside) + 1, -1)
    # Row -1 has a span only; as a cut, row 0 here has what nobody looks at before `insert` has taken the row.
    # What ended at the leaf ends beside it, as soon as `insert` renumbers
    _copy_node(line, leaf - left, leaf - 1 + left)
    return leaf, beside


@part
def take(line: Line, sample: Reservoir, number: int, priority: float, points: Any, x: int) -> None:
    """Add a record that the sample accepts, the value at `x`."""
    value, slot, hole, beside = points[x], number, -1, -1
    leaf = search(line, value)
    if number >= sample.samples:
        slot = worst_slot(sample)
        hole, beside = forget(line, worst_entry(sample))
        leaf = beside if leaf == hole else leaf
    place, where = uniform(sample.start, number, PLACE), uniform(sample.start, number, WHERE)
    insert(line, value, place, where, leaf, hole, beside)
    put_entry(sample, slot, priority, number, value)
