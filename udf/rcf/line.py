"""Trees over one coordinate: the points of the sample and the cuts between them, both in order.

A tree of cuts on a line is a search tree, so its leaves and its cuts have the order of the line: between each two
neighbouring leaves lies the cut of one inner node. Kept as one sorted table, the leaf that the cuts lead a point to is
found by a binary search: fewer steps than the tree is deep, and none of them a branch. What the tree adds to the order
is the box and the parent of each inner node, and the depth of each leaf.

    leaf      0       1         2    3           table row: cut, leaf │ depth, mass, parent of the leaf; node of the cut
    cut         │       ┆          │
                0.5     0.7        2.1

The functions here do for a line what `arrays`, `tree` and `walk` do for more coordinates, with the same random numbers
and, bit for bit, the same results.
"""

from typing import Any, NamedTuple

import numpy as np

from .arrays import ENTRY, Floats, Integers, floats_at, ids_at
from .compiling import inlined
from .cutting import cut_between
from .instructions import if_below, move_words
from .parameters import Parameters
from .scoring import DEPTH, RECIPROCAL, WEIGHT

# Sections of floats, in units of S, the sample size. The sorted table has rows of three words: the cut to the right of
# a leaf, the leaf's value, and four ids.
TABLE = 3  # after the reservoir, which is as in `arrays`
BOX = 6  # of an inner node: low and high at 2 id and 2 id + 1
WORDS = 8
# Then ids: parents of the inner nodes (the root's is itself; free nodes are linked here), a scratch path, two singles.
UP = 0
PATH = 1
IDS = 2
LEAVES, FREE_NODE = range(2)
_SINGLES = 2

_ROW, _ROW_IDS = 3, 12
_CUT, _VALUE = 0, 1
_LEVEL, _MASS, _PARENT, _NODE = 8, 9, 10, 11  # ids of a row, counted in ids from its start


class Line(NamedTuple):
    """A tree over one coordinate as the parts of a kernel get it."""

    numbers: Any  # float64 by offset
    ids: Any  # uint16 by offset, from the start of the block
    samples: int


def words(parameters: Parameters) -> int:
    """Words of a tree."""
    return WORDS * parameters.sample_size + (IDS * parameters.sample_size + _SINGLES + 3) // 4


def empty_blocks(parameters: Parameters) -> Floats:
    """Blocks of trees that hold nothing: (num_trees, words) float64."""
    samples = parameters.sample_size
    block = np.zeros(words(parameters))
    block[WORDS * samples :].view(np.uint16)[:samples] = np.arange(1, samples + 1)
    return np.tile(block, (parameters.num_trees, 1))


def leaf_counts(blocks: Floats, parameters: Parameters) -> Integers:
    """The number of leaves of each tree."""
    singles = blocks[:, WORDS * parameters.sample_size :].view(np.uint16)
    return singles[:, IDS * parameters.sample_size + LEAVES].astype(np.int64)


def points_of(blocks: Floats, parameters: Parameters, entries: Integers, size: int) -> Floats:
    """The points of entries of the reservoirs, (n, 1), numbered through all trees with `size` entries each."""
    tree, entry = np.divmod(entries, max(size, 1))
    return blocks[tree, ENTRY * parameters.sample_size + entry][:, np.newaxis]


