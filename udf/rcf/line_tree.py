"""Insert a value into a tree on a line, forget one, as `tree` does it over more coordinates."""

import numpy as np

from .compiling import inlined
from .cutting import cut_between
from .instructions import move_words
from .line import (
    BOX,
    CUT,
    FREE_NODE,
    LEAVES,
    LEVEL,
    MASS,
    NODE,
    PARENT,
    PATH,
    ROW,
    ROW_IDS,
    VALUE,
    WORDS,
    Line,
    id_at,
    ids_of_row,
    row_of,
    search,
    single,
    up,
)
from .line_walk import outside_of


@inlined
def _deepen(line: Line, leaf: int, right: bool, low: float, high: float, by: int) -> None:
    """Change the depths of the leaves within [low, high], from `leaf` on to one side."""
    leaves = id_at(line.ids, single(line, LEAVES))
    while 0 <= leaf < leaves and low <= line.numbers[row_of(line, leaf) + VALUE] <= high:
        line.ids[ids_of_row(line, leaf) + LEVEL] += by
        leaf += 1 if right else -1


@inlined
def _cut_off(line: Line, leaf: int, x: float, place: float) -> tuple[int, int, float, float]:
    """Where x is cut off, given the leaf that the cuts lead it to: the node, -1 for the leaf; its depth, low and high.

    Up to the lowest box that holds x; then the first of the nodes below where the chance of having come past all so far
    falls below `place`. The boxes above it grow.
    """
    numbers, ids = line.numbers, line.ids
    row = row_of(line, leaf)
    node, depth = id_at(ids, 4 * row + PARENT), id_at(ids, 4 * row + LEVEL)
    path, above, passed = (4 * WORDS + PATH) * line.samples, 0, 1.0
    while above < depth and outside_of(line, node, x) > 0.0:
        ids[path + above] = node
        above += 1
        node = id_at(ids, up(line, node))
    while above > 0:
        above -= 1
        node = id_at(ids, path + above)
        box = BOX * line.samples + 2 * node
        low, high = numbers[box], numbers[box + 1]
        sides = high - low
        passed *= sides / (sides + max(low - x, x - high))
        if passed < place:
            return node, depth - above - 1, low, high
        numbers[box], numbers[box + 1] = min(low, x), max(high, x)
    value = numbers[row + VALUE]
    return -1, depth, value, value


@inlined
def _new_row(line: Line, leaf: int, right: bool, hole: int, cut: float, top: int) -> int:
    """A row beside that of a leaf, with the cut of node `top` between the two: the new row."""
    numbers, ids = line.numbers, line.ids
    row, at, new = row_of(line, leaf), ids_of_row(line, leaf), leaf + int(right)
    after_cut, after_node = numbers[row + CUT], ids[at + NODE]
    if hole < 0:
        hole = id_at(ids, single(line, LEAVES))
        ids[single(line, LEAVES)] = hole + 1
    if hole < new:
        new -= 1
        move_words(numbers, row_of(line, hole), row_of(line, hole + 1), ROW * (new - hole))
    else:
        move_words(numbers, row_of(line, new + 1), row_of(line, new), ROW * (hole - new))
    # A row has the cut to its right
    row, at = row_of(line, new), ids_of_row(line, new)
    if right:
        numbers[row + CUT], ids[at + NODE] = after_cut, after_node
        row, at = row - ROW, at - ROW_IDS
    numbers[row + CUT], ids[at + NODE] = cut, top
    return new


