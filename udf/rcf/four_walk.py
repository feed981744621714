"""`walk` of four points side by side, bit for bit, over 2 to 16 coordinates.

Vectors are of the coordinates of a box, then of the four points. They climb until the last is in a box: where boxes are
small, steps in vain cost less than surprises.
"""

import math
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .arrays import MASS, PARENT, ROOT, SPAN, Tree, single
from .compiling import inlined
from .descent import Sections, points_from, walk_down
from .instructions import LANE, WORD, any_of, greatest, like, word
from .scoring import DEPTH, WEIGHT
from .space import Shape, Space, in_shapes
from .vectors import FEW, MANY

SHAPES: list[Shape] = [(FEW, 1), (MANY, 1), (MANY, 2)]
MOST = math.prod(SHAPES[-1])
_FLOATS = ir.VectorType(ir.DoubleType(), FEW)


def _vector(builder: ir.IRBuilder, numbers: Sequence[Any]) -> Any:
    vector = ir.Constant(_FLOATS, ir.Undefined)
    for i, number in enumerate(numbers):
        vector = builder.insert_element(vector, number, ir.Constant(LANE, i))
    return vector


def _shuffled(builder: ir.IRBuilder, a: Any, b: Any, lanes: Sequence[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(LANE, len(lanes)), list(lanes)))


def _sums(builder: ir.IRBuilder, vectors: Sequence[Any]) -> Any:
    """The sum of each of four vectors, in the order of `instructions.joined`: halves, then halves of those."""
    while vectors[0].type.count > FEW:
        half = vectors[0].type.count // 2
        halves = [[_shuffled(builder, v, v, range(at, at + half)) for at in (0, half)] for v in vectors]
        vectors = [builder.fadd(low, high) for low, high in halves]
    a, b, c, d = vectors
    pairs = [
        builder.fadd(_shuffled(builder, p, q, [0, 1, 4, 5]), _shuffled(builder, p, q, [2, 3, 6, 7]))
        for p, q in ((a, c), (b, d))
    ]
    ac, bd = pairs
    return builder.fadd(_shuffled(builder, ac, bd, [0, 4, 2, 6]), _shuffled(builder, ac, bd, [1, 5, 3, 7]))


def _at_leaves(
    builder: ir.IRBuilder, tree: Sections, space: Space, here: Sequence[Any], leaves: Sequence[Any], depths: Any,
    table: Any,
) -> Any:  # fmt: skip
    """The scores of four points at their leaves: `walk._at_leaf`."""
    fresh = builder.fdiv(like(_FLOATS, 1.0), builder.fadd(depths, like(_FLOATS, 1.0)))
    same = ir.Constant(ir.VectorType(ir.IntType(1), FEW), ir.Undefined)
    numbers = [builder.sub(leaf, tree.samples) for leaf in leaves]
    for i, (leaf, point) in enumerate(zip(numbers, here, strict=True)):
        same = builder.insert_element(same, builder.not_(space.differs(point, leaf)), ir.Constant(LANE, i))
    before, known, on = builder.block, builder.append_basic_block("known"), builder.append_basic_block("on")
    builder.cbranch(any_of(builder, same), known, on)

    builder.position_at_end(known)
    masses = [builder.mul(tree.id(builder, MASS, leaf), word(3)) for leaf in numbers]
    weights, deep = (
        _vector(builder, [builder.load(builder.gep(table, [builder.add(m, word(column))])) for m in masses])
        for column in (WEIGHT, DEPTH)
    )
    seen = builder.select(same, builder.fdiv(weights, builder.fadd(depths, deep)), fresh)
    builder.branch(on)

    builder.position_at_end(on)
    scores = builder.phi(_FLOATS)
    scores.add_incoming(fresh, before)
    scores.add_incoming(seen, known)
    return scores


