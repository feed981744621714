"""Trees on a line taken apart and put together again, as `rebuilding` does it over more coordinates."""

from typing import Any

import numpy as np

from .compiling import inlined
from .line import NONE, Line, id_at, search, update_guide


@inlined
def take_apart(line: Line, waiting: Any, inner: Any, cuts: Any, nodes: int, inners: int) -> None:
    """Write in preorder from `nodes` on whether a node is an inner one, and from `inners` on their cuts."""
    for leaf in range(id_at(line.ids, line.leaves)):
        row, begun = leaf, 0
        while line.ids[line.span + 2 * row] == leaf:  # the nodes that begin here, from the lowest up
            waiting[begun] = row
            begun += 1
            row = id_at(line.ids, line.span + 2 * row + 1)
        for i in range(begun):
            inner[nodes + i] = 1
            cuts[inners + i] = line.numbers[line.cut + waiting[begun - 1 - i]]
        inner[nodes + begun] = 0
        nodes, inners = nodes + begun + 1, inners + begun


@inlined
def plant(line: Line, nodes: int, waiting: Any, inner: Any, cuts: Any, first_node: int, first_cut: int) -> None:
    """Give an empty tree its shape and cuts."""
    ids, numbers = line.ids, line.numbers
    depths, lows = np.empty((2, line.samples), np.int64)
    left, inners, leaf, depth = 0, 0, 0, 0  # `left` nodes still wait for their right child
    for i in range(nodes):
        if inner[first_node + i]:
            waiting[left], depths[left], lows[left] = inners, depth, leaf
            left, inners, depth = left + 1, inners + 1, depth + 1
            continue
        ids[line.depth + leaf], ids[line.mass + leaf] = depth, 0
        low = 0
        if left > 0:
            left -= 1
            numbers[line.cut + leaf] = cuts[first_cut + waiting[left]]
            low, depth = lows[left], depths[left] + 1
        ids[line.span + 2 * leaf] = low
        row = leaf - 1
        while row >= low:  # the nodes that end here
            ids[line.span + 2 * row + 1] = leaf
            row = id_at(ids, line.span + 2 * row) - 1
        leaf += 1
    ids[line.leaves] = leaf
    update_guide(line)
    ids[line.span + 2 * leaf - 2], ids[line.span + 2 * leaf - 1] = NONE, 0


@inlined
def settle(line: Line, x: float) -> None:
    """Give a sampled value to the leaf that the cuts lead it to."""
    leaf = search(line, x)
    line.numbers[line.value + leaf] = x
    line.ids[line.mass + leaf] += 1
