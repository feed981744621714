"""`walk` and `attribution` of points that fit into registers, bit for bit: they stay there on their whole way.

All functions here have code for each number of coordinates that `fits`, and are for no other. Four are scored by
`few_walk`, and `climb` is not for them.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .arrays import BOX, PARENT, SPAN
from .compiling import inlined
from .descent import Sections
from .instructions import WORD, greatest, joined, like, load, spread, store
from .scoring import RECIPROCAL
from .vectors import FEW, MANY

_FEWEST, _MOST = 3, 8  # vectors of MANY; eight leave registers for the rest
_Shape: TypeAlias = tuple[int, int]
"""Of how many lanes how many vectors."""
_FOUR = (FEW, 1)
_SHAPES = [(MANY, vectors) for vectors in range(_FEWEST, _MOST + 1)]


@inlined
def fits(coordinates: int) -> bool:
    """Whether these functions have code for so many."""
    return coordinates == FEW or (coordinates % MANY == 0 and _FEWEST <= coordinates // MANY <= _MOST)


def _word(number: int) -> Any:
    return ir.Constant(WORD, number)


class _Point:
    """A point of such a shape, whose vectors are loaded where this is made."""

    def __init__(self, builder: ir.IRBuilder, tree: Sections, shape: _Shape, points: Any, x: Any) -> None:
        lanes, vectors = shape
        self.kind = ir.VectorType(ir.DoubleType(), lanes)
        self._builder, self._tree = builder, tree
        self._steps, self._size = [_word(lanes * i) for i in range(vectors)], _word(lanes * vectors)
        self._here = self.vectors(points, x)

    def vectors(self, base: Any, at: Any) -> list[Any]:
        """As many vectors of other numbers."""
        return [load(self._builder, base, self._builder.add(at, step), self.kind) for step in self._steps]

    def keep(self, vectors: Sequence[Any], base: Any, at: Any) -> None:
        for step, vector in zip(self._steps, vectors, strict=True):
            store(self._builder, vector, base, self._builder.add(at, step))

    def box(self, node: Any) -> tuple[Any, Any]:
        """Where low and high coordinates of an inner node begin."""
        low = self._tree.at(self._builder, BOX, self._builder.mul(node, self._builder.add(self._size, self._size)))
        return low, self._builder.add(low, self._size)

    def gaps(self, low: Any, high: Any) -> Iterator[tuple[Any, Any]]:
        """low - x and x - high, vector by vector."""
        sides = (self.vectors(self._tree.numbers, at) for at in (low, high))
        for least, most, point in zip(*sides, self._here, strict=True):
            yield self._builder.fsub(least, point), self._builder.fsub(point, most)

    def outside(self, low: Any, high: Any) -> Any:
        """`cutting.outside`."""
        sums = zero = like(self.kind, 0.0)
        for below, above in self.gaps(low, high):
            gap = greatest(self._builder, greatest(self._builder, below, above), zero)
            sums = self._builder.fadd(sums, gap)
        return joined(self._builder, sums, self._builder.fadd)


def _climb(
    builder: ir.IRBuilder, tree: Sections, shape: _Shape, points: Any, x: Any, table: Any, leaf: Any, leaf_depth: Any,
    leaf_score: Any, done: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The loop over the boxes above a leaf, for points of such a shape; the score and the block it is known in."""
    point, before, up = _Point(builder, tree, shape, points, x), builder.block, builder.append_basic_block("up")
    builder.branch(up)

    builder.position_at_end(up)
    node, depth, score = builder.phi(WORD), builder.phi(WORD), builder.phi(ir.DoubleType())
    above = tree.id(builder, PARENT, node)
    outside = point.outside(*point.box(above))
    at_root = builder.icmp_signed("==", depth, _word(0))  # the root is its own parent
    outside = builder.select(at_root, like(outside.type, 0.0), outside)
    separated = builder.fdiv(outside, builder.fadd(outside, tree.number(builder, SPAN, above)))
    row = builder.add(builder.mul(depth, _word(3)), _word(RECIPROCAL))
    apart = builder.fsub(builder.load(builder.gep(table, [row])), score)
    higher = builder.fadd(score, builder.fmul(separated, apart))
    shallower = builder.select(at_root, depth, builder.sub(depth, _word(1)))
    for phi, first, then in zip(
        (node, depth, score), (leaf, leaf_depth, leaf_score), (above, shallower, higher), strict=True
    ):
        phi.add_incoming(first, before)
        phi.add_incoming(then, up)
    builder.cbranch(builder.fcmp_ordered(">", outside, like(outside.type, 0.0)), up, done)
    return higher, up


