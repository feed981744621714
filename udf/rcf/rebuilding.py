"""Trees taken apart and put together again.

A tree is given by its shape and cuts in preorder and by the records of its sample. The rest follows: a
point's leaf from the cuts, masses and boxes from the points, priorities from record numbers.
"""

from typing import Any

import numpy as np

from . import line, line_rebuilding
from .arrays import (
    AXIS,
    CHILD,
    CUT,
    FREE_LEAF,
    FREE_NODE,
    LEAVES,
    MASS,
    PARENT,
    ROOT,
    Floats,
    Ids,
    Integers,
    Tree,
    point_at,
    single,
    tree_at,
)
from .compiling import kernel, part
from .pointers import floats_at
from .reservoir import priority_of, put_entry, sample_of
from .tree import find, join_boxes


@kernel
def take_apart(
    trees: int,
    num_trees: int,
    samples: int,
    coordinates: int | None,
    leaf_counts: Integers,
    inner: Any,
    cuts: Floats,
    axes: Ids,
) -> None:
    """Write, tree after tree in preorder, whether a node is an inner one, and the cuts and axes of those."""
    waiting = np.empty(samples + 1, np.int64)
    nodes = inners = 0
    for t in range(num_trees):
        if leaf_counts[t] == 0:
            continue
        if coordinates is None:
            line_rebuilding.take_apart(line.line_at(trees, t, samples), inner, cuts, nodes, inners)
        else:
            _take_apart(tree_at(trees, t, samples, coordinates), waiting, inner, cuts, axes, nodes, inners)
        nodes, inners = nodes + 2 * leaf_counts[t] - 1, inners + leaf_counts[t] - 1


@part
def _take_apart(tree: Tree, waiting: Any, inner: Any, cuts: Any, axes: Any, nodes: int, inners: int) -> None:
    samples = tree.samples
    waiting[0], left = tree.ids[single(tree, ROOT)], 1
    while left > 0:
        left -= 1
        node = waiting[left]
        inner[nodes] = node < samples
        nodes += 1
        if node < samples:
            cuts[inners] = tree.numbers[CUT * samples + node]
            axes[inners] = tree.ids[AXIS * samples + node]
            inners += 1
            waiting[left] = tree.ids[CHILD * samples + 2 * node + 1]
            waiting[left + 1] = tree.ids[CHILD * samples + 2 * node]
            left += 2


@part
def _plant(tree: Tree, nodes: int, inner: Any, cuts: Any, axes: Any, first_node: int, first_cut: int) -> int:
    """Give an empty tree its shape and cuts; returns the number of its leaves."""
    samples, ids = tree.samples, tree.ids
    waiting = np.empty(samples, np.int64)  # places in `ids` that wait for a child
    waiting[0], left, inners, leaves = single(tree, ROOT), 1, 0, 0
    for i in range(nodes):
        left -= 1
        place = waiting[left]
        node = inners if inner[first_node + i] else samples + leaves
        ids[place] = node
        ids[PARENT * samples + node] = (place - CHILD * samples) // 2 if i > 0 else node
        if node < samples:
            tree.numbers[CUT * samples + node] = cuts[first_cut + inners]
            ids[AXIS * samples + node] = axes[first_cut + inners]
            inners += 1
            waiting[left] = CHILD * samples + 2 * node + 1
            waiting[left + 1] = CHILD * samples + 2 * node
            left += 2
        else:
            leaves += 1
    ids[single(tree, LEAVES)] = ids[single(tree, FREE_LEAF)] = leaves
    ids[single(tree, FREE_NODE)] = inners
    return leaves


@part
def _settle(tree: Tree, points: Any, x: int) -> int:
    """Give a sampled point to the leaf that the cuts lead it to; returns the leaf."""
    leaf = find(tree, points, x) - tree.samples
    tree.ids[MASS * tree.samples + leaf] += 1
    for i in range(tree.coordinates):
        tree.numbers[point_at(tree, leaf) + i] = points[x + i]
    return leaf


@kernel
def put_together(
    trees: int,
    num_trees: int,
    samples: int,
    coordinates: int | None,
    seed: np.uint64,
    decay_rate: float,
    leaf_counts: Integers,
    inner: Any,
    cuts: Floats,
    axes: Ids,
    sampled: Integers,
    records: Integers,
    points: Floats,
) -> None:
    """Fill empty trees.

    leaf_counts: (trees,). sampled: (trees, size), which rows of records (n,) and points (n, coordinates)
    are the sample of each tree.
    """
    at_points = floats_at(points.ctypes.data)
    first_node = first_cut = 0
    for t in range(num_trees):
        nodes = 2 * leaf_counts[t] - 1
        if nodes < 0:
            continue
        if coordinates is None:
            on_line = line.line_at(trees, t, samples)
            sample = sample_of(on_line, t, seed, decay_rate)
            line_rebuilding.plant(on_line, nodes, np.empty(samples + 1, np.int64), inner, cuts, first_node, first_cut)
            for i in range(sampled.shape[1]):
                number, x = records[sampled[t, i]], points[sampled[t, i], 0]
                line_rebuilding.settle(on_line, x)
                put_entry(sample, i, priority_of(sample, number), number, x)
        else:
            tree = tree_at(trees, t, samples, coordinates)
            sample = sample_of(tree, t, seed, decay_rate)
            inners = _plant(tree, nodes, inner, cuts, axes, first_node, first_cut) - 1
            for i in range(sampled.shape[1]):
                row = sampled[t, i]
                leaf = _settle(tree, at_points, row * coordinates)
                put_entry(sample, i, priority_of(sample, records[row]), records[row], leaf)
            for node in range(inners - 1, -1, -1):
                join_boxes(tree, node)
        first_node += nodes
        first_cut += leaf_counts[t] - 1
