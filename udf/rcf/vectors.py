"""Sums and hulls over several coordinates, in vector instructions.

numba's own loop over a sum stays scalar, since the order of additions must not change; with fastmath it
changes with the CPU. Here the order is written down: eight sums side by side, or four, whatever vectors the CPU has.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .instructions import any_of, first_lanes, greatest, joined, like, load, store, word

MANY, FEW = 8, 4  # lanes


def _least(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


class _Lanes:
    """Vectors of numbers from coordinate `i` on, whole ones or of `some` lanes."""

    def __init__(self, builder: ir.IRBuilder, i: Any, kind: ir.VectorType, some: Any = None) -> None:
        self._builder, self._i, self._kind, self._some = builder, i, kind, some

    def load(self, base: Any, start: Any) -> Any:
        return load(self._builder, base, self._builder.add(start, self._i), self._kind, self._some)

    def store(self, numbers: Any, base: Any, start: Any) -> None:
        store(self._builder, numbers, base, self._builder.add(start, self._i), self._some)


def _over_all(builder: ir.IRBuilder, count: Any, kind: ir.VectorType, of_lanes: Callable[[_Lanes], None]) -> None:
    """What is done to the lanes, for `count` coordinates, which must be at most FEW where those are the lanes."""
    start = word(0)
    if kind.count > FEW:
        step = word(kind.count)
        start = builder.sub(count, builder.srem(count, step))
        with cgutils.for_range_slice(builder, word(0), start, step) as (i, _):
            of_lanes(_Lanes(builder, i, kind))
    with builder.if_then(builder.icmp_signed("<", start, count)):
        some = first_lanes(builder, builder.sub(count, start), kind.count)
        of_lanes(_Lanes(builder, start, kind, some))


def _sum_of_gaps(lanes: int) -> Any:
    kind = ir.VectorType(ir.DoubleType(), lanes)

    def build(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        numbers, low, high, points, x, count = arguments
        sums = cgutils.alloca_once_value(builder, like(kind, 0.0))

        def add(at: _Lanes) -> None:
            here = at.load(points, x)
            below, above = builder.fsub(at.load(numbers, low), here), builder.fsub(here, at.load(numbers, high))
            gap = greatest(builder, greatest(builder, below, above), like(kind, 0.0))
            builder.store(builder.fadd(builder.load(sums), gap), sums)

        _over_all(builder, count, kind, add)
        return joined(builder, builder.load(sums), builder.fadd)

    def typed(_context: Any, numbers: Any, low: Any, high: Any, points: Any, x: Any, count: Any) -> Any:
        place = types.intp
        return types.float64(numbers, place, place, points, place, place), build

    return intrinsic(typed)


# sum_of_gaps_by_…(numbers, low, high, points, x, count): Σ max(low - x, x - high, 0) over `count` coordinates, at most
# FEW by few; the other arguments as in `cutting.outside`.
sum_of_gaps_by_many: Any = _sum_of_gaps(MANY)
sum_of_gaps_by_few: Any = _sum_of_gaps(FEW)


def _hull(lanes: int) -> Any:
    kind = ir.VectorType(ir.DoubleType(), lanes)

    def build(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        numbers, low, high, a_low, a_high, others, b_low, b_high, count = arguments
        sums = cgutils.alloca_once_value(builder, like(kind, 0.0))
        changed = cgutils.alloca_once_value(builder, like(ir.VectorType(ir.IntType(1), lanes), 0))

        def join(at: _Lanes) -> None:
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

        _over_all(builder, count, kind, join)
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
# at most FEW by few.
hull_by_many: Any = _hull(MANY)
hull_by_few: Any = _hull(FEW)
