"""The nodes of a small tree on a line that end at a leaf, before a point, all at once.

A tree of at most MOST samples fits into registers: which of its nodes end there is one comparison of AVX-512, and how
far the point is outside of each does not wait for the one below it.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .instructions import LANE, LANES, WORD, bits_of, like, load, spread, store
from .line_lanes import ROWS, Lanes

_DOUBLE, _ID = ir.DoubleType(), ir.IntType(16)
_PAIRS = ir.VectorType(LANE, ROWS)
LIKELY = 4  # nodes before a leaf


def _pairs(values: Any) -> Any:
    return ir.Constant(_PAIRS, list(values))


# From the lowest node up they come in the order of rows to the left of the leaf, else in the opposite one
_ORDERS = ir.Constant(ir.ArrayType(_PAIRS, 2), [_pairs(range(ROWS)), _pairs(range(ROWS - 1, -1, -1))])
# 1 / depth, from a depth of ROWS down
_RECIPROCALS = ir.Constant(ir.ArrayType(_DOUBLE, 2 * ROWS), [1.0 / max(ROWS - n, 1) for n in range(2 * ROWS)])


def _constant(builder: ir.IRBuilder, name: str, value: Any) -> Any:
    return cgutils.global_constant(builder.module, f"udf.rcf.line_nodes.{name}", value)


def _build(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, ids, value, span, depth, leaves, leaf, x, room, at = arguments
    lanes = Lanes(builder)
    zero, one = ir.Constant(WORD, 0), ir.Constant(WORD, 1)

    def id_at(at: Any) -> Any:
        return builder.zext(builder.load(builder.gep(ids, [at])), WORD)

    def lowest(count: Any) -> Any:
        """So many bits, from the lowest on."""
        return builder.sub(builder.shl(one, count), one)

    at_leaf = builder.load(builder.gep(numbers, [builder.add(value, leaf)]))
    right = builder.fcmp_ordered(">", x, at_leaf)
    beyond = lanes.call("llvm.fabs.f64", _DOUBLE, builder.fsub(x, at_leaf))

    # The nodes that end at it, from the lowest up: those of rows to the right of it, or from it to the left
    orders = _constant(builder, "orders", _ORDERS)
    order = builder.load(builder.gep(orders, [zero, builder.zext(right, WORD)]))
    spans = load(builder, ids, builder.sub(span, ir.Constant(WORD, 2)), _PAIRS)  # from row -1 on
    spans = lanes.call("llvm.x86.avx512.permvar.si.512", _PAIRS, spans, order)
    swap = builder.select(right, ir.Constant(LANE, _ID.width), ir.Constant(LANE, 0))
    spans = lanes.call("llvm.fshl.v16i32", _PAIRS, spans, spans, spread(builder, swap, _PAIRS))
    near = builder.and_(spans, like(_PAIRS, 0xFFFF))
    ending = bits_of(builder, builder.icmp_unsigned("==", near, spread(builder, builder.trunc(leaf, LANE), _PAIRS)))
    begin = builder.select(right, builder.sub(ir.Constant(WORD, ROWS - 1), leaf), builder.add(leaf, one))
    end = builder.select(right, ir.Constant(WORD, ROWS), id_at(leaves))
    ending = builder.and_(ending, builder.and_(lowest(end), builder.not_(lowest(begin))))
    count = builder.ctpop(ending)
    mask = builder.bitcast(builder.trunc(ending, ir.IntType(ROWS)), ir.VectorType(ir.IntType(1), ROWS))
    far = builder.lshr(spans, like(_PAIRS, _ID.width))
    far = lanes.call("llvm.x86.avx512.mask.compress.v16i32", _PAIRS, far, like(_PAIRS, 0), mask)

    values = lanes.rows(numbers, value)
    reciprocals = _constant(builder, "reciprocals", _RECIPROCALS)
    deepest = builder.gep(reciprocals, [zero, builder.sub(ir.Constant(WORD, ROWS), id_at(builder.add(depth, leaf)))])

    def put(numbered: list[int]) -> None:
        some = builder.shuffle_vector(far, far, ir.Constant(ir.VectorType(LANE, LANES), 2 * numbered))
        ends = lanes.floats(values, builder.zext(some, ir.VectorType(WORD, LANES)))
        ends = builder.shuffle_vector(ends, ends, ir.Constant(ir.VectorType(LANE, LIKELY), list(range(LIKELY))))
        outside = spread(builder, beyond, ends.type)
        distance = lanes.distance(spread(builder, at_leaf, ends.type), ends)
        shares = builder.fdiv(outside, builder.fadd(outside, distance))
        words = ir.VectorType(WORD, LIKELY)
        on = builder.icmp_unsigned("<", ir.Constant(words, numbered), spread(builder, count, words))
        shares = builder.select(on, shares, like(shares.type, 0.0))
        place = ir.Constant(WORD, numbered[0])
        store(builder, shares, room, builder.add(at, place))
        rates = load(builder, deepest, place, shares.type)
        store(builder, rates, room, builder.add(at, builder.add(place, ir.Constant(WORD, ROWS))))

    put(list(range(LIKELY)))
    with builder.if_then(builder.icmp_unsigned(">", count, ir.Constant(WORD, LIKELY)), likely=False):
        for more in range(LIKELY, ROWS, LIKELY):
            put(list(range(more, more + LIKELY)))
    return count


def _type(
    _context: Any, numbers: Any, ids: Any, value: Any, span: Any, depth: Any, leaves: Any, leaf: Any, x: Any,
    room: Any, at: Any,
) -> Any:  # fmt: skip
    place = types.intp
    return types.int64(numbers, ids, place, place, place, place, place, types.float64, room, place), _build


# nodes_before(numbers, ids, value, span, depth, leaves, leaf, x, room, at): how many nodes x is outside of, which all
# end at the leaf that the cuts lead it to. From the lowest up, the chance that a cut separates x from each is at
# room[at] and on, and 1 / (its depth + 1) at room[at + ROWS] and on; chances up to a multiple of LIKELY are 0.
nodes_before: Any = intrinsic(_type)
