"""The priorities that a reservoir gives to records, of eight at once: see `reservoir`.

The logarithm is written down, so that a priority is the same number wherever it is computed: C libraries differ in its
last bits. The method is that of P. T. P. Tang, "Table-driven implementation of the logarithm function in IEEE
floating-point arithmetic" (ACM TOMS 16, 1990), with the coefficients of FreeBSD's libm.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .instructions import LANES, WORD, like, mixed, progression, spread, store, word

_FLOATS, _WORDS = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(WORD, LANES)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_COEFFICIENTS = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
_HALF_ROOT = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)


def _logarithm(builder: ir.IRBuilder, x: Any, words: Any) -> Any:
    """Of normal positive numbers, as large as `words`; within one unit of the last place."""
    add, sub, mul, floats = builder.fadd, builder.fsub, builder.fmul, x.type
    bits = builder.bitcast(x, words)
    exponent = builder.ashr(builder.sub(bits, like(words, _HALF_ROOT)), like(words, 52))
    f = builder.bitcast(builder.sub(bits, builder.shl(exponent, like(words, 52))), floats)  # √½ … √2
    f = sub(f, like(floats, 1.0))
    s = builder.fdiv(f, add(like(floats, 2.0), f))
    z = mul(s, s)
    w = mul(z, z)

    def polynomial(coefficients: tuple[float, ...]) -> Any:
        total = like(floats, coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            total = add(like(floats, coefficient), mul(w, total))
        return total

    tail = add(mul(w, polynomial(_COEFFICIENTS[1::2])), mul(z, polynomial(_COEFFICIENTS[::2])))
    square = mul(mul(like(floats, 0.5), f), f)
    power = builder.sitofp(exponent, floats)
    low = add(mul(s, add(square, tail)), mul(power, like(floats, _LN2_LOW)))
    return sub(mul(power, like(floats, _LN2_HIGH)), sub(sub(square, low), f))


def _priority(builder: ir.IRBuilder, drawn: Any, number: Any, decay_rate: Any) -> Any:
    """ln(-ln u) - decay_rate * number, u being the `streams.uniform` number of that `streams.drawn` one."""
    floats, words = drawn.type, number.type
    uniform = builder.fmul(builder.fadd(drawn, like(floats, 0.5)), like(floats, 2.0**-52))
    chance = _logarithm(builder, builder.fneg(_logarithm(builder, uniform, words)), words)
    return builder.fsub(chance, builder.fmul(decay_rate, builder.sitofp(number, floats)))


def _build_one(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    return _priority(builder, *arguments)


def _type_one(_context: Any, _drawn: Any, _number: Any, _decay_rate: Any) -> Any:
    return types.float64(types.float64, types.int64, types.float64), _build_one


# one_priority(drawn, number, decay_rate): that.
one_priority: Any = intrinsic(_type_one)


def _put(builder: ir.IRBuilder, bits: Any, numbers: Any, decay_rate: Any, room: Any) -> None:
    drawn = builder.sitofp(builder.lshr(bits, like(_WORDS, 12)), _FLOATS)
    priorities = _priority(builder, drawn, numbers, spread(builder, decay_rate, _FLOATS))
    store(builder, priorities, room, word(0))


def _build_put(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    start, step, first, decay_rate, room = arguments
    numbers = builder.add(spread(builder, first, _WORDS), ir.Constant(_WORDS, list(range(LANES))))
    _put(builder, mixed(builder, progression(builder, start, step)), numbers, decay_rate, room)
    return context.get_dummy_value()


def _type_put(_context: Any, _start: Any, _step: Any, _first: Any, _decay_rate: Any, room: Any) -> Any:
    return types.void(types.uint64, types.uint64, types.int64, types.float64, room), _build_put


# put_priorities(start, step, first, decay_rate, room): to `room` ln(-ln u) - decay_rate * number of the records first,
# first + 1, …, as many as LANES, u being uniform numbers of what `streams._mix` makes of start, start + step, …
put_priorities: Any = intrinsic(_type_put)


def _build_put_of_trees(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    start, step, ahead, number, decay_rate, room = arguments
    streams = mixed(builder, progression(builder, start, step))
    bits = mixed(builder, builder.add(streams, spread(builder, ahead, _WORDS)))
    _put(builder, bits, spread(builder, number, _WORDS), decay_rate, room)
    return context.get_dummy_value()


def _type_put_of_trees(
    _context: Any, _start: Any, _step: Any, _ahead: Any, _number: Any, _decay_rate: Any, room: Any
) -> Any:
    told = types.uint64, types.uint64, types.uint64, types.int64, types.float64
    return types.void(*told, room), _build_put_of_trees


# put_priorities_of_trees(start, step, ahead, number, decay_rate, room): those of one record in as many trees, whose
# streams are what `streams._mix` makes of start, start + step, …; the draw is `ahead` of where a stream starts.
put_priorities_of_trees: Any = intrinsic(_type_put_of_trees)
