"""The loops that take most of the time with many coordinates, in vector instructions.

numba's own loop over a sum stays scalar, since the order of additions must not change; with fastmath it
changes with the CPU. Here the order is written down: eight sums side by side, whatever vectors the CPU has.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
_LANES_OF_FLOATS = ir.VectorType(ir.DoubleType(), LANES)


def _greatest(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _least(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _place(builder: ir.IRBuilder, base: Any, start: Any, i: Any) -> Any:
    return builder.bitcast(builder.gep(base, [builder.add(start, i)]), _LANES_OF_FLOATS.as_pointer())


def _load(builder: ir.IRBuilder, base: Any, start: Any, i: Any) -> Any:
    return builder.load(_place(builder, base, start, i), align=8)


def _total(builder: ir.IRBuilder, lanes: Any) -> Any:
    parts = [builder.extract_element(lanes, ir.Constant(ir.IntType(32), k)) for k in range(LANES)]
    while len(parts) > 1:
        parts = [builder.fadd(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _build_sum_of_gaps(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, low, high, points, x, count = arguments
    zero = ir.Constant(_LANES_OF_FLOATS, [0.0] * LANES)
    sums = cgutils.alloca_once_value(builder, zero)
    step = context.get_constant(types.intp, LANES)
    with cgutils.for_range_slice(builder, context.get_constant(types.intp, 0), count, step) as (i, _):
        here = _load(builder, points, x, i)
        below = builder.fsub(_load(builder, numbers, low, i), here)
        above = builder.fsub(here, _load(builder, numbers, high, i))
        gap = _greatest(builder, _greatest(builder, below, above), zero)
        builder.store(builder.fadd(builder.load(sums), gap), sums)
    return _total(builder, builder.load(sums))


def _type_sum_of_gaps(_context: Any, numbers: Any, low: Any, high: Any, points: Any, x: Any, count: Any) -> Any:
    place = types.intp
    return types.float64(numbers, place, place, points, place, place), _build_sum_of_gaps


# sum_of_gaps(numbers, low, high, points, x, count): Σ max(low - x, x - high, 0) over `count` coordinates, a
# multiple of LANES; the other arguments as in `cutting.outside`.
sum_of_gaps: Any = intrinsic(_type_sum_of_gaps)


def _build_hull(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    numbers, low, high, a_low, a_high, others, b_low, b_high, count = arguments
    sums = cgutils.alloca_once_value(builder, ir.Constant(_LANES_OF_FLOATS, [0.0] * LANES))
    flags = ir.VectorType(ir.IntType(1), LANES)
    changed = cgutils.alloca_once_value(builder, ir.Constant(flags, [0] * LANES))
    step = context.get_constant(types.intp, LANES)
    with cgutils.for_range_slice(builder, context.get_constant(types.intp, 0), count, step) as (i, _):
        least = _least(builder, _load(builder, numbers, a_low, i), _load(builder, others, b_low, i))
        most = _greatest(builder, _load(builder, numbers, a_high, i), _load(builder, others, b_high, i))
        moved = builder.or_(
            builder.fcmp_unordered("!=", least, _load(builder, numbers, low, i)),
            builder.fcmp_unordered("!=", most, _load(builder, numbers, high, i)),
        )
        builder.store(builder.or_(builder.load(changed), moved), changed)
        builder.store(builder.fadd(builder.load(sums), builder.fsub(most, least)), sums)
        builder.store(least, _place(builder, numbers, low, i), align=8)
        builder.store(most, _place(builder, numbers, high, i), align=8)
    bits = builder.bitcast(builder.load(changed), ir.IntType(LANES))
    any_changed = builder.zext(builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0)), ir.IntType(64))
    return context.make_tuple(builder, signature.return_type, [any_changed, _total(builder, builder.load(sums))])


def _type_hull(
    _context: Any,
    numbers: Any,
    low: Any,
    high: Any,
    a_low: Any,
    a_high: Any,
    others: Any,
    b_low: Any,
    b_high: Any,
    count: Any,
) -> Any:
    place = types.intp
    result = types.Tuple((types.int64, types.float64))
    return result(numbers, place, place, place, place, others, place, place, place), _build_hull


# hull_of_lanes(numbers, low, high, a_low, a_high, others, b_low, b_high, count): as `cutting.hull` over `count`
# coordinates, a multiple of LANES.
hull_of_lanes: Any = intrinsic(_type_hull)
