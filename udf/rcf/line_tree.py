"""Insert a value into a tree on a line, forget one, as `tree` does it over more coordinates."""

from typing import Any

import numpy as np

from .compiling import inlined, part
from .cutting import cut_between
from .line import Line, end_of, id_at, level_at, search, sides_of, update_guide
from .line_vectors import BLOCK, add, by_chance, rows_above, shift
from .reservoir import Reservoir, put_entry, worst_entry, worst_slot
from .streams import PLACE, WHERE, uniform


@inlined
def _copy_node(line: Line, source: int, to: int) -> None:
    """Make the node of one row that of another, too."""
    line.numbers[line.cut + to] = line.numbers[line.cut + source]
    line.ids[line.level + to] = line.ids[line.level + source]


@inlined
def _open(line: Line, row: int) -> int:
    """Make a row free, or the one before it, which is then in its place; returns which.

    The rows up to the nearest free one move; which side that is on is chance, and no branch.
    """
    numbers, ids = line.numbers, line.ids
    ahead, behind = rows_above(ids, line.mass + row, 0, 0), rows_above(ids, line.mass + row, 1, 0)
    forth = by_chance(int(row + ahead < line.rows and (ahead <= behind or row == behind)))
    count = behind + forth * (ahead - behind)
    first = row - 1 - behind + forth * (behind + 2)
    done = 0
    while True:
        some = min(count - done, BLOCK)
        at = first + done + forth * (count - some - 2 * done)
        shift(at, some, 2 * forth - 1, numbers, line.cut, numbers, line.value, ids, line.level, ids, line.mass)
        done += some
        if done >= count:
            break
    update_guide(line, first - forth, first + count - forth)
    return row - 1 + forth


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
def insert(line: Line, x: float, place: float, where: float, leaf: int) -> None:
    """Add x, given the leaf that the cuts lead it to; see `tree.insert`. `place` and `where` are uniform numbers."""
    numbers, ids = line.numbers, line.ids
    value, leaves = numbers[line.value + leaf], id_at(ids, line.leaves)
    if leaves == 0 or value == x:
        ids[line.leaves] = max(leaves, 1)
        ids[line.mass + leaf] += 1
        numbers[line.value + leaf] = x
        return
    ids[line.leaves] = leaves + 1
    right = by_chance(int(x > value))
    level, end = _cut_off(line, leaf, x, right, place)
    add(ids, line.level + min(leaf, end), abs(end - leaf), 1)
    new = _open(line, leaf + right)
    row = new - right  # a node is in the row of the leaf to its left
    _copy_node(line, row, row + right)
    low, high = min(value, x), max(value, x)
    numbers[line.cut + row] = cut_between(low, high, (high - low) * where)
    ids[line.level + row] = level
    numbers[line.value + new], ids[line.mass + new] = x, 1
    update_guide(line, row, new)


@inlined
def forget(line: Line, value: float) -> int:
    """Take one record of a value, and its leaf from the tree when that was its last; see `tree.forget`.

    Returns the row that is then free, or -1.
    """
    numbers, ids = line.numbers, line.ids
    leaves, leaf = id_at(ids, line.leaves), search(line, value)
    ids[line.mass + leaf] -= 1
    if ids[line.mass + leaf] > 0:
        return -1
    ids[line.leaves] = leaves - 1
    if leaves == 1:
        return leaf
    # The node above the leaf goes, the lower of those beside it; what is below that on the other side comes up
    before, after = level_at(line, leaf - 1), level_at(line, leaf)
    right = by_chance(int(after < before))
    end = end_of(line, leaf, right, max(before, after))
    add(ids, line.level + min(leaf, end), abs(end - leaf), -1)
    # In its rows there is now the node on the other side of the leaf
    gone = numbers[line.cut + leaf - right]
    cut = numbers[line.cut + leaf - 1 + right] if leaf - 1 + right >= 0 else -np.inf
    row, step = leaf - right, 1 - 2 * right
    while row >= 0 and numbers[line.cut + row] == gone:
        numbers[line.cut + row], ids[line.level + row] = cut, min(before, after)
        row += step
    update_guide(line, min(leaf - right, row - step), max(leaf, row - step))
    return leaf


@part
def take(line: Line, sample: Reservoir, number: int, priority: float, points: Any, x: int) -> None:
    """Add a record that the sample accepts, the value at `x`."""
    value, slot, leaf, old = points[x], number, search(line, points[x]), 0.0
    full = number >= sample.samples
    if full:
        slot, old = worst_slot(sample), worst_entry(sample)
    put_entry(sample, slot, priority, number, value)  # at first, since who goes next is long in coming
    if full and forget(line, old) == leaf:
        leaf = search(line, value)
    place, where = uniform(sample.start, number, PLACE), uniform(sample.start, number, WHERE)
    insert(line, value, place, where, leaf)
