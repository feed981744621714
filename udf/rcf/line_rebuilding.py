"""Trees on a line taken apart and put together again, as `rebuilding` does it over more coordinates."""

from typing import Any

import numpy as np

from .compiling import inlined
from .line import Line, end_of, id_at, level_at, search, update_guide


@inlined
def take_apart(line: Line, inner: Any, cuts: Any, nodes: int, inners: int) -> None:
    """Write in preorder from `nodes` on whether a node is an inner one, and from `inners` on their cuts."""
    for leaf in range(id_at(line.ids, line.leaves)):
        # The nodes that begin here, from the highest down
        for level in range(level_at(line, leaf - 1) + 1, level_at(line, leaf) + 1):
            inner[nodes], nodes = 1, nodes + 1
            cuts[inners], inners = line.numbers[line.cut + end_of(line, leaf, 0, level + 1)], inners + 1
        inner[nodes], nodes = 0, nodes + 1


@inlined
def plant(line: Line, nodes: int, waiting: Any, inner: Any, cuts: Any, first_node: int, first_cut: int) -> None:
    """Give an empty tree its shape and cuts."""
    ids, numbers = line.ids, line.numbers
    depths = np.empty(line.samples, np.int64)
    left, inners, leaf, depth = 0, 0, 0, 0  # `left` nodes still wait for their right child
    for i in range(nodes):
        if inner[first_node + i]:
            waiting[left], depths[left] = inners, depth
            left, inners, depth = left + 1, inners + 1, depth + 1
            continue
        ids[line.mass + leaf] = ids[line.level + leaf] = 0
        if left > 0:
            left -= 1
            depth = depths[left] + 1
            numbers[line.cut + leaf], ids[line.level + leaf] = cuts[first_cut + waiting[left]], depth
        leaf += 1
    ids[line.leaves] = leaf
    update_guide(line)


@inlined
def settle(line: Line, x: float) -> None:
    """Give a sampled value to the leaf that the cuts lead it to."""
    leaf = search(line, x)
    line.numbers[line.value + leaf] = x
    line.ids[line.mass + leaf] += 1
