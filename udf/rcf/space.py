"""Points and boxes of a tree in registers: so many vectors of so many lanes, the last of which may be part of one.

Of boxes, and of points in the tree, whole vectors are read: what follows them there (at the end scratch, a word for
each of ten samples or more) fills the last, and is then left out. Where CPUs have no loads by a mask, those would be
branches, lane by lane.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, TypeAlias

from llvmlite import ir

from .arrays import BOX
from .descent import Sections
from .instructions import any_of, first_lanes, greatest, like, load, store, word

Shape: TypeAlias = tuple[int, int]
"""Of how many lanes how many vectors."""


class Space:
    """Vectors of a tree over that many coordinates: as many as fill the shape but for a part of its last vector."""

    def __init__(self, builder: ir.IRBuilder, tree: Sections, coordinates: Any, shape: Shape) -> None:
        lanes, vectors = shape
        self.kind = ir.VectorType(ir.DoubleType(), lanes)
        self._builder, self._tree, self._coordinates = builder, tree, coordinates
        self._steps = [word(lanes * i) for i in range(vectors)]
        self._some = first_lanes(builder, builder.sub(coordinates, self._steps[-1]), lanes)
        self._lanes = [*[None] * (vectors - 1), self._some]

    def load(self, base: Any, at: Any) -> list[Any]:
        """The numbers of all coordinates, from base[at] on, and no others."""
        builder = self._builder
        steps = zip(self._steps, self._lanes, strict=True)
        return [load(builder, base, builder.add(at, step), self.kind, lanes) for step, lanes in steps]

    def _load_own(self, at: Any) -> list[Any]:
        """The same of the tree, and what follows them there."""
        builder = self._builder
        return [load(builder, self._tree.numbers, builder.add(at, step), self.kind) for step in self._steps]

    def store(self, vectors: Sequence[Any], base: Any, at: Any) -> None:
        builder = self._builder
        for step, lanes, vector in zip(self._steps, self._lanes, vectors, strict=True):
            store(builder, vector, base, builder.add(at, step), lanes)

    def box(self, node: Any) -> tuple[Any, Any]:
        """Where low and high coordinates of an inner node begin."""
        sides = self._builder.mul(word(2), self._coordinates)
        low = self._tree.at(self._builder, word(BOX), self._builder.mul(node, sides))
        return low, self._builder.add(low, self._coordinates)

    def differs(self, point: Sequence[Any], leaf: Any) -> Any:
        """Whether the point is another than that of a leaf: `cutting.differ`."""
        builder = self._builder
        section = builder.add(word(BOX), builder.mul(word(2), self._coordinates))
        own = self._load_own(self._tree.at(builder, section, builder.mul(leaf, self._coordinates)))
        *others, last = (builder.fcmp_unordered("!=", a, b) for a, b in zip(own, point, strict=True))
        return any_of(builder, reduce(builder.or_, others, builder.and_(last, self._some)))

    def gaps(self, point: Sequence[Any], low: Any, high: Any) -> Iterator[tuple[Any, Any]]:
        """low - x and x - high, vector by vector; anything past the last coordinate."""
        for least, most, x in zip(self._load_own(low), self._load_own(high), point, strict=True):
            yield self._builder.fsub(least, x), self._builder.fsub(x, most)

    def outside(self, point: Sequence[Any], low: Any, high: Any) -> Any:
        """The sums that `cutting.outside` joins."""
        builder, zero = self._builder, like(self.kind, 0.0)
        *others, last = (
            greatest(builder, greatest(builder, below, above), zero) for below, above in self.gaps(point, low, high)
        )
        return reduce(builder.fadd, [*others, builder.select(self._some, last, zero)])


def in_shapes(
    builder: ir.IRBuilder, coordinates: Any, shapes: Sequence[Shape], of_shape: Callable[[Shape], None]
) -> None:
    """Code for each shape, smaller ones first, which ends with a branch: run is that of the first that has room.

    There must be no more coordinates than the last has room for, and more than a smaller one than the first would have.
    """
    *others, last = shapes
    for lanes, vectors in others:
        here, beyond = builder.append_basic_block("shape"), builder.append_basic_block("beyond")
        builder.cbranch(builder.icmp_signed("<=", coordinates, word(lanes * vectors)), here, beyond)
        builder.position_at_end(here)
        of_shape((lanes, vectors))
        builder.position_at_end(beyond)
    of_shape(last)
