"""How the trees of a forest lie in memory.

A tree is one block of 8-byte words: its sample and the gate of that (`reservoir`), sections of floats, then sections
of 16-bit ids, each a multiple of `sample_size` (S) long. A forest is an array of such blocks, one row a tree.

A tree over k distinct points has k leaves and k - 1 inner nodes. One id names either: inner nodes are
0 … S - 1, leaf j is S + j. Ids are handed out from free lists and mean nothing: no result depends on them.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import reservoir
from .compiling import inlined, on_both_sides
from .parameters import Parameters
from .pointers import floats_at, ids_at, one_of_two

Floats = reservoir.Floats
Ids = npt.NDArray[np.uint16]
Integers = npt.NDArray[np.int64]

# Sections of floats, in units of S. Then follow the boxes of the inner nodes (all low coordinates, then all high ones),
# the points of the leaves, and scratch: S by which a point is outside of nodes.
CUT = 0  # of an inner node: left iff coordinate <= cut
SPAN = 1  # of an inner node: the sum of the side lengths of its box
BOX = 2

# Sections of ids, in units of S.
CHILD = 0  # 4 S: left and right of a node at 2 id and 2 id + 1. A leaf is its own child, so that a walk can
# go on without asking whether it has arrived. Free inner nodes are linked at 2 id
PARENT = 4  # 2 S: by id; free leaves are linked here
AXIS = 6  # 2 S: the coordinate an inner node cuts; 0 for leaves
MASS = 8  # of a leaf: how many records of the sample it stands for
PATH = 9  # scratch: the nodes a point is outside of
END = 10

# Single ids after END * S.
ROOT, LEAVES, FREE_NODE, FREE_LEAF = range(4)
_SINGLES = 4


class Tree(NamedTuple):
    """A tree as the parts of a kernel get it."""

    sample: Any  # float64 by offset, and
    gate: Any  # so too: see `reservoir`
    numbers: Any  # float64 by offset
    ids: Any  # uint16 by offset
    samples: int
    coordinates: int


@on_both_sides
def _sections(samples: int, coordinates: int) -> tuple[int, int, int]:
    """Where floats and ids begin, and how many words a tree takes.

    Floats begin where a line of the cache does: else each box of four coordinates lay in two.
    """
    floats = (reservoir.words(samples) + reservoir.GATE + 7) // 8 * 8
    ids = floats + samples * (BOX + 3 * coordinates + 1)
    return floats, ids, (ids + (END * samples + _SINGLES + 3) // 4 + 7) // 8 * 8


def words(parameters: Parameters) -> int:
    """Words of a tree."""
    return _sections(parameters.sample_size, parameters.coordinates)[-1]


def floats_of(blocks: Floats, parameters: Parameters) -> Floats:
    """The float sections of blocks and all behind them, a view."""
    return blocks[..., _sections(parameters.sample_size, parameters.coordinates)[0] :]


def empty_blocks(parameters: Parameters) -> Floats:
    """Blocks of trees that hold nothing: (num_trees, words) float64."""
    samples = parameters.sample_size
    block = np.zeros(words(parameters))
    block[: reservoir.words(samples)] = reservoir.empty(samples)
    ids = ids_of(block, parameters)
    ids[: 2 * samples : 2] = ids[(PARENT + 1) * samples : AXIS * samples] = np.arange(1, samples + 1)
    ids[2 * samples : PARENT * samples] = np.repeat(np.arange(samples, 2 * samples), 2)
    ids[END * samples + ROOT] = samples  # a leaf, so that a walk ends there
    return in_lines(np.tile(block, (parameters.num_trees, 1)))


def in_lines(blocks: Floats) -> Floats:
    """A copy that begins where a line of the CPU's cache does, and has room before it for what `move_forth` touches."""
    room = np.empty(16 + blocks.size + 7)
    first = 16 + -(room.ctypes.data // 8) % 8
    copy = room[first : first + blocks.size].reshape(blocks.shape)
    copy[:] = blocks
    return copy


def ids_of(blocks: Floats, parameters: Parameters) -> Ids:
    """The id sections of blocks, a view."""
    return blocks[..., _sections(parameters.sample_size, parameters.coordinates)[1] :].view(np.uint16)


def samples_of(blocks: Floats, parameters: Parameters) -> Floats:
    """The samples of blocks, a view: (num_trees, words)."""
    return blocks[:, : reservoir.words(parameters.sample_size)]


def leaf_counts(blocks: Floats, parameters: Parameters) -> Integers:
    """The number of leaves of each tree."""
    return ids_of(blocks, parameters)[:, END * parameters.sample_size + LEAVES].astype(np.int64)


def points_of(blocks: Floats, parameters: Parameters, entries: Integers, size: int) -> Floats:
    """The points of entries of the samples, numbered through all trees with `size` entries each: (n, coordinates)."""
    samples, coordinates = parameters.sample_size, parameters.coordinates
    tree, entry = np.divmod(entries, max(size, 1))
    leaf = reservoir.entries_of(samples_of(blocks, parameters), samples)[tree, entry].astype(np.int64)
    first = (BOX + 2 * coordinates) * samples + coordinates * leaf
    return floats_of(blocks, parameters)[tree[:, np.newaxis], first[:, np.newaxis] + np.arange(coordinates)]


@inlined
def tree_at(address: int, tree: int, samples: int, coordinates: int) -> Tree:
    """One tree of the blocks at an address."""
    floats, ids, words = _sections(samples, coordinates)
    sample = address + 8 * tree * words
    gate = sample + 8 * reservoir.words(samples)
    return Tree(
        floats_at(sample),
        floats_at(gate),
        floats_at(sample + 8 * floats),
        ids_at(sample + 8 * ids),
        samples,
        coordinates,
    )


@inlined
def box_at(tree: Tree, node: int) -> int:
    """Where the box of an inner node starts in the numbers: low coordinates, then high ones."""
    return BOX * tree.samples + 2 * tree.coordinates * node


@inlined
def point_at(tree: Tree, leaf: int) -> int:
    """Where the point of a leaf starts in the numbers."""
    return (BOX + 2 * tree.coordinates) * tree.samples + tree.coordinates * leaf


@inlined
def child_of(tree: Tree, points: Any, x: int, node: int) -> int:
    """The child on the point's side of the cut; a leaf stays where it is."""
    right = points[x + tree.ids[AXIS * tree.samples + node]] > tree.numbers[CUT * tree.samples + node]
    return int(one_of_two(tree.ids, CHILD * tree.samples + 2 * node, right))


@inlined
def scratch_at(tree: Tree) -> int:
    """Where the scratch starts in the numbers."""
    return (BOX + 3 * tree.coordinates) * tree.samples


@inlined
def single(tree: Tree, which: int) -> int:
    """Where one of the single ids lies in the ids."""
    return END * tree.samples + which
