"""The sum that takes most of the time with many coordinates, in vector instructions.

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


def _build(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, low, high, points, x, count = arguments
    zero = ir.Constant(_LANES_OF_FLOATS, [0.0] * LANES)
    sums = cgutils.alloca_once_value(builder, zero)

    def lanes(base: Any, start: Any, i: Any) -> Any:
        place = builder.gep(base, [builder.add(start, i)])
        return builder.load(builder.bitcast(place, _LANES_OF_FLOATS.as_pointer()), align=8)

    step = context.get_constant(types.intp, LANES)
    with cgutils.for_range_slice(builder, context.get_constant(types.intp, 0), count, step) as (i, _):
        here = lanes(points, x, i)
        below = builder.fsub(lanes(numbers, low, i), here)
        above = builder.fsub(here, lanes(numbers, high, i))
        gap = _greatest(builder, _greatest(builder, below, above), zero)
        builder.store(builder.fadd(builder.load(sums), gap), sums)
    done = builder.load(sums)
    parts = [builder.extract_element(done, ir.Constant(ir.IntType(32), k)) for k in range(LANES)]
    while len(parts) > 1:
        parts = [builder.fadd(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _type(_context: Any, numbers: Any, low: Any, high: Any, points: Any, x: Any, count: Any) -> Any:
    place = types.intp
    return types.float64(numbers, place, place, points, place, place), _build


# sum_of_gaps(numbers, low, high, points, x, count): Σ max(low - x, x - high, 0) over `count` coordinates, a
# multiple of LANES; the other arguments as in `cutting.outside`.
sum_of_gaps: Any = intrinsic(_type)
