"""Insert a value into a tree on a line, forget one, as `tree` does it over more coordinates."""

import numpy as np

from .compiling import inlined
from .cutting import cut_between
from .line import Line, id_at, search
from .line_vectors import add, move_back, move_forth, renumber


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
def _close(line: Line, hole: int, new: int) -> None:
    """Move the rows between a hole and `new` by one, so that the hole is at `new`."""
    numbers, ids = line.numbers, line.ids
    rows = id_at(ids, line.leaves)
    if hole < new:
        count = new - hole
        renumber(ids, line.span, 2 * rows, hole + 1, new, -1)
        move_back(numbers, line.cut + hole, count, 1)
        move_back(numbers, line.value + hole, count, 1)
        move_back(ids, line.span + 2 * hole, 2 * count, 2)
        move_back(ids, line.depth + hole, count, 1)
        move_back(ids, line.mass + hole, count, 1)
    elif hole > new:
        count = hole - new
        renumber(ids, line.span, 2 * rows, new, hole - 1, 1)
        move_forth(numbers, line.cut + new + 1, count, 1)
        move_forth(numbers, line.value + new + 1, count, 1)
        move_forth(ids, line.span + 2 * new + 2, 2 * count, 2)
        move_forth(ids, line.depth + new + 1, count, 1)
        move_forth(ids, line.mass + new + 1, count, 1)


@inlined
def _cut_off(line: Line, leaf: int, x: float, right: int, place: float, hole: int) -> tuple[int, int, int, int]:
    """Where x is cut off, given the leaf that the cuts lead it to and its side of it.

    Up the nodes that x is outside of, which all end at the leaf; then down again to the first where the chance of having
    come past all so far falls below `place`. Returns the other end of that node, or the leaf; how many of those nodes
    are not above it; and how many there are. Their rows are on the path.
    """
    numbers, ids = line.numbers, line.ids
    value, above, row = numbers[line.value + leaf], 0, leaf - right
    beyond, passed = abs(x - value), 1.0
    while True:
        row -= int(right and row == hole)  # there is a copy of the node
        at = line.span + 2 * row
        if ids[at + right] != leaf:
            break
        ids[line.path + above] = row
        above += 1
        row = id_at(ids, at + 1 - right) - right
    below = above
    while below > 0:
        end = id_at(ids, line.span + 2 * id_at(ids, line.path + below - 1) + 1 - right)
        sides = abs(value - numbers[line.value + end])
        passed *= sides / (sides + beyond)
        if passed < place:
            return end, below, above
        below -= 1
    return leaf, 0, above


@inlined
def insert(line: Line, x: float, place: float, where: float, leaf: int, hole: int) -> None:
    """Add x; see `tree.insert`. `place` and `where` are uniform numbers.

    `leaf` is what `find_and_score` gave, or -1; `hole` is what `forget`, called in between, gave, or -1.
    """
    numbers, ids = line.numbers, line.ids
    leaves = id_at(ids, line.leaves)
    if leaves == 0:
        ids[line.leaves], ids[line.depth], ids[line.mass] = 1, 0, 1
        numbers[line.value] = x
        return
    if leaf == hole:  # also where both are -1
        leaf = search(line, x)
    value = numbers[line.value + leaf]
    if value == x:
        ids[line.mass + leaf] += 1
        if hole >= 0:
            _close(line, hole, leaves - 1)
            ids[line.leaves] = leaves - 1
            numbers[line.cut + leaves - 1] = np.inf
        return
    if hole < 0:
        hole = leaves
        ids[line.leaves] = leaves + 1
    right = int(x > value)
    end, below, above = _cut_off(line, leaf, x, right, place, hole)
    depth = id_at(ids, line.depth + leaf) + 1 - below
    add(ids, line.depth + min(leaf, end), abs(end - leaf) + 1, 1)
    new = leaf + right - int(hole < leaf + right)
    _close(line, hole, new)
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


@inlined
def forget(line: Line, value: float) -> int:
    """Take one record of a value, and its leaf from the tree when that was its last; see `tree.forget`.

    Returns the row that is then free, or -1: `insert` takes it, moving only the rows between. Until then it has a copy
    of the node in the row before it, so that no search ends there.
    """
    numbers, ids = line.numbers, line.ids
    leaves, leaf = id_at(ids, line.leaves), search(line, value)
    ids[line.mass + leaf] -= 1
    if ids[line.mass + leaf] > 0 or leaves == 1:
        ids[line.leaves] = leaves - int(ids[line.mass + leaf] == 0)
        return -1
    # A leaf at which the node to its right begins is the left child of that, else the right one of the node to its left
    left = int(ids[line.span + 2 * leaf] == leaf)
    row = leaf - 1 + left
    end = id_at(ids, line.span + 2 * row + left)  # of the sibling, which begins beside the leaf
    beside = leaf + 2 * left - 1
    add(ids, line.depth + min(beside, end), abs(end - beside) + 1, -1)
    row = end - 1 + left
    while ids[line.span + 2 * row + 1 - left] == leaf:
        ids[line.span + 2 * row + 1 - left] = beside
        row = id_at(ids, line.span + 2 * row + left) - 1 + left
    if left:
        _copy_node(line, leaf - 1, leaf)
        if leaf == 0:
            numbers[line.cut] = -np.inf
    else:
        _copy_node(line, leaf, leaf - 1)
    return leaf
