"""Trees over one coordinate: the points of the sample and the cuts between them, both in order.

A tree of cuts on a line is a search tree, so its leaves and its cuts have the order of the line: between each two
neighbouring leaves lies the cut of one inner node. Kept as one sorted table, the leaf that the cuts lead a point to is
found by a binary search: fewer steps than the tree is deep, and none of them a branch. What the tree adds to the order
is the box and the parent of each inner node, and the depth of each leaf.

    leaf      0       1         2    3           table row: cut, leaf │ depth, mass, parent of the leaf; node of the cut
    cut         │       ┆          │
                0.5     0.7        2.1

This is for a line what `arrays` is for more coordinates; `line_walk`, `line_tree`, `line_rebuilding` are what `walk`,
`tree` and `rebuilding` are, with the same random numbers and, bit for bit, the same results.
"""

from typing import Any, NamedTuple

import numpy as np

from .arrays import ENTRY, Floats, Integers, floats_at, ids_at
from .compiling import inlined
from .instructions import if_below
from .parameters import Parameters

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

ROW, ROW_IDS = 3, 12
CUT, VALUE = 0, 1
LEVEL, MASS, PARENT, NODE = 8, 9, 10, 11  # ids of a row, counted in ids from its start


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
def id_at(ids: Any, at: int) -> int:
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
def row_of(line: Line, leaf: int) -> int:
    return TABLE * line.samples + ROW * leaf


@inlined
def ids_of_row(line: Line, leaf: int) -> int:
    return 4 * TABLE * line.samples + ROW_IDS * leaf


@inlined
def search(line: Line, cuts: int, x: float) -> int:
    """The leaf that the cuts lead x to: how many of them are below it."""
    start = at = TABLE * line.samples + CUT
    while cuts > 0:
        half = ROW * ((cuts + 1) >> 1)
        at += if_below(line.numbers[at + half - ROW], x, half)
        cuts >>= 1
    return (at - start) // ROW
