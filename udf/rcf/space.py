"""Points and boxes of a tree in registers: so many vectors of so many lanes, 0 past the last coordinate."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from llvmlite import ir

from .arrays import BOX
from .descent import Sections
from .instructions import first_lanes, greatest, like, load, load_some, store, store_some, word

Shape: TypeAlias = tuple[int, int]
"""Of how many lanes how many vectors."""


class Space:
    """Vectors of a tree over that many coordinates, which need all vectors of the shape."""

    def __init__(self, builder: ir.IRBuilder, tree: Sections, coordinates: Any, shape: Shape) -> None:
        lanes, vectors = shape
        self.kind = ir.VectorType(ir.DoubleType(), lanes)
        self._builder, self._tree, self._coordinates = builder, tree, coordinates
        *self._whole, self._last = (word(lanes * i) for i in range(vectors))
        self._some = first_lanes(builder, builder.sub(coordinates, self._last), lanes)

    def load(self, base: Any, at: Any) -> list[Any]:
        """The numbers of all coordinates, from base[at] on."""
        builder = self._builder
        whole = [load(builder, base, builder.add(at, step), self.kind) for step in self._whole]
        return [*whole, load_some(builder, base, builder.add(at, self._last), self.kind, self._some)]

    def store(self, vectors: Sequence[Any], base: Any, at: Any) -> None:
        builder = self._builder
        for step, vector in zip(self._whole, vectors, strict=False):
            store(builder, vector, base, builder.add(at, step))
        store_some(builder, vectors[-1], base, builder.add(at, self._last), self._some)

    def box(self, node: Any) -> tuple[Any, Any]:
        """Where low and high coordinates of an inner node begin."""
        sides = self._builder.mul(word(2), self._coordinates)
        low = self._tree.at(self._builder, word(BOX), self._builder.mul(node, sides))
        return low, self._builder.add(low, self._coordinates)

    def leaf(self, leaf: Any) -> list[Any]:
        """The point of a leaf."""
        section = self._builder.add(word(BOX), self._builder.mul(word(2), self._coordinates))
        return self.load(
            self._tree.numbers, self._tree.at(self._builder, section, self._builder.mul(leaf, self._coordinates))
        )

    def gaps(self, point: Sequence[Any], low: Any, high: Any) -> Iterator[tuple[Any, Any]]:
        """low - x and x - high, vector by vector."""
        sides = (self.load(self._tree.numbers, at) for at in (low, high))
        for least, most, x in zip(*sides, point, strict=True):
            yield self._builder.fsub(least, x), self._builder.fsub(x, most)

    def outside(self, point: Sequence[Any], low: Any, high: Any) -> Any:
        """The sums that `cutting.outside` joins."""
        sums = zero = like(self.kind, 0.0)
        for below, above in self.gaps(point, low, high):
            gap = greatest(self._builder, greatest(self._builder, below, above), zero)
            sums = self._builder.fadd(sums, gap)
        return sums


def in_shapes(
    builder: ir.IRBuilder, coordinates: Any, shapes: Sequence[Shape], of_shape: Callable[[Shape], None]
) -> None:
    """Code for each shape, which ends with a branch, run for coordinates that need it: the last of theirs is in it."""
    *others, last = shapes
    for lanes, vectors in others:
        here, beyond = builder.append_basic_block("shape"), builder.append_basic_block("beyond")
        builder.cbranch(builder.icmp_signed("<=", coordinates, word(lanes * vectors)), here, beyond)
        builder.position_at_end(here)
        of_shape((lanes, vectors))
        builder.position_at_end(beyond)
    of_shape(last)