def _climb(
    builder: ir.IRBuilder, tree: Sections, space: Space, here: Sequence[Any], leaves: Sequence[Any], depths: Any,
    scores: Any,
) -> Any:  # fmt: skip
    """The scores of four points, from those at their leaves, up while any is outside of boxes: `walk._step`."""
    before, up, top = builder.block, builder.append_basic_block("up"), builder.append_basic_block("top")
    zero, one = like(_FLOATS, 0.0), like(_FLOATS, 1.0)
    builder.cbranch(any_of(builder, builder.fcmp_ordered(">", depths, zero)), up, top)

    builder.position_at_end(up)
    nodes = [builder.phi(WORD) for _ in leaves]
    depth, score = builder.phi(_FLOATS), builder.phi(_FLOATS)
    above = [tree.id(builder, PARENT, node) for node in nodes]
    gaps = [space.outside(point, *space.box(node)) for node, point in zip(above, here, strict=True)]
    below_root = builder.fcmp_ordered(">", depth, zero)  # the root is its own parent
    beyond = builder.select(below_root, _sums(builder, gaps), zero)
    spans = _vector(builder, [tree.number(builder, SPAN, node) for node in above])
    separated = builder.fdiv(beyond, builder.fadd(beyond, spans))
    apart = builder.fdiv(one, greatest(builder, depth, one))
    higher = builder.fadd(score, builder.fmul(separated, builder.fsub(apart, score)))
    shallower = greatest(builder, builder.fsub(depth, one), zero)
    for node, leaf, parent in zip(nodes, leaves, above, strict=True):
        node.add_incoming(leaf, before)
        node.add_incoming(parent, up)
    for phi, at_leaf, at_parent in ((depth, depths, shallower), (score, scores, higher)):
        phi.add_incoming(at_leaf, before)
        phi.add_incoming(at_parent, up)
    builder.cbranch(any_of(builder, builder.fcmp_ordered(">", beyond, zero)), up, top)

    builder.position_at_end(top)
    told = builder.phi(_FLOATS)
    told.add_incoming(scores, before)
    told.add_incoming(higher, up)
    return told


def _add(builder: ir.IRBuilder, told: Any, scores: Any, numbers: Sequence[Any]) -> None:
    """Add to scores of points. Where two are the same point, it is added once: read are all before one is written."""
    places = [builder.gep(scores, [number]) for number in numbers]
    sums = builder.fadd(_vector(builder, [builder.load(place) for place in places]), told)
    for i, place in enumerate(places):
        builder.store(builder.extract_element(sums, ir.Constant(LANE, i)), place)


def _scoring(points_at_once: int) -> Any:
    def build(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        ids, numbers, samples, coordinates, root, points, first, last, step, table, scores = arguments
        tree = Sections(ids, numbers, samples)
        of_points = points_from(builder, first, last, points_at_once)
        starts = [builder.mul(number, step) for number in of_points]
        leaves, depths = walk_down(builder, tree, root, points, starts)
        done = builder.append_basic_block("done")

        def of_shape(shape: Shape) -> None:
            space = Space(builder, tree, coordinates, shape)
            for i in range(0, points_at_once, FEW):
                some = slice(i, i + FEW)
                here = [space.load(points, start) for start in starts[some]]
                deep = builder.sitofp(_shuffled(builder, depths, depths, range(i, i + FEW)), _FLOATS)
                told = _at_leaves(builder, tree, space, here, leaves[some], deep, table)
                told = _climb(builder, tree, space, here, leaves[some], deep, told)
                _add(builder, told, scores, of_points[some])
            builder.branch(done)

        in_shapes(builder, coordinates, SHAPES, of_shape)
        builder.position_at_end(done)
        return leaves[-1]

    def typed(
        _context: Any, ids: Any, numbers: Any, _samples: Any, _coordinates: Any, _root: Any, points: Any, _first: Any,
        _last: Any, _step: Any, table: Any, scores: Any,
    ) -> Any:  # fmt: skip
        number = types.int64
        told = number(ids, numbers, number, number, number, points, number, number, number, table, scores)
        return told, build

    return intrinsic(typed)


# add_…(ids, numbers, samples, coordinates, root, points, first, last, step, table, scores): adds to scores[first], …
# those of so many points, or of those up to `last`; point i begins at points[i * step]. The id of the leaf of the last.
_add_four, _add_eight = _scoring(4), _scoring(8)


@inlined
def add_scores(tree: Tree, points: Any, begin: int, end: int, step: int, table: Any, scores: Any) -> int:
    """As `walk.add_scores`."""
    ids, numbers, samples, coordinates = tree.ids, tree.numbers, tree.samples, tree.coordinates
    last, root, first = end - 1, int(ids[single(tree, ROOT)]), begin
    while end - first > FEW:
        leaf = _add_eight(ids, numbers, samples, coordinates, root, points, first, last, step, table, scores)
        first += 2 * FEW
        if first >= end:
            return int(leaf)
    return int(_add_four(ids, numbers, samples, coordinates, root, points, first, last, step, table, scores))