@inlined
def insert(line: Line, x: float, place: float, where: float, leaf: int, hole: int) -> None:
    """Add x; see `tree.insert`. `place` and `where` are uniform numbers.

    `leaf` is what `find_and_score` gave, or -1; `hole` is what `forget`, called in between, gave, or -1.
    """
    numbers, ids = line.numbers, line.ids
    leaves = id_at(ids, single(line, LEAVES))
    if leaves == 0:
        ids[single(line, LEAVES)] = 1
        numbers[row_of(line, 0) + VALUE] = x
        ids[ids_of_row(line, 0) + LEVEL], ids[ids_of_row(line, 0) + MASS] = 0, 1
        return
    if leaf == hole:  # also where both are -1
        leaf = search(line, leaves - 1, x)
    at, value = ids_of_row(line, leaf), numbers[row_of(line, leaf) + VALUE]
    if value == x:
        ids[at + MASS] += 1
        if hole >= 0:
            move_words(numbers, row_of(line, hole), row_of(line, hole + 1), ROW * (leaves - 1 - hole))
            ids[single(line, LEAVES)] = leaves - 1
        return
    node, depth, low, high = _cut_off(line, leaf, x, place)
    top = id_at(ids, single(line, FREE_NODE))
    ids[single(line, FREE_NODE)] = ids[up(line, top)]
    below = up(line, node) if node >= 0 else at + PARENT
    ids[up(line, top)] = ids[below] if depth > 0 else top
    ids[below] = top
    box = BOX * line.samples + 2 * top
    numbers[box], numbers[box + 1] = min(low, x), max(high, x)
    right = x > value
    cut = cut_between(value, x, (x - value) * where) if right else cut_between(x, value, (value - x) * where)
    new = _new_row(line, leaf, right, hole, cut, top)
    at = ids_of_row(line, new)
    numbers[row_of(line, new) + VALUE] = x
    ids[at + LEVEL], ids[at + MASS], ids[at + PARENT] = depth + 1, 1, top
    _deepen(line, new - 1 if right else new + 1, not right, low, high, 1)


@inlined
def forget(line: Line, value: float) -> int:
    """Take one record of a value, and its leaf from the tree when that was its last; see `tree.forget`.

    Returns the row that is then free, or -1: `insert` takes it, moving only the rows between. Until then the row has
    the same cut as the one before it, so that no search ends there.
    """
    numbers, ids = line.numbers, line.ids
    leaves = id_at(ids, single(line, LEAVES))
    leaf = search(line, leaves - 1, value)
    row, at = row_of(line, leaf), ids_of_row(line, leaf)
    ids[at + MASS] -= 1
    if ids[at + MASS] > 0 or leaves == 1:
        ids[single(line, LEAVES)] = leaves - int(ids[at + MASS] == 0)
        return -1
    top = id_at(ids, at + PARENT)
    above, box = id_at(ids, up(line, top)), BOX * line.samples + 2 * top
    left = leaf < leaves - 1 and ids[at + NODE] == top
    sibling = leaf + 1 if left else leaf - 1
    hangs = ids_of_row(line, sibling) + PARENT
    while ids[hangs] != top:
        node = id_at(ids, hangs)
        hangs = up(line, node)
    # Where the sibling becomes the root it is its own parent; of a leaf, depth 0 says so
    is_root, is_leaf = above == top, hangs == ids_of_row(line, sibling) + PARENT
    ids[hangs] = above if not is_root or is_leaf else hangs - up(line, 0)
    _deepen(line, sibling, left, numbers[box], numbers[box + 1], -1)
    while not is_root:
        box = BOX * line.samples + 2 * above
        if numbers[box] == value:
            numbers[box] = numbers[row + ROW + VALUE]
        elif numbers[box + 1] == value:
            numbers[box + 1] = numbers[row - ROW + VALUE]
        else:
            break
        is_root = ids[up(line, above)] == above
        above = id_at(ids, up(line, above))
    ids[up(line, top)] = ids[single(line, FREE_NODE)]
    ids[single(line, FREE_NODE)] = top
    if leaf == 0:
        numbers[row + CUT] = numbers[row + VALUE] = -np.inf
        return leaf
    if not left:
        numbers[row - ROW + CUT] = numbers[row + CUT] if leaf < leaves - 1 else np.inf
        ids[at - ROW_IDS + NODE] = ids[at + NODE]
    numbers[row + CUT], numbers[row + VALUE] = numbers[row - ROW + CUT], numbers[row - ROW + VALUE]
    return leaf