def _rise(
    builder: ir.IRBuilder, tree: Sections, shape: _Shape, points: Any, x: Any, path: Any, outsides: Any, leaf: Any,
    leaf_depth: Any, done: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The same loop, which notes nodes and distances; the least depth noted and the block it is known in."""
    point, before = _Point(builder, tree, shape, points, x), builder.block
    up, note = builder.append_basic_block("rise"), builder.append_basic_block("note")
    builder.branch(up)

    builder.position_at_end(up)
    node, depth = builder.phi(WORD), builder.phi(WORD)
    above = tree.id(builder, PARENT, node)
    outside, shallower = point.outside(*point.box(above)), builder.sub(depth, _word(1))
    at_root = builder.icmp_signed("==", depth, _word(0))
    inside = builder.fcmp_ordered("<=", outside, like(outside.type, 0.0))
    builder.cbranch(builder.or_(at_root, inside), done, note)

    builder.position_at_end(note)
    builder.store(above, builder.gep(path, [shallower]))
    builder.store(outside, builder.gep(outsides, [shallower]))
    for phi, first, then in zip((node, depth), (leaf, leaf_depth), (above, shallower), strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(then, note)
    builder.branch(up)
    return depth, up


def _split(
    builder: ir.IRBuilder, tree: Sections, shape: _Shape, points: Any, x: Any, path: Any, weights: Any, first: Any,
    last: Any, leaf: Any, lows: Any, highs: Any, to: Any, done: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The sums of `split`, in registers meanwhile."""
    point = _Point(builder, tree, shape, points, x)
    zero = like(point.kind, 0.0)

    def more(sums: Sequence[Any], low: Any, high: Any, weight: Any) -> list[Any]:
        gaps = [gap for pair in point.gaps(low, high) for gap in pair]
        shares = [builder.fmul(greatest(builder, gap, zero), spread(builder, weight, point.kind)) for gap in gaps]
        return [builder.fadd(total, share) for total, share in zip(sums, shares, strict=True)]

    kept = [vector for pair in zip(point.vectors(lows, to), point.vectors(highs, to), strict=True) for vector in pair]
    before, on, body, end = builder.block, *(builder.append_basic_block(name) for name in ("on", "body", "end"))
    builder.branch(on)

    builder.position_at_end(on)
    at, sums = builder.phi(WORD), [builder.phi(point.kind) for _ in kept]
    builder.cbranch(builder.icmp_signed("<", at, last), body, end)

    builder.position_at_end(body)
    node, weight = (builder.load(builder.gep(base, [at])) for base in (path, weights))
    split = more(sums, *point.box(node), weight)
    for phi, start, then in zip((at, *sums), (first, *kept), (builder.add(at, _word(1)), *split), strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(then, body)
    builder.branch(on)

    builder.position_at_end(end)
    all_of_it = more(sums, leaf, leaf, builder.load(builder.gep(weights, [last])))
    point.keep(all_of_it[::2], lows, to)
    point.keep(all_of_it[1::2], highs, to)
    builder.branch(done)
    return _word(0), end


def _by_shape(emit: Any, result: types.Type, shapes: Sequence[_Shape]) -> Any:
    """What builds a function of (ids, numbers, samples, coordinates, points, x, …): code for each shape."""

    def build(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        ids, numbers, samples, coordinates, points, x, *rest = arguments
        other, done = builder.append_basic_block("other"), builder.append_basic_block("done")
        which, told = builder.switch(coordinates, other), []
        for shape in shapes:
            case = builder.append_basic_block("case")
            which.add_case(_word(shape[0] * shape[1]), case)
            builder.position_at_end(case)
            told.append(emit(builder, Sections(ids, numbers, samples), shape, points, x, *rest, done))
        builder.position_at_end(other)
        builder.unreachable()
        builder.position_at_end(done)
        known = builder.phi(context.get_value_type(result))
        for value, block in told:
            known.add_incoming(value, block)
        return known

    return build


def _type_climb(
    _context: Any, ids: Any, numbers: Any, _samples: Any, _coordinates: Any, points: Any, _x: Any, table: Any,
    _node: Any, _depth: Any, _score: Any,
) -> Any:  # fmt: skip
    at, real = types.int64, types.float64
    return real(ids, numbers, at, at, points, at, table, at, at, real), _by_shape(_climb, real, _SHAPES)


def _type_rise(
    _context: Any, ids: Any, numbers: Any, _samples: Any, _coordinates: Any, points: Any, _x: Any, path: Any,
    outsides: Any, _leaf: Any, _depth: Any,
) -> Any:  # fmt: skip
    at = types.int64
    return at(ids, numbers, at, at, points, at, path, outsides, at, at), _by_shape(_rise, at, [_FOUR, *_SHAPES])


def _type_split(
    _context: Any, ids: Any, numbers: Any, _samples: Any, _coordinates: Any, points: Any, _x: Any, path: Any,
    weights: Any, _first: Any, _last: Any, _leaf: Any, lows: Any, highs: Any, _to: Any,
) -> Any:  # fmt: skip
    at = types.int64
    told = at(ids, numbers, at, at, points, at, path, weights, at, at, at, lows, highs, at)
    return told, _by_shape(_split, at, [_FOUR, *_SHAPES])


# climb(ids, numbers, samples, coordinates, points, x, table, node, depth, score): the score of the point at `x`,
# given that at its leaf, which is `node` and not the root.
climb: Any = intrinsic(_type_climb)
# rise(ids, numbers, samples, coordinates, points, x, path, outsides, leaf, depth): notes, by depth, the nodes
# above a leaf that the point is outside of, and by how much; the least such depth, or that of the leaf.
rise: Any = intrinsic(_type_rise)
# split(ids, numbers, samples, coordinates, points, x, path, weights, first, last, leaf, lows, highs, to): adds
# what the point is below the boxes of path[first] … path[last - 1], times their weights, to lows from `to` on, and what
# it is above them to highs; then the same for the point at `leaf`, times weights[last]. 0.
split: Any = intrinsic(_type_split)
