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

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from . import reservoir
from .arrays import Floats, Integers, in_lines
from .compiling import inlined, on_both_sides
from .line_vectors import BLOCK, count_below
from .parameters import Parameters
from .pointers import floats_at, ids_at

NONE = 0x7FFF  # the number of no row


class Line(NamedTuple):
    """A tree over one coordinate as the parts of a kernel get it: its block, and where in it each section begins."""

    sample: Any  # float64 by offset: see `reservoir`
    gate: Any
    numbers: Any  # float64 by offset:
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
    words: int


@on_both_sides
def _sections(samples: int) -> tuple[int, int, int, int, int, int, int, int, int, int]:
    """Where the sections of a block begin, in the order of `Line`, and how many words it takes."""
    blocks = (samples + BLOCK - 1) // BLOCK
    guide = rows = BLOCK * blocks
    value = guide + (blocks + BLOCK - 1) // BLOCK * BLOCK * int(blocks > 1)
    gate = value + samples
    leaves = 4 * (gate + reservoir.GATE)
    span = leaves + 3
    depth = span + 2 * rows
    sample = (depth + 3 * samples + 31) // 32 * 8
    return (
        guide,
        value,
        gate,
        span,
        depth,
        depth + samples,
        depth + 2 * samples,
        leaves,
        sample,
        (sample + reservoir.words(samples) + 7) // 8 * 8,
    )


@inlined
def line_at(address: int, tree: int, samples: int) -> Line:
    """One tree of the blocks at an address."""
    guide, value, gate, span, depth, mass, path, leaves, sample, words = _sections(samples)
    block = address + 8 * tree * words
    return Line(
        floats_at(block + 8 * sample),
        floats_at(block + 8 * gate),
        floats_at(block),
        0,
        guide,
        value,
        ids_at(block),
        span,
        depth,
        mass,
        path,
        leaves,
        samples,
        words,
    )


def words(parameters: Parameters) -> int:
    """Words of a tree."""
    return _sections(parameters.sample_size)[-1]


def empty_blocks(parameters: Parameters) -> Floats:
    """Blocks of trees that hold nothing: (num_trees, words) float64."""
    block = _empty_block(parameters.sample_size)
    return in_lines(np.broadcast_to(block, (parameters.num_trees, len(block))))


@cache
def _empty_block(samples: int) -> Floats:
    _, value, _, span, *_, sample, words = _sections(samples)
    block = np.zeros(words)
    block[:value] = np.inf
    block[sample : sample + reservoir.words(samples)] = reservoir.empty(samples)
    block.view(np.uint16)[span - 2 : span + 2] = 0, NONE, NONE, 0
    return block


def samples_of(blocks: Floats, parameters: Parameters) -> Floats:
    """The samples of blocks, a view: (num_trees, words)."""
    first = _sections(parameters.sample_size)[-2]
    return blocks[:, first : first + reservoir.words(parameters.sample_size)]


def leaf_counts(blocks: Floats, parameters: Parameters) -> Integers:
    """The number of leaves of each tree."""
    return blocks.view(np.uint16)[:, _sections(parameters.sample_size)[-3]].astype(np.int64)


def points_of(blocks: Floats, parameters: Parameters, entries: Integers, size: int) -> Floats:
    """The points of entries of the samples, numbered through all trees with `size` entries each: (n, 1)."""
    tree, entry = np.divmod(entries, max(size, 1))
    return reservoir.entries_of(samples_of(blocks, parameters), parameters.sample_size)[tree, entry][:, np.newaxis]


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
