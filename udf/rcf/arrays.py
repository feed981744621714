"""How the trees of a forest lie in memory.

A tree is one block of 8-byte words: sections of floats, then sections of 16-bit ids, each a multiple of
`sample_size` (S) long. A forest is an array of such blocks, one row a tree.

A tree over k distinct points has k leaves and k - 1 inner nodes. One id names either: inner nodes are
0 … S - 1, leaf j is S + j. Ids are handed out from free lists and mean nothing: no result depends on them.

Kernels see a block through bare pointers: NumPy arrays inside compiled code are counted references to
seven words each, which costs more than the work on a tree itself.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .compiling import inlined
from .parameters import Parameters

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.uint16]
Integers = npt.NDArray[np.int64]

# The reservoir is a heap with the next to be evicted on top, in a tree's first 3 S floats. Each of its entries is
PRIORITY = 0
NUMBER = 1  # of the record
ENTRY = 2  # leaf; over one coordinate, the value
WIDTH = 3

# Sections of floats, in units of S, behind it. Then follow the boxes of the inner nodes (all low, then all high
# coordinates of one) and the points of the leaves; and two numbers of `reservoir.next_accepted`.
CUT = 3  # of an inner node: left iff coordinate <= cut
SPAN = 4  # of an inner node: the sum of the side lengths of its box
BOX = 5

# Sections of ids, in units of S.
CHILD = 0  # 4 S: left and right of a node at 2 id and 2 id + 1. A leaf is its own child, so that a walk can
# go on without asking whether it has arrived. Free inner nodes are linked at 2 id
PARENT = 4  # 2 S: by id; free leaves are linked here
AXIS = 6  # 2 S: the coordinate an inner node cuts; 0 for leaves
MASS = 8  # of a leaf: how many records of the sample it stands for
END = 9

# Single ids after END * S.
ROOT, LEAVES, FREE_NODE, FREE_LEAF = range(4)
_SINGLES = 4


class Tree(NamedTuple):
    """A tree as the parts of a kernel get it."""

    numbers: Any  # float64 by offset
    ids: Any  # uint16 by offset
    samples: int
    coordinates: int
    filter: int  # where the two numbers of `reservoir.next_accepted` lie in the numbers


def float_words(samples: int, coordinates: int) -> int:
    """Words of floats in a tree."""
    return samples * (BOX + 3 * coordinates) + 2


def words(parameters: Parameters) -> int:
    """Words of a tree."""
    samples = parameters.sample_size
    return float_words(samples, parameters.coordinates) + (END * samples + _SINGLES + 3) // 4


def empty_blocks(parameters: Parameters) -> Floats:
    """Blocks of trees that hold nothing: (num_trees, words) float64."""
    samples = parameters.sample_size
    block = np.zeros(words(parameters))
    ids = ids_of(block, parameters)
    ids[: 2 * samples : 2] = ids[(PARENT + 1) * samples : AXIS * samples] = np.arange(1, samples + 1)
    ids[2 * samples : PARENT * samples] = np.repeat(np.arange(samples, 2 * samples), 2)
    return np.tile(block, (parameters.num_trees, 1))


def in_lines(blocks: Floats) -> Floats:
    """A copy that begins where a line of the CPU's cache does."""
    room = np.empty(blocks.size + 7)
    copy = room[-room.ctypes.data % 64 // 8 :][: blocks.size].reshape(blocks.shape)
    copy[:] = blocks
    return copy


def ids_of(blocks: Floats, parameters: Parameters) -> Ids:
    """The id sections of blocks, a view."""
    return blocks[..., float_words(parameters.sample_size, parameters.coordinates) :].view(np.uint16)


def heaps_of(blocks: Floats, parameters: Parameters) -> Floats:
    """The reservoirs, a view: (num_trees, sample_size, WIDTH)."""
    samples = parameters.sample_size
    return blocks[:, : WIDTH * samples].reshape(-1, samples, WIDTH)


def leaf_counts(blocks: Floats, parameters: Parameters) -> Integers:
    """The number of leaves of each tree."""
    return ids_of(blocks, parameters)[:, END * parameters.sample_size + LEAVES].astype(np.int64)


def points_of(blocks: Floats, parameters: Parameters, entries: Integers, size: int) -> Floats:
    """The points of entries of the reservoirs, numbered through all trees with `size` entries each."""
    samples, coordinates = parameters.sample_size, parameters.coordinates
    tree, entry = np.divmod(entries, max(size, 1))
    leaf = heaps_of(blocks, parameters)[tree, entry, ENTRY].astype(np.int64)
    first = (BOX + 2 * coordinates) * samples + coordinates * leaf
    return blocks[tree[:, np.newaxis], first[:, np.newaxis] + np.arange(coordinates)]


def _pointer_to(element: types.Type) -> Any:
    def typed(_context: Any, address: types.Type) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(types.CPointer(element)))

        return types.CPointer(element)(types.intp), generate

    return intrinsic(typed)


floats_at = _pointer_to(types.float64)
ids_at = _pointer_to(types.uint16)


@inlined
def tree_at(address: int, tree: int, samples: int, coordinates: int) -> Tree:
    """One tree of the blocks at an address."""
    words = samples * (BOX + 3 * coordinates) + 2
    block = address + 8 * tree * (words + (END * samples + _SINGLES + 3) // 4)
    return Tree(floats_at(block), ids_at(block + 8 * words), samples, coordinates, words - 2)


@inlined
def box_at(tree: Tree, node: int) -> int:
    """Where the box of an inner node starts in the numbers: low coordinates, then high ones."""
    return BOX * tree.samples + 2 * tree.coordinates * node


@inlined
def point_at(tree: Tree, leaf: int) -> int:
    """Where the point of a leaf starts in the numbers."""
    return (BOX + 2 * tree.coordinates) * tree.samples + tree.coordinates * leaf


@inlined
def single(tree: Tree, which: int) -> int:
    """Where one of the single ids lies in the ids."""
    return END * tree.samples + which