@inlined
def line_at(address: int, tree: int, samples: int) -> Line:
    """One tree of the blocks at an address."""
    block = address + 8 * tree * (WORDS * samples + (IDS * samples + _SINGLES + 3) // 4)
    return Line(floats_at(block), ids_at(block), samples)


@inlined
def _id(ids: Any, at: int) -> int:
    return np.int64(ids[at])  # type: ignore[return-value] # numba's int() would leave it unsigned, and sums with it floats


@inlined
def single(line: Line, which: int) -> int:
    """Where a single id lies in the ids."""
    return (4 * WORDS + IDS) * line.samples + which


@inlined
def up(line: Line, node: int) -> int:
    """Where the parent of an inner node lies in the ids."""
    return (4 * WORDS + UP) * line.samples + node


@inlined
def _row(line: Line, leaf: int) -> int:
    return TABLE * line.samples + _ROW * leaf


@inlined
def _ids_of_row(line: Line, leaf: int) -> int:
    return 4 * TABLE * line.samples + _ROW_IDS * leaf


@inlined
def _search(line: Line, cuts: int, x: float) -> int:
    """The leaf that the cuts lead x to: how many of them are below it."""
    start = at = TABLE * line.samples + _CUT
    while cuts > 0:
        half = _ROW * ((cuts + 1) >> 1)
        at += if_below(line.numbers[at + half - _ROW], x, half)
        cuts >>= 1
    return (at - start) // _ROW


@inlined
def _outside(line: Line, node: int, x: float) -> float:
    box = BOX * line.samples + 2 * node
    return max(line.numbers[box] - x, x - line.numbers[box + 1], 0.0)


@inlined
def _at_leaf(line: Line, x: float, table: Any, row: int, depth: int) -> float:
    if line.numbers[row + _VALUE] != x:
        return table[3 * (depth + 1) + RECIPROCAL]
    mass = 3 * _id(line.ids, 4 * row + _MASS)
    return table[mass + WEIGHT] / (depth + table[mass + DEPTH])


@inlined
def _step(line: Line, x: float, table: Any, node: int, depth: int, score: float) -> tuple[int, int, float, float]:
    """From a child at a depth to its parent `node`: that node's parent and depth, the score there, how far outside."""
    box = BOX * line.samples + 2 * node
    low, high = line.numbers[box], line.numbers[box + 1]
    beyond = max(low - x, x - high, 0.0)
    beyond = beyond if depth > 0 else 0.0
    separated = beyond / (beyond + (high - low))
    score += separated * (table[3 * depth + RECIPROCAL] - score)
    return _id(line.ids, up(line, node)), max(depth - 1, 0), score, beyond


@inlined
def find_and_score(line: Line, x: float, table: Any) -> tuple[int, float]:
    """The leaf that the cuts lead x to, and the score of x."""
    leaves = _id(line.ids, single(line, LEAVES))
    leaf = _search(line, leaves - 1, x)
    row = _row(line, leaf)
    depth, node = _id(line.ids, 4 * row + _LEVEL), _id(line.ids, 4 * row + _PARENT)
    score = _at_leaf(line, x, table, row, depth)
    beyond = 1.0
    while depth > 0 and beyond > 0.0:
        node, depth, score, beyond = _step(line, x, table, node, depth, score)
    return leaf, score


@inlined
def add_scores(line: Line, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> None:
    """Add to scores[begin:end] the scores of those points, four side by side: steps wait for memory, divisions."""
    last, leaves = end - 1, _id(line.ids, single(line, LEAVES))
    start, numbers = TABLE * line.samples + _CUT, line.numbers
    if (end - begin) % 4 == 1:
        scores[last] += find_and_score(line, points[last], table)[1]
    for i in range(begin, last, 4):
        j, k, m = i + 1, min(i + 2, last), min(i + 3, last)
        x, y, z, w = points[i], points[j], points[k], points[m]
        a = b = c = d = start
        cuts = leaves - 1
        while cuts > 0:
            half = _ROW * ((cuts + 1) >> 1)
            a += if_below(numbers[a + half - _ROW], x, half)
            b += if_below(numbers[b + half - _ROW], y, half)
            c += if_below(numbers[c + half - _ROW], z, half)
            d += if_below(numbers[d + half - _ROW], w, half)
            cuts >>= 1
        at_a, at_b, at_c, at_d = 4 * a, 4 * b, 4 * c, 4 * d
        depth_a, depth_b = _id(line.ids, at_a + _LEVEL), _id(line.ids, at_b + _LEVEL)
        depth_c, depth_d = _id(line.ids, at_c + _LEVEL), _id(line.ids, at_d + _LEVEL)
        score_a, score_b = _at_leaf(line, x, table, a, depth_a), _at_leaf(line, y, table, b, depth_b)
        score_c, score_d = _at_leaf(line, z, table, c, depth_c), _at_leaf(line, w, table, d, depth_d)
        a, b = _id(line.ids, at_a + _PARENT), _id(line.ids, at_b + _PARENT)
        c, d = _id(line.ids, at_c + _PARENT), _id(line.ids, at_d + _PARENT)
        beyond = 1.0 if leaves > 1 else 0.0
        while beyond > 0.0:
            a, depth_a, score_a, beyond_a = _step(line, x, table, a, depth_a, score_a)
            b, depth_b, score_b, beyond_b = _step(line, y, table, b, depth_b, score_b)
            c, depth_c, score_c, beyond_c = _step(line, z, table, c, depth_c, score_c)
            d, depth_d, score_d, beyond_d = _step(line, w, table, d, depth_d, score_d)
            beyond = max(beyond_a, beyond_b, beyond_c, beyond_d)
        scores[i] += score_a
        scores[j] += score_b
        if k > j:
            scores[k] += score_c
        if m > k:
            scores[m] += score_d


@inlined
def _deepen(line: Line, leaf: int, right: bool, low: float, high: float, by: int) -> None:
    """Change the depths of the leaves within [low, high], from `leaf` on to one side."""
    leaves = _id(line.ids, single(line, LEAVES))
    while 0 <= leaf < leaves and low <= line.numbers[_row(line, leaf) + _VALUE] <= high:
        line.ids[_ids_of_row(line, leaf) + _LEVEL] += by
        leaf += 1 if right else -1


@inlined
def _cut_off(line: Line, leaf: int, x: float, place: float) -> tuple[int, int, float, float]:
    """Where x is cut off, given the leaf that the cuts lead it to: the node, -1 for the leaf; its depth, low and high.

    Up to the lowest box that holds x; then the first of the nodes below where the chance of having come past all so far
    falls below `place`. The boxes above it grow.
    """
    numbers, ids = line.numbers, line.ids
    row = _row(line, leaf)
    node, depth = _id(ids, 4 * row + _PARENT), _id(ids, 4 * row + _LEVEL)
    path, above, passed = (4 * WORDS + PATH) * line.samples, 0, 1.0
    while above < depth and _outside(line, node, x) > 0.0:
        ids[path + above] = node
        above += 1
        node = _id(ids, up(line, node))
    while above > 0:
        above -= 1
        node = _id(ids, path + above)
        box = BOX * line.samples + 2 * node
        low, high = numbers[box], numbers[box + 1]
        sides = high - low
        passed *= sides / (sides + max(low - x, x - high))
        if passed < place:
            return node, depth - above - 1, low, high
        numbers[box], numbers[box + 1] = min(low, x), max(high, x)
    value = numbers[row + _VALUE]
    return -1, depth, value, value


@inlined
def _new_row(line: Line, leaf: int, right: bool, hole: int, cut: float, top: int) -> int:
    """A row beside that of a leaf, with the cut of node `top` between the two: the new row."""
    numbers, ids = line.numbers, line.ids
    row, at, new = _row(line, leaf), _ids_of_row(line, leaf), leaf + int(right)
    after_cut, after_node = numbers[row + _CUT], ids[at + _NODE]
    if hole < 0:
        hole = _id(ids, single(line, LEAVES))
        ids[single(line, LEAVES)] = hole + 1
    if hole < new:
        new -= 1
        move_words(numbers, _row(line, hole), _row(line, hole + 1), _ROW * (new - hole))
    else:
        move_words(numbers, _row(line, new + 1), _row(line, new), _ROW * (hole - new))
    # A row has the cut to its right
    row, at = _row(line, new), _ids_of_row(line, new)
    if right:
        numbers[row + _CUT], ids[at + _NODE] = after_cut, after_node
        row, at = row - _ROW, at - _ROW_IDS
    numbers[row + _CUT], ids[at + _NODE] = cut, top
    return new


@inlined
def insert(line: Line, x: float, place: float, where: float, leaf: int, hole: int) -> None:
    """Add x; see `tree.insert`. `place` and `where` are uniform numbers.

    `leaf` is what `find_and_score` gave, or -1; `hole` is what `forget`, called in between, gave, or -1.
    """
    numbers, ids = line.numbers, line.ids
    leaves = _id(ids, single(line, LEAVES))
    if leaves == 0:
        ids[single(line, LEAVES)] = 1
        numbers[_row(line, 0) + _VALUE] = x
        ids[_ids_of_row(line, 0) + _LEVEL], ids[_ids_of_row(line, 0) + _MASS] = 0, 1
        return
    if leaf == hole:  # also where both are -1
        leaf = _search(line, leaves - 1, x)
    at, value = _ids_of_row(line, leaf), numbers[_row(line, leaf) + _VALUE]
    if value == x:
        ids[at + _MASS] += 1
        if hole >= 0:
            move_words(numbers, _row(line, hole), _row(line, hole + 1), _ROW * (leaves - 1 - hole))
            ids[single(line, LEAVES)] = leaves - 1
        return
    node, depth, low, high = _cut_off(line, leaf, x, place)
    top = _id(ids, single(line, FREE_NODE))
    ids[single(line, FREE_NODE)] = ids[up(line, top)]
    below = up(line, node) if node >= 0 else at + _PARENT
    ids[up(line, top)] = ids[below] if depth > 0 else top
    ids[below] = top
    box = BOX * line.samples + 2 * top
    numbers[box], numbers[box + 1] = min(low, x), max(high, x)
    right = x > value
    cut = cut_between(value, x, (x - value) * where) if right else cut_between(x, value, (value - x) * where)
    new = _new_row(line, leaf, right, hole, cut, top)
    at = _ids_of_row(line, new)
    numbers[_row(line, new) + _VALUE] = x
    ids[at + _LEVEL], ids[at + _MASS], ids[at + _PARENT] = depth + 1, 1, top
    _deepen(line, new - 1 if right else new + 1, not right, low, high, 1)


@inlined
def forget(line: Line, value: float) -> int:
    """Take one record of a value, and its leaf from the tree when that was its last; see `tree.forget`.

    Returns the row that is then free, or -1: `insert` takes it, moving only the rows between. Until then the row has
    the same cut as the one before it, so that no search ends there.
    """
    numbers, ids = line.numbers, line.ids
    leaves = _id(ids, single(line, LEAVES))
    leaf = _search(line, leaves - 1, value)
    row, at = _row(line, leaf), _ids_of_row(line, leaf)
    ids[at + _MASS] -= 1
    if ids[at + _MASS] > 0 or leaves == 1:
        ids[single(line, LEAVES)] = leaves - int(ids[at + _MASS] == 0)
        return -1
    top = _id(ids, at + _PARENT)
    above, box = _id(ids, up(line, top)), BOX * line.samples + 2 * top
    left = leaf < leaves - 1 and ids[at + _NODE] == top
    sibling = leaf + 1 if left else leaf - 1
    hangs = _ids_of_row(line, sibling) + _PARENT
    while ids[hangs] != top:
        node = _id(ids, hangs)
        hangs = up(line, node)
    # Where the sibling becomes the root it is its own parent; of a leaf, depth 0 says so
    is_root, is_leaf = above == top, hangs == _ids_of_row(line, sibling) + _PARENT
    ids[hangs] = above if not is_root or is_leaf else hangs - up(line, 0)
    _deepen(line, sibling, left, numbers[box], numbers[box + 1], -1)
    while not is_root:
        box = BOX * line.samples + 2 * above
        if numbers[box] == value:
            numbers[box] = numbers[row + _ROW + _VALUE]
        elif numbers[box + 1] == value:
            numbers[box + 1] = numbers[row - _ROW + _VALUE]
        else:
            break
        is_root = ids[up(line, above)] == above
        above = _id(ids, up(line, above))
    ids[up(line, top)] = ids[single(line, FREE_NODE)]
    ids[single(line, FREE_NODE)] = top
    if leaf == 0:
        numbers[row + _CUT] = numbers[row + _VALUE] = -np.inf
        return leaf
    if not left:
        numbers[row - _ROW + _CUT] = numbers[row + _CUT] if leaf < leaves - 1 else np.inf
        ids[at - _ROW_IDS + _NODE] = ids[at + _NODE]
    numbers[row + _CUT], numbers[row + _VALUE] = numbers[row - _ROW + _CUT], numbers[row - _ROW + _VALUE]
    return leaf


@inlined
def take_apart(line: Line, waiting: Any, inner: Any, cuts: Any, nodes: int, inners: int) -> None:
    """Write in preorder from `nodes` on whether a node is an inner one, and from `inners` on their cuts.

    The inner nodes that begin at a leaf are its ancestors up to the first whose box begins further left.
    """
    leaves = _id(line.ids, single(line, LEAVES))
    cut_of = np.empty(line.samples, np.float64)
    for leaf in range(leaves - 1):
        cut_of[line.ids[_ids_of_row(line, leaf) + _NODE]] = line.numbers[_row(line, leaf) + _CUT]
    for leaf in range(leaves):
        value, at = line.numbers[_row(line, leaf) + _VALUE], _ids_of_row(line, leaf)
        node, begun = _id(line.ids, at + _PARENT), 0
        while begun < line.ids[at + _LEVEL] and line.numbers[BOX * line.samples + 2 * node] == value:
            waiting[begun] = node
            begun += 1
            node = _id(line.ids, up(line, node))
        for i in range(begun):
            inner[nodes + i] = 1
            cuts[inners + i] = cut_of[waiting[begun - 1 - i]]
        inner[nodes + begun] = 0
        nodes, inners = nodes + begun + 1, inners + begun


@inlined
def plant(line: Line, nodes: int, waiting: Any, inner: Any, cuts: Any, first_node: int, first_cut: int) -> None:
    """Give an empty tree its shape and cuts."""
    ids, numbers = line.ids, line.numbers
    depths = np.zeros(line.samples, np.int64)
    left, inners, leaves = 1, 0, 0
    waiting[0] = -1  # parents whose right child is still to come; the root has none
    parent, depth = -1, 0
    for i in range(nodes):
        if inner[first_node + i]:
            node = inners
            inners += 1
            ids[up(line, node)] = parent if parent >= 0 else node
            waiting[left], depths[left] = node, depth
            left += 1
            parent, depth = node, depth + 1
            continue
        at = _ids_of_row(line, leaves)
        ids[at + _LEVEL], ids[at + _MASS] = depth, 0
        ids[at + _PARENT] = max(parent, 0)
        left -= 1
        if left > 0:
            parent, depth = waiting[left], depths[left] + 1
            ids[at + _NODE] = parent
            numbers[_row(line, leaves) + _CUT] = cuts[first_cut + parent]
        leaves += 1
    ids[single(line, LEAVES)] = leaves
    ids[single(line, FREE_NODE)] = inners


@inlined
def settle(line: Line, x: float) -> None:
    """Give a sampled value to the leaf that the cuts lead it to."""
    leaf = _search(line, _id(line.ids, single(line, LEAVES)) - 1, x)
    line.numbers[_row(line, leaf) + _VALUE] = x
    line.ids[_ids_of_row(line, leaf) + _MASS] += 1


@inlined
def span_boxes(line: Line) -> None:
    """The boxes of all inner nodes, from the leaves."""
    leaves = _id(line.ids, single(line, LEAVES))
    for end in range(2):
        for i in range(leaves):
            leaf = i if end else leaves - 1 - i
            at = _ids_of_row(line, leaf)
            node = _id(line.ids, at + _PARENT)
            for _ in range(_id(line.ids, at + _LEVEL)):
                line.numbers[BOX * line.samples + 2 * node + end] = line.numbers[_row(line, leaf) + _VALUE]
                node = _id(line.ids, up(line, node))
