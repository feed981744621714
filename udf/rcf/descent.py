"""Several points go down a tree side by side, without branches: each waits for memory, and the waits overlap."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .arrays import AXIS, CHILD, CUT
from .instructions import WORD
from .pointers import choose


def _descent(points_at_once: int) -> Any:
    def build(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        ids, numbers, samples, root, points, first, last, step = arguments
        begin, down = builder.block, builder.function.append_basic_block("down")

        def section(number: int, at: Any) -> Any:
            return builder.add(builder.mul(samples, ir.Constant(WORD, number)), at)

        starts = []
        for i in range(points_at_once):
            number = builder.add(first, ir.Constant(WORD, i))
            number = builder.select(builder.icmp_signed("<", number, last), number, last)
            starts.append(builder.mul(number, step))
        is_inner = builder.zext(builder.icmp_signed("<", root, samples), WORD)
        builder.branch(down)

        builder.position_at_end(down)
        lanes = [(builder.phi(WORD), builder.phi(WORD)) for _ in starts]
        reached, going = [], ir.Constant(ir.IntType(1), 0)
        for start, (node, depth) in zip(starts, lanes, strict=True):
            axis = builder.zext(builder.load(builder.gep(ids, [section(AXIS, node)])), WORD)
            x = builder.load(builder.gep(points, [builder.add(start, axis)]))
            right = builder.fcmp_ordered(">", x, builder.load(builder.gep(numbers, [section(CUT, node)])))
            child = choose(builder, ids, section(CHILD, builder.add(node, node)), right)
            on = builder.icmp_signed("<", child, samples)
            reached.append((child, builder.add(depth, builder.zext(on, WORD))))
            going = builder.or_(going, on)
        for (node, depth), (child, deeper) in zip(lanes, reached, strict=True):
            node.add_incoming(root, begin)
            node.add_incoming(child, down)
            depth.add_incoming(is_inner, begin)
            depth.add_incoming(deeper, down)
        done = builder.function.append_basic_block("done")
        builder.cbranch(going, down, done)
        builder.position_at_end(done)
        told = [part[which] for which in range(2) for part in reached]
        return context.make_tuple(builder, signature.return_type, told)

    def typed(
        _context: Any, ids: Any, numbers: Any, _samples: Any, _root: Any, points: Any, _first: Any, _last: Any,
        _step: Any,
    ) -> Any:  # fmt: skip
        number = types.int64
        told = types.UniTuple(number, 2 * points_at_once)
        return told(ids, numbers, number, number, points, number, number, number), build

    return intrinsic(typed)


# down_…(ids, numbers, samples, root, points, first, last, step): the ids of the leaves that the cuts lead points to, so
# many of them, and then their depths. Point i begins at points[i * step]; they are first, first + 1, … and, where those
# are more than `last`, that again and again.
down_four, down_eight = _descent(4), _descent(8)
