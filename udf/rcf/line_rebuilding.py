"""Trees on a line taken apart and put together again, as `rebuilding` does it over more coordinates."""

from typing import Any

import numpy as np

from .compiling import inlined
from .line import (
    BOX,
    CUT,
    FREE_NODE,
    LEAVES,
    LEVEL,
    MASS,
    NODE,
    PARENT,
    VALUE,
    Line,
    id_at,
    ids_of_row,
    row_of,
    search,
    single,
    up,
)


@inlined
def take_apart(line: Line, waiting: Any, inner: Any, cuts: Any, nodes: int, inners: int) -> None:
    """Write in preorder from `nodes` on whether a node is an inner one, and from `inners` on their cuts.

    The inner nodes that begin at a leaf are its ancestors up to the first whose box begins further left.
    """
    leaves = id_at(line.ids, single(line, LEAVES))
    cut_of = np.empty(line.samples, np.float64)
    for leaf in range(leaves - 1):
        cut_of[line.ids[ids_of_row(line, leaf) + NODE]] = line.numbers[row_of(line, leaf) + CUT]
    for leaf in range(leaves):
        value, at = line.numbers[row_of(line, leaf) + VALUE], ids_of_row(line, leaf)
        node, begun = id_at(line.ids, at + PARENT), 0
        while begun < line.ids[at + LEVEL] and line.numbers[BOX * line.samples + 2 * node] == value:
            waiting[begun] = node
            begun += 1
            node = id_at(line.ids, up(line, node))
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
        at = ids_of_row(line, leaves)
        ids[at + LEVEL], ids[at + MASS] = depth, 0
        ids[at + PARENT] = max(parent, 0)
        left -= 1
        if left > 0:
            parent, depth = waiting[left], depths[left] + 1
            ids[at + NODE] = parent
            numbers[row_of(line, leaves) + CUT] = cuts[first_cut + parent]
        leaves += 1
    ids[single(line, LEAVES)] = leaves
    ids[single(line, FREE_NODE)] = inners


@inlined
def settle(line: Line, x: float) -> None:
    """Give a sampled value to the leaf that the cuts lead it to."""
    leaf = search(line, id_at(line.ids, single(line, LEAVES)) - 1, x)
    line.numbers[row_of(line, leaf) + VALUE] = x
    line.ids[ids_of_row(line, leaf) + MASS] += 1


@inlined
def span_boxes(line: Line) -> None:
    """The boxes of all inner nodes, from the leaves."""
    leaves = id_at(line.ids, single(line, LEAVES))
    for end in range(2):
        for i in range(leaves):
            leaf = i if end else leaves - 1 - i
            at = ids_of_row(line, leaf)
            node = id_at(line.ids, at + PARENT)
            for _ in range(id_at(line.ids, at + LEVEL)):
                line.numbers[BOX * line.samples + 2 * node + end] = line.numbers[row_of(line, leaf) + VALUE]
                node = id_at(line.ids, up(line, node))
