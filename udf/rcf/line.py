"""Trees over one coordinate: a table whose rows have the order of the line.

A tree of cuts on a line is a search tree, so its leaves and its cuts have the order of the line: between each two
neighbouring leaves lies the cut of one inner node, and the leaf that the cuts lead a point to is found by counting
the cuts below it. An inner node is an interval of leaves, from `low` to `high`, and its box is that of their values: no
boxes and no pointers are kept. Sections are as long as vectors of the CPU need them.

    row          0           1           2           3
    value │ cut  0.2 │ 0.5   0.6 │ 0.7   0.9 │ 2.1   3.0 │ ∞
    depth, mass  2  1        3  1        3  1        1  2          of the leaf
    low, high    0  2        1  2        0  3        NONE 0        of the node of the cut

The nodes that end at leaf i, from the lowest up, are those of row i - 1, of row low - 1 of that one, and so on, while
their `high` is i; those that begin at it are those of row i, of row high of that one, and so on, while `low` is i.

This is for a line what `arrays` is for more coordinates; `line_walk`, `line_tree`, `line_rebuilding` are what `walk`,
`tree` and `rebuilding` are, with the same random numbers and, bit for bit, the same results.
"""

from typing import Any, NamedTuple

import numpy as np

from .arrays import ENTRY, WIDTH, Floats, Integers, floats_at, heaps_of, ids_at, in_lines
from .compiling import inlined
from .line_vectors import BLOCK, count_below
from .parameters import Parameters

NONE = 0x7FFF  # the number of no row


class Line(NamedTuple):
    """A tree over one coordinate as the parts of a kernel get it: its block, and where in it each section begins."""

    numbers: Any  # float64 by offset: the reservoir as in `arrays`, then
    cut: int  # infinite where there is none
    guide: int  # the last cut of each BLOCK, where there are several
    value: int
    ids: Any  # uint16 by offset, from the start of the block:
    span: int  # low and high of row i at span + 2 i, span + 2 i + 1; there is a row -1
    depth: int
    mass: int
    path: int  # scratch
    leaves: int  # their number
    samples: int
    filter: int  # where the two numbers of `reservoir.next_accepted` lie in the numbers


@inlined
def _sections(samples: int) -> tuple[int, int, int, int, int, int, int, int, int]:
    """Where the sections of a block begin, in the order of `Line`, and how many words it takes."""
    cut, blocks = (WIDTH * samples + 2 + 7) // 8 * 8, (samples + BLOCK - 1) // BLOCK
    rows = BLOCK * blocks
    guide = cut + rows
    value = guide + (blocks + BLOCK - 1) // BLOCK * BLOCK * int(blocks > 1)
    span = 4 * (value + samples) + 2
    depth = span + 2 * rows
    leaves = depth + 3 * samples
    return (
        cut,
        guide,
        value,
        span,
        depth,
        depth + samples,
        depth + 2 * samples,
        leaves,
        (leaves + 1 + 2 * BLOCK + 31) // 32 * 8,
    )


@inlined
def line_at(address: int, tree: int, samples: int) -> Line:
    """One tree of the blocks at an address."""
    cut, guide, value, span, depth, mass, path, leaves, words = _sections(samples)
    block = address + 8 * tree * words
    return Line(floats_at(block), cut, guide, value, ids_at(block), span, depth, mass, path, leaves, samples, cut - 2)


def words(parameters: Parameters) -> int:
    """Words of a tree."""
    return int(_sections.py_func(parameters.sample_size)[-1])


def empty_blocks(parameters: Parameters) -> Floats:
    """Blocks of trees that hold nothing: (num_trees, words) float64."""
    cut, _, value, span, *_ = _sections.py_func(parameters.sample_size)
    block = np.zeros(words(parameters))
    block[cut:value] = np.inf
    block.view(np.uint16)[span - 2 : span + 2] = 0, NONE, NONE, 0
    return in_lines(np.tile(block, (parameters.num_trees, 1)))


def leaf_counts(blocks: Floats, parameters: Parameters) -> Integers:
    """The number of leaves of each tree."""
    return blocks.view(np.uint16)[:, _sections.py_func(parameters.sample_size)[-2]].astype(np.int64)


def points_of(blocks: Floats, parameters: Parameters, entries: Integers, size: int) -> Floats:
    """The points of entries of the reservoirs, (n, 1), numbered through all trees with `size` entries each."""
    tree, entry = np.divmod(entries, max(size, 1))
    return heaps_of(blocks, parameters)[tree, entry, ENTRY][:, np.newaxis]


@inlined
def id_at(ids: Any, at: int) -> int:
    return np.int64(ids[at])  # type: ignore[return-value] # numba's int() would leave it unsigned, and sums with it floats


@inlined
def search(line: Line, x: float) -> int:
    """The leaf that the cuts lead x to: how many of them are below it."""
    first = 0
    for at in range(line.guide, line.value, BLOCK):
        first += count_below(line.numbers, at, x)
    first *= BLOCK
    return first + count_below(line.numbers, line.cut + first, x)


@inlined
def update_guide(line: Line) -> None:
    """After cuts have changed."""
    if line.guide < line.value:
        for block in range((line.samples + BLOCK - 1) // BLOCK):
            line.numbers[line.guide + block] = line.numbers[line.cut + BLOCK * block + BLOCK - 1]
