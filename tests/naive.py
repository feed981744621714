"""A slow, obvious random cut forest: the definitions in plain Python, as an oracle for `udf.rcf`.

Nothing is shared with the kernels but the formula of the random numbers, so that samples can be compared
record by record; trees are drawn with Python's own generator, and compared in distribution.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Optional

Point = tuple[float, ...]
MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(bits: int) -> int:
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
    return bits ^ (bits >> 31)


def uniform(seed: int, tree: int, number: int, draw: int) -> float:
    start = mix((mix((seed + GOLDEN) & MASK) + tree * GOLDEN) & MASK)
    bits = mix((start + (number * 4 + draw) * GOLDEN) & MASK)
    return ((bits >> 12) + 0.5) / 2.0**52


def least(numbers: Iterable[int], seed: int, tree: int, sample_size: int, time_decay: int) -> set[int]:
    """The reservoir: the records of least priority."""

    def priority(number: int) -> float:
        return math.log(-math.log(uniform(seed, tree, number, 0))) - number / time_decay

    return set(sorted(numbers, key=priority)[:sample_size])


@dataclass
class Node:
    """An inner node, or with a `point` a leaf."""

    low: list[float]
    high: list[float]
    mass: int = 1
    point: Point | None = None
    axis: int = 0
    cut: float = 0.0
    left: Optional["Node"] = None
    right: Optional["Node"] = None


def leaf(point: Point, mass: int = 1) -> Node:
    return Node(list(point), list(point), mass, point)


def hull(node: Node, point: Point) -> tuple[list[float], list[float]]:
    return (
        [min(a, x) for a, x in zip(node.low, point, strict=True)],
        [max(a, x) for a, x in zip(node.high, point, strict=True)],
    )


def draw_cut(low: list[float], high: list[float], rng: random.Random) -> tuple[int, float]:
    """Definition 1: a coordinate by the length of its side, then uniformly on it."""
    sides = [b - a for a, b in zip(low, high, strict=True)]
    axis = rng.choices(range(len(sides)), sides)[0]
    return axis, low[axis] + rng.random() * sides[axis]


def fresh_tree(points: list[Point], rng: random.Random) -> Node:
    """A tree drawn on a whole sample at once."""
    if len(set(points)) == 1:
        return leaf(points[0], len(points))
    low = [min(p[i] for p in points) for i in range(len(points[0]))]
    high = [max(p[i] for p in points) for i in range(len(points[0]))]
    axis, cut = draw_cut(low, high, rng)
    left = fresh_tree([p for p in points if p[axis] <= cut], rng)
    right = fresh_tree([p for p in points if p[axis] > cut], rng)
    return Node(low, high, len(points), None, axis, cut, left, right)


def insert(node: Node | None, point: Point, rng: random.Random) -> Node:
    """Algorithm 2 top down: a cut of the extended box at every node."""
    if node is None:
        return leaf(point)
    if node.point == point:
        node.mass += 1
        return node
    low, high = hull(node, point)
    axis, cut = draw_cut(low, high, rng)
    if point[axis] <= cut < node.low[axis]:
        return Node(low, high, node.mass + 1, None, axis, cut, leaf(point), node)
    if node.high[axis] <= cut < point[axis]:
        return Node(low, high, node.mass + 1, None, axis, cut, node, leaf(point))
    node.low, node.high, node.mass = low, high, node.mass + 1
    if point[node.axis] <= node.cut:
        node.left = insert(node.left, point, rng)
    else:
        node.right = insert(node.right, point, rng)
    return node


def forget(node: Any, point: Point) -> Node | None:
    """Algorithm 1: the leaf goes, its sibling takes the parent's place, boxes shrink."""
    if node.point is not None:
        node.mass -= 1
        return node if node.mass else None
    if point[node.axis] <= node.cut:
        node.left = forget(node.left, point)
    else:
        node.right = forget(node.right, point)
    if node.left is None or node.right is None:
        return node.left or node.right
    node.mass -= 1
    node.low = [min(a, b) for a, b in zip(node.left.low, node.right.low, strict=True)]
    node.high = [max(a, b) for a, b in zip(node.left.high, node.right.high, strict=True)]
    return node


def score(node: Any, point: Point, scoring: str, whole: int | None = None, depth: int = 0) -> float:
    """The expected score of a point over fresh cuts, of a tree of mass `whole`; without the normalizer."""
    whole = node.mass if whole is None else whole
    if node.point == point:
        if scoring == "open":
            return (1 - node.mass / (2 * whole)) / (depth + math.log2(node.mass + 1))
        return 1 / (whole + 1) if depth == 0 else 1 / (depth + math.log2(node.mass))
    if node.point is not None:
        return 1 / (depth + 1)
    low, high = hull(node, point)
    outside = sum(b - a for a, b in zip(low, high, strict=True)) - sum(
        b - a for a, b in zip(node.low, node.high, strict=True)
    )
    p = outside / sum(b - a for a, b in zip(low, high, strict=True))
    child = node.left if point[node.axis] <= node.cut else node.right
    return p / (depth + 1) + (1 - p) * score(child, point, scoring, whole, depth + 1)


def gaps(node: Node, point: Point) -> tuple[list[float], list[float]]:
    """By how much the point is below and above the box, by coordinate."""
    return (
        [max(0.0, a - x) for a, x in zip(node.low, point, strict=True)],
        [max(0.0, x - b) for b, x in zip(node.high, point, strict=True)],
    )


def attribution(
    node: Any, point: Point, scoring: str, whole: int, depth: int = 0, sibling: Node | None = None
) -> tuple[list[float], list[float]]:
    """What of `score` comes from each coordinate being low, and from its being high."""
    if node.point == point:
        seen = score(node, point, scoring, whole, depth)
        if sibling is None:
            return [seen / (2 * len(point))] * len(point), [seen / (2 * len(point))] * len(point)
        low, high = gaps(sibling, point)
        return [seen * (gap / sum(low + high)) for gap in low], [seen * (gap / sum(low + high)) for gap in high]
    low, high = gaps(node, point)
    outside, span = sum(low + high), sum(b - a for a, b in zip(node.low, node.high, strict=True))
    if node.point is not None:
        return [gap / outside / (depth + 1) for gap in low], [gap / outside / (depth + 1) for gap in high]
    on, off = (node.left, node.right) if point[node.axis] <= node.cut else (node.right, node.left)
    below = attribution(on, point, scoring, whole, depth + 1, off)
    p = outside / (outside + span)
    lows, highs = (
        [gap / (outside + span) / (depth + 1) + (1 - p) * inner for gap, inner in zip(side, inside, strict=True)]
        for side, inside in zip((low, high), below, strict=True)
    )
    return lows, highs


def forest_scores(
    points: list[Point], num_trees: int, sample_size: int, time_decay: int, seed: int, scoring: str
) -> list[float]:
    """Score, then learn, every point by every tree."""
    normalizer = math.log2(sample_size if scoring == "kinesis" else sample_size + 1)
    totals = [0.0] * len(points)
    for tree in range(num_trees):
        rng = random.Random(f"{seed}/{tree}")
        root: Node | None = None
        sample: set[int] = set()
        for number, point in enumerate(points):
            if number >= sample_size:
                totals[number] += score(root, point, scoring)
            kept = least(sample | {number}, seed, tree, sample_size, time_decay)
            for gone in sample - kept:
                root = forget(root, points[gone])
            if number in kept:
                root = insert(root, point, rng)
            sample = kept
    return [normalizer * total / num_trees for total in totals]
