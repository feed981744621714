"""The loops that take most of the time with several coordinates, in vector instructions.

numba's own loop over a sum stays scalar, since the order of additions must not change; with fastmath it
changes with the CPU. Here the order is written down: eight sums side by side, or four, whatever vectors the CPU has.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .instructions import any_of, greatest, joined

MANY, FEW = 8, 4  # lanes


def _least(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _constant(element: ir.Type, lanes: int) -> Any:
    return ir.Constant(ir.VectorType(element, lanes), [0] * lanes)


class _Lanes:
    """Vectors of numbers from coordinate `i` on."""

    def __init__(self, builder: ir.IRBuilder, i: Any, lanes: int) -> None:
        self._builder, self._i, self._kind = builder, i, ir.VectorType(ir.DoubleType(), lanes)

    def _place(self, base: Any, start: Any) -> Any:
        place = self._builder.gep(base, [self._builder.add(start, self._i)])
        return self._builder.bitcast(place, self._kind.as_pointer())

    def load(self, base: Any, start: Any) -> Any:
        return self._builder.load(self._place(base, start), align=8)

    def store(self, numbers: Any, base: Any, start: Any) -> None:
        self._builder.store(numbers, self._place(base, start), align=8)


def _over_all(builder: ir.IRBuilder, count: Any, lanes: int) -> Any:
    step = ir.Constant(ir.IntType(64), lanes)
    return cgutils.for_range_slice(builder, ir.Constant(ir.IntType(64), 0), count, step)


def _sum_of_gaps(lanes: int) -> Any:
    zero = _constant(ir.DoubleType(), lanes)

    def build(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        numbers, low, high, points, x, count = arguments
        sums = cgutils.alloca_once_value(builder, zero)
        with _over_all(builder, count, lanes) as (i, _):
            at = _Lanes(builder, i, lanes)
            here = at.load(points, x)
            below, above = builder.fsub(at.load(numbers, low), here), builder.fsub(here, at.load(numbers, high))
            gap = greatest(builder, greatest(builder, below, above), zero)
            builder.store(builder.fadd(builder.load(sums), gap), sums)
        return joined(builder, builder.load(sums), builder.fadd)

    def typed(_context: Any, numbers: Any, low: Any, high: Any, points: Any, x: Any, count: Any) -> Any:
        place = types.intp
        return types.float64(numbers, place, place, points, place, place), build

    return intrinsic(typed)


# sum_of_gaps_by_…(numbers, low, high, points, x, count): Σ max(low - x, x - high, 0) over `count` coordinates, a
# multiple of the lanes; the other arguments as in `cutting.outside`.
sum_of_gaps_by_many: Any = _sum_of_gaps(MANY)
sum_of_gaps_by_few: Any = _sum_of_gaps(FEW)


def _hull(lanes: int) -> Any:
    def build(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        numbers, low, high, a_low, a_high, others, b_low, b_high, count = arguments
        sums = cgutils.alloca_once_value(builder, _constant(ir.DoubleType(), lanes))
        changed = cgutils.alloca_once_value(builder, _constant(ir.IntType(1), lanes))
        with _over_all(builder, count, lanes) as (i, _):
            at = _Lanes(builder, i, lanes)
            least = _least(builder, at.load(numbers, a_low), at.load(others, b_low))
            most = greatest(builder, at.load(numbers, a_high), at.load(others, b_high))
            moved = builder.or_(
                builder.fcmp_unordered("!=", least, at.load(numbers, low)),
                builder.fcmp_unordered("!=", most, at.load(numbers, high)),
            )
            builder.store(builder.or_(builder.load(changed), moved), changed)
            builder.store(builder.fadd(builder.load(sums), builder.fsub(most, least)), sums)
            at.store(least, numbers, low)
            at.store(most, numbers, high)
        any_changed = builder.zext(any_of(builder, builder.load(changed)), ir.IntType(64))
        return context.make_tuple(
            builder, signature.return_type, [any_changed, joined(builder, builder.load(sums), builder.fadd)]
        )

    def typed(
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
        return result(numbers, place, place, place, place, others, place, place, place), build

    return intrinsic(typed)


# hull_by_…(numbers, low, high, a_low, a_high, others, b_low, b_high, count): `cutting.hull` over `count` coordinates,
# a multiple of the lanes.
hull_by_many: Any = _hull(MANY)
hull_by_few: Any = _hull(FEW)
