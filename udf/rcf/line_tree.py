"""Insert a value into a tree on a line, forget one, as `tree` does it over more coordinates."""

from typing import Any

from .compiling import inlined, part
from .cutting import cut_between
from .line import Line, end_of, id_at, level_at, search, sides_of, update_guide
from .line_vectors import add, move_back, move_forth, rows_above
from .reservoir import Reservoir, put_entry, worst_entry, worst_slot
from .streams import PLACE, WHERE, uniform


@inlined
def _copy_node(line: Line, source: int, to: int) -> None:
    """Make the node of one row that of another, too."""
    line.numbers[line.cut + to] = line.numbers[line.cut + source]
    line.ids[line.level + to] = line.ids[line.level + source]


@inlined
def _close(line: Line, hole: int, new: int) -> None:
    """Move the rows between a hole and `new` by one, so that the hole is at `new`."""
    numbers, ids = line.numbers, line.ids
    if hole < new:
        move_back(hole, new - hole, numbers, line.cut, numbers, line.value, ids, line.level, ids, line.mass)
    else:
        move_forth(new + 1, hole - new, numbers, line.cut, numbers, line.value, ids, line.level, ids, line.mass)


@inlined
def _cut_off(line: Line, leaf: int, x: float, right: int, place: float) -> tuple[int, int]:
    """Where x is cut off, given the leaf that the cuts lead it to and its side of it: level, and end of what is below.

    Down the nodes that x is outside of, which all end at the leaf, to the first where the chance of having come past
    all so far falls below `place`: the new node takes its level. Or else past the leaf.
    """
    depth, level = sides_of(line, leaf, right)
    value, passed = line.numbers[line.value + leaf], 1.0
    beyond = abs(x - value)
    while level < depth:
        level += 1
        end = end_of(line, leaf, right, level)
        sides = abs(value - line.numbers[line.value + end])
        passed *= sides / (sides + beyond)
        if passed < place:
            return level, end
    return level + 1, leaf


@inlined
def insert(line: Line, x: float, place: float, where: float, leaf: int, hole: int) -> None:
    """Add x; see `tree.insert`. `place` and `where` are uniform numbers.

    `leaf` is the one that the cuts lead x to; `hole` is what `forget` gave, or -1.
    """
    numbers, ids = line.numbers, line.ids
    leaves = id_at(ids, line.leaves)
    if leaves == 0:
        ids[line.leaves], ids[line.level], ids[line.mass] = 1, 0, 1
        numbers[line.value] = x
        return
    value = numbers[line.value + leaf]
    if value == x:
        ids[line.mass + leaf] += 1
        if hole >= 0:
            _close(line, hole, leaves - 1)
            ids[line.leaves] = leaves - 1
            update_guide(line)
        return
    if hole < 0:
        hole = leaves
        ids[line.leaves] = leaves + 1
    right = int(x > value)
    level, end = _cut_off(line, leaf, x, right, place)
    add(ids, line.level + min(leaf, end), abs(end - leaf), 1)
    new = leaf + right - int(hole < leaf + right)
    _close(line, hole, new)
    row = new - right  # a node is in the row of the leaf to its left
    _copy_node(line, row, row + right)
    low, high = min(value, x), max(value, x)
    numbers[line.cut + row] = cut_between(low, high, (high - low) * where)
    ids[line.level + row] = level
    numbers[line.value + new], ids[line.mass + new] = x, 1
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
    # The node above the leaf goes, the lower of those beside it; what is below that on the other side comes up
    before, after = level_at(line, leaf - 1), level_at(line, leaf)
    left = int(after > before)
    beside = leaf - 1 + 2 * left
    rows = rows_above(ids, line.level + beside, 1 - left, max(before, after))
    add(ids, line.level + beside - rows * (1 - left), rows, -1)
    # As a cut, row -1 has what nobody looks at before `insert` has taken the row
    _copy_node(line, leaf - left, leaf - 1 + left)
    return leaf, beside


@part
def take(line: Line, sample: Reservoir, number: int, priority: float, points: Any, x: int, leaf: int) -> None:
    """Add a record that the sample accepts, the value at `x`; the cuts lead it to `leaf`, if that is not -1."""
    value, slot, hole, beside = points[x], number, -1, -1
    old = 0.0
    leaf = search(line, value) if leaf < 0 else leaf
    full = number >= sample.samples
    if full:
        slot, old = worst_slot(sample), worst_entry(sample)
    put_entry(sample, slot, priority, number, value)
    if full:
        hole, beside = forget(line, old)
        leaf = beside if leaf == hole else leaf
    place, where = uniform(sample.start, number, PLACE), uniform(sample.start, number, WHERE)
    insert(line, value, place, where, leaf, hole)
