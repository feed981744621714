"""`walk` and `attribution` of points that fit into registers, bit for bit: they stay there on their whole way."""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from . import four_walk
from .arrays import PARENT, SPAN
from .compiling import inlined
from .descent import Sections
from .instructions import WORD, greatest, joined, like, spread, word
from .scoring import RECIPROCAL
from .space import Shape, Space, in_shapes
from .vectors import MANY

_MOST = 8  # vectors of MANY, which leave registers for the rest
_MORE_SHAPES = [(MANY, vectors) for vectors in range(four_walk.MOST // MANY + 1, _MOST + 1)]
_SHAPES = [*four_walk.SHAPES, *_MORE_SHAPES]


@inlined
def fits(coordinates: int) -> bool:
    """Whether so many stay in registers: `rise` and `split` are for no more."""
    return coordinates <= _MOST * MANY


@inlined
def is_left_to_climb(coordinates: int) -> bool:
    """Whether `climb` is for so many."""
    return four_walk.MOST < coordinates <= _MOST * MANY


def _climb(
    builder: ir.IRBuilder, tree: Sections, space: Space, point: Sequence[Any], table: Any, leaf: Any, leaf_depth: Any,
    leaf_score: Any, done: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The loop over the boxes above a leaf, for points of such a shape; the score and the block it is known in."""
    before, up = builder.block, builder.append_basic_block("up")
    builder.branch(up)

    builder.position_at_end(up)
    node, depth, score = builder.phi(WORD), builder.phi(WORD), builder.phi(ir.DoubleType())
    above = tree.id(builder, PARENT, node)
    outside = joined(builder, space.outside(point, *space.box(above)), builder.fadd)
    at_root = builder.icmp_signed("==", depth, word(0))  # the root is its own parent
    outside = builder.select(at_root, like(outside.type, 0.0), outside)
    separated = builder.fdiv(outside, builder.fadd(outside, tree.number(builder, SPAN, above)))
    row = builder.add(builder.mul(depth, word(3)), word(RECIPROCAL))
    apart = builder.fsub(builder.load(builder.gep(table, [row])), score)
    higher = builder.fadd(score, builder.fmul(separated, apart))
    shallower = builder.select(at_root, depth, builder.sub(depth, word(1)))
    for phi, first, then in zip(
        (node, depth, score), (leaf, leaf_depth, leaf_score), (above, shallower, higher), strict=True
    ):
        phi.add_incoming(first, before)
        phi.add_incoming(then, up)
    builder.cbranch(builder.fcmp_ordered(">", outside, like(outside.type, 0.0)), up, done)
    return higher, up


def _rise(
    builder: ir.IRBuilder, tree: Sections, space: Space, point: Sequence[Any], path: Any, outsides: Any, leaf: Any,
    leaf_depth: Any, done: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The same loop, which notes nodes and distances; the least depth noted and the block it is known in."""
    before = builder.block
    up, note = builder.append_basic_block("rise"), builder.append_basic_block("note")
    builder.branch(up)

    builder.position_at_end(up)
    node, depth = builder.phi(WORD), builder.phi(WORD)
    above = tree.id(builder, PARENT, node)
    outside = joined(builder, space.outside(point, *space.box(above)), builder.fadd)
    shallower = builder.sub(depth, word(1))
    at_root = builder.icmp_signed("==", depth, word(0))
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
    builder: ir.IRBuilder, tree: Sections, space: Space, point: Sequence[Any], path: Any, weights: Any, first: Any,
    last: Any, leaf: Any, lows: Any, highs: Any, to: Any, done: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The sums of `split`, in registers meanwhile."""
    zero = like(space.kind, 0.0)

    def more(sums: Sequence[Any], low: Any, high: Any, weight: Any) -> list[Any]:
        gaps = [gap for pair in space.gaps(point, low, high) for gap in pair]
        shares = [builder.fmul(greatest(builder, gap, zero), spread(builder, weight, space.kind)) for gap in gaps]
        return [builder.fadd(total, share) for total, share in zip(sums, shares, strict=True)]

    kept = [vector for pair in zip(space.load(lows, to), space.load(highs, to), strict=True) for vector in pair]
    before, on, body, end = builder.block, *(builder.append_basic_block(name) for name in ("on", "body", "end"))
    builder.branch(on)

    builder.position_at_end(on)
    at, sums = builder.phi(WORD), [builder.phi(space.kind) for _ in kept]
    builder.cbranch(builder.icmp_signed("<", at, last), body, end)

    builder.position_at_end(body)
    node, weight = (builder.load(builder.gep(base, [at])) for base in (path, weights))
    split = more(sums, *space.box(node), weight)
    for phi, start, then in zip((at, *sums), (first, *kept), (builder.add(at, word(1)), *split), strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(then, body)
    builder.branch(on)

    builder.position_at_end(end)
    all_of_it = more(sums, leaf, leaf, builder.load(builder.gep(weights, [last])))
    space.store(all_of_it[::2], lows, to)
    space.store(all_of_it[1::2], highs, to)
    builder.branch(done)
    return word(0), end


def _by_shape(emit: Any, result: types.Type, shapes: Sequence[Shape]) -> Any:
    """What builds a function of (ids, numbers, samples, coordinates, points, x, …): code for each shape."""

    def build(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        ids, numbers, samples, coordinates, points, x, *rest = arguments
        tree, told = Sections(ids, numbers, samples), []
        done = builder.append_basic_block("done")

        def of_shape(shape: Shape) -> None:
            space = Space(builder, tree, coordinates, shape)
            told.append(emit(builder, tree, space, space.load(points, x), *rest, done))

        in_shapes(builder, coordinates, shapes, of_shape)
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
    return real(ids, numbers, at, at, points, at, table, at, at, real), _by_shape(_climb, real, _MORE_SHAPES)


def _type_rise(
    _context: Any, ids: Any, numbers: Any, _samples: Any, _coordinates: Any, points: Any, _x: Any, path: Any,
    outsides: Any, _leaf: Any, _depth: Any,
) -> Any:  # fmt: skip
    at = types.int64
    return at(ids, numbers, at, at, points, at, path, outsides, at, at), _by_shape(_rise, at, _SHAPES)


def _type_split(
    _context: Any, ids: Any, numbers: Any, _samples: Any, _coordinates: Any, points: Any, _x: Any, path: Any,
    weights: Any, _first: Any, _last: Any, _leaf: Any, lows: Any, highs: Any, _to: Any,
) -> Any:  # fmt: skip
    at = types.int64
    told = at(ids, numbers, at, at, points, at, path, weights, at, at, at, lows, highs, at)
    return told, _by_shape(_split, at, _SHAPES)


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
