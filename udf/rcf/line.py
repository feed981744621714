"""Trees over one coordinate: a table whose rows have the order of the line.

A tree of cuts on a line is a search tree, so its leaves and its cuts have the order of the line: between each two
neighbouring leaves lies the cut of one inner node, and the leaf that the cuts lead a point to is found by counting
the cuts below it. An inner node is told by its level, that of the root being 1: it reaches as far as the levels to
both sides are higher than its own, and its box is that of the values there. No boxes and no pointers are kept.

    row         -1   0           1           2           3
    value │ cut      0.2 │ 0.5   0.6 │ 0.7   0.9 │ 2.1   3.0 │ ∞
    level        0         2           3           1           0       of the node of the cut; 0: there is none
    mass             1           1           1           2             of the leaf

Up from a leaf levels fall by one a node, and the leaf is as deep as the higher of the levels beside it. So of the
nodes that a point is outside of, which all end at its leaf, the number is known at once: by how much the level on their
side is above that on the other. Of each the far end is where on that side the first level is below its own.

This is for a line what `arrays` is for more coordinates; `line_walk`, `line_tree`, `line_rebuilding` are what `walk`,
`tree` and `rebuilding` are, with the same random numbers and, bit for bit, the same results.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from . import reservoir
from .arrays import Floats, Integers, in_lines
from .compiling import inlined, on_both_sides
from .line_vectors import BLOCK, copy_lasts, count_below, rows_above
from .parameters import Parameters
from .pointers import floats_at, ids_at


class Line(NamedTuple):
    """A tree over one coordinate as the parts of a kernel get it: its block, and where in it each section begins."""

    sample: Any  # float64 by offset: see `reservoir`
    gate: Any
    numbers: Any  # float64 by offset:
    cut: int  # infinite where there is none
    guide: int  # the last cut of each BLOCK, where there are several
    value: int
    ids: Any  # uint16 by offset, from the start of the block:
    level: int  # there is a row -1
    mass: int
    leaves: int  # their number; ids begin there, and the guide ends
    samples: int
    words: int


@on_both_sides
def _sections(samples: int) -> tuple[int, int, int, int, int, int, int, int]:
    """Where the sections of a block begin, in the order of `Line`, and how many words it takes."""
    blocks = (samples + BLOCK - 1) // BLOCK
    guide = BLOCK * blocks
    leaves = 4 * (guide + (blocks + BLOCK - 1) // BLOCK * BLOCK * int(blocks > 1))
    level = leaves + 2
    value = (level + samples + 3) // 4
    gate = value + samples
    mass = 4 * (gate + reservoir.GATE)
    sample = (mass + samples + 31) // 32 * 8
    return guide, value, gate, level, mass, leaves, sample, (sample + reservoir.words(samples) + 7) // 8 * 8


@inlined
def line_at(address: int, tree: int, samples: int) -> Line:
    """One tree of the blocks at an address."""
    guide, value, gate, level, mass, leaves, sample, words = _sections(samples)
    block = address + 8 * tree * words
    return Line(
        floats_at(block + 8 * sample),
        floats_at(block + 8 * gate),
        floats_at(block),
        0,
        guide,
        value,
        ids_at(block),
        level,
        mass,
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
    *_, leaves, sample, words = _sections(samples)
    block = np.zeros(words)
    block[: leaves // 4] = np.inf
    block[sample : sample + reservoir.words(samples)] = reservoir.empty(samples)
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
    for at in range(line.guide, line.leaves // 4, BLOCK):
        first += count_below(line.numbers, at, x)
    first *= BLOCK
    return first + count_below(line.numbers, line.cut + first, x)


@inlined
def level_at(line: Line, row: int) -> int:
    return id_at(line.ids, line.level + row)


@inlined
def sides_of(line: Line, leaf: int, right: int) -> tuple[int, int]:
    """The level beside a leaf away from a point, which is to the right of it or not, and that on the point's side.

    By as much as the first is above the second, so many nodes end at the leaf that the point is outside of.
    """
    return level_at(line, leaf - right), level_at(line, leaf - 1 + right)


@inlined
def end_of(line: Line, leaf: int, right: int, level: int) -> int:
    """The far end of the node of a level that ends at the leaf, to its left if `right` is 1, else to its right."""
    rows = rows_above(line.ids, line.level + leaf, right, level - 1)
    return leaf - rows if right else leaf + rows


@inlined
def update_guide(line: Line) -> None:
    """After cuts have changed."""
    if line.guide < line.leaves // 4:
        blocks = (line.samples + BLOCK - 1) // BLOCK
        whole = blocks // BLOCK * BLOCK
        for block in range(0, whole, BLOCK):
            copy_lasts(line.numbers, line.guide + block, line.cut + BLOCK * block)
        for block in range(whole, blocks):
            line.numbers[line.guide + block] = line.numbers[line.cut + BLOCK * block + BLOCK - 1]
