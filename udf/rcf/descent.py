"""Several points go down a tree side by side, without branches: each waits for memory, and the waits overlap."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .arrays import AXIS, CHILD, CUT
from .instructions import LANE, WORD, any_of, spread, word
from .pointers import choose

_EIGHT = 8


class Sections(NamedTuple):
    """A tree (`arrays.Tree`) as what is written in instructions gets it."""

    ids: Any
    numbers: Any
    samples: Any

    def at(self, builder: ir.IRBuilder, section: Any, place: Any) -> Any:
        """Where a place of that section is."""
        return builder.add(builder.mul(self.samples, section), place)

    def id(self, builder: ir.IRBuilder, section: int, place: Any) -> Any:
        return builder.zext(builder.load(builder.gep(self.ids, [self.at(builder, word(section), place)])), WORD)

    def number(self, builder: ir.IRBuilder, section: int, place: Any) -> Any:
        return builder.load(builder.gep(self.numbers, [self.at(builder, word(section), place)]))


def points_from(builder: ir.IRBuilder, first: Any, last: Any, points_at_once: int) -> list[Any]:
    """The numbers first, first + 1, …, so many, and `last` in place of those that are more."""
    numbers = [builder.add(first, word(i)) for i in range(points_at_once)]
    return [builder.select(builder.icmp_signed("<", number, last), number, last) for number in numbers]


def walk_down(
    builder: ir.IRBuilder, tree: Sections, root: Any, points: Any, starts: Sequence[Any]
) -> tuple[list[Any], Any]:
    """The ids of the leaves that the cuts lead points to, which begin at `starts`, and a vector of their depths."""
    depths_of = ir.VectorType(LANE, len(starts))
    samples = spread(builder, builder.trunc(tree.samples, LANE), depths_of)
    is_inner = builder.zext(builder.icmp_signed("<", root, tree.samples), LANE)
    at_root = spread(builder, is_inner, depths_of)
    begin, down = builder.block, builder.function.append_basic_block("down")
    builder.branch(down)

    builder.position_at_end(down)
    nodes, depths = [builder.phi(WORD) for _ in starts], builder.phi(depths_of)
    reached, children = ir.Constant(depths_of, ir.Undefined), []
    for i, (start, node) in enumerate(zip(starts, nodes, strict=True)):
        axis = tree.id(builder, AXIS, node)
        x = builder.load(builder.gep(points, [builder.add(start, axis)]))
        right = builder.fcmp_ordered(">", x, tree.number(builder, CUT, node))
        child = choose(builder, tree.ids, tree.at(builder, word(CHILD), builder.add(node, node)), right)
        children.append(child)
        reached = builder.insert_element(reached, builder.trunc(child, LANE), ir.Constant(LANE, i))
        node.add_incoming(root, begin)
        node.add_incoming(child, down)
    on = builder.icmp_signed("<", reached, samples)
    deeper = builder.add(depths, builder.zext(on, depths_of))
    depths.add_incoming(at_root, begin)
    depths.add_incoming(deeper, down)
    done = builder.function.append_basic_block("done")
    builder.cbranch(any_of(builder, on), down, done)
    builder.position_at_end(done)
    return children, deeper


def _type_down(
    _context: Any, ids: Any, numbers: Any, _samples: Any, _root: Any, points: Any, _first: Any, _last: Any, _step: Any
) -> Any:
    number = types.int64
    told = types.UniTuple(number, 2 * _EIGHT)
    return told(ids, numbers, number, number, points, number, number, number), _build_down


def _build_down(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    ids, numbers, samples, root, points, first, last, step = arguments
    starts = [builder.mul(number, step) for number in points_from(builder, first, last, _EIGHT)]
    leaves, depths = walk_down(builder, Sections(ids, numbers, samples), root, points, starts)
    lanes = [builder.extract_element(depths, ir.Constant(LANE, i)) for i in range(_EIGHT)]
    told = leaves + [builder.zext(depth, WORD) for depth in lanes]
    return context.make_tuple(builder, signature.return_type, told)


# down_eight(ids, numbers, samples, root, points, first, last, step): the ids of the leaves that the cuts lead points
# to, eight of them, and then their depths. Point i begins at points[i * step]; they are first, first + 1, … and, where
# those are more than `last`, that again and again.
down_eight: Any = intrinsic(_type_down)
