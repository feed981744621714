"""What vector instructions are written with, and the one that draws random numbers."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WORD, LANE = ir.IntType(64), ir.IntType(32)


def word(number: int) -> Any:
    return ir.Constant(WORD, number)


def place(builder: ir.IRBuilder, base: Any, at: Any, kind: ir.VectorType) -> Any:
    """Where the vector that begins at base[at] is."""
    return builder.bitcast(builder.gep(base, [at]), kind.as_pointer())


def _masked(builder: ir.IRBuilder, doing: str, result: Any, kind: ir.VectorType, arguments: list[Any]) -> Any:
    signature = ir.FunctionType(result, [argument.type for argument in arguments])
    masked = cgutils.get_or_insert_function(builder.module, signature, f"llvm.masked.{doing}.v{kind.count}f64.p0")
    return builder.call(masked, arguments)


def load(builder: ir.IRBuilder, base: Any, at: Any, kind: ir.VectorType, lanes: Any = None) -> Any:
    """The vector that begins at base[at]; or those lanes, of floats, and 0 in others, whose memory is not touched."""
    if lanes is None:
        return builder.load(place(builder, base, at, kind), align=2)
    align = ir.Constant(LANE, 8)
    return _masked(builder, "load", kind, kind, [place(builder, base, at, kind), align, lanes, like(kind, 0.0)])


def store(builder: ir.IRBuilder, value: Any, base: Any, at: Any, lanes: Any = None) -> None:
    """The other way."""
    kind = value.type
    if lanes is None:
        builder.store(value, place(builder, base, at, kind), align=2)
    else:
        align = ir.Constant(LANE, 8)
        _masked(builder, "store", ir.VoidType(), kind, [value, place(builder, base, at, kind), align, lanes])


def first_lanes(builder: ir.IRBuilder, count: Any, lanes: int) -> Any:
    """Which of so many lanes are among the first `count`."""
    kind = ir.VectorType(WORD, lanes)
    return builder.icmp_signed("<", ir.Constant(kind, list(range(lanes))), spread(builder, count, kind))


def spread(builder: ir.IRBuilder, value: Any, kind: ir.VectorType) -> Any:
    """A vector of one value."""
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(LANE, 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(LANE, kind.count), [0] * kind.count))


def like(kind: Any, value: float) -> Any:
    """A constant of that kind, a number or a vector of equal ones."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def bits_of(builder: ir.IRBuilder, lanes: Any) -> Any:
    """A word with a bit for each lane that is true, from the lowest on."""
    return builder.zext(builder.bitcast(lanes, ir.IntType(lanes.type.count)), WORD)


def any_of(builder: ir.IRBuilder, lanes: Any) -> Any:
    """Whether a lane is true."""
    bits = ir.IntType(lanes.type.count)
    return builder.icmp_unsigned("!=", builder.bitcast(lanes, bits), ir.Constant(bits, 0))


def greatest(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def distance(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """|a - b| of each lane."""
    kind = ir.FunctionType(a.type, [a.type])
    absolute = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fabs.v{a.type.count}f64")
    return builder.call(absolute, [builder.fsub(a, b)])


def joined(builder: ir.IRBuilder, vector: Any, join: Callable[[Any, Any], Any]) -> Any:
    """One number of all lanes: of the two halves, joined lane by lane, until one is left."""
    while vector.type.count > 1:
        half = vector.type.count // 2
        low, high = (
            builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(LANE, half), list(range(at, at + half))))
            for at in (0, half)
        )
        vector = join(low, high)
    return builder.extract_element(vector, ir.Constant(LANE, 0))


LANES, AT_ONCE = 8, 16
MIX_1, MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def progression(builder: ir.IRBuilder, start: Any, step: Any, count: int = LANES) -> Any:
    """start, start + step, …: so many."""
    kind = ir.VectorType(WORD, count)
    numbers = ir.Constant(kind, list(range(count)))
    return builder.add(spread(builder, start, kind), builder.mul(numbers, spread(builder, step, kind)))


def mixed(builder: ir.IRBuilder, bits: Any) -> Any:
    """What `streams._mix` makes of each of a vector, which takes as long as one."""
    for shift, factor in ((30, MIX_1), (27, MIX_2)):
        bits = builder.mul(builder.xor(bits, builder.lshr(bits, like(bits.type, shift))), like(bits.type, factor))
    return builder.xor(bits, builder.lshr(bits, like(bits.type, 31)))


def _build_first_high(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    start, step, limit = arguments
    bits = mixed(builder, progression(builder, start, step, AT_ONCE))
    high = bits_of(builder, builder.icmp_unsigned(">=", bits, spread(builder, limit, bits.type)))
    past = builder.or_(high, word(1 << AT_ONCE))
    return builder.cttz(past, ir.Constant(ir.IntType(1), 1))


def _type_first_high(_context: Any, start: Any, step: Any, limit: Any) -> Any:
    return types.int64(types.uint64, types.uint64, types.uint64), _build_first_high


# first_high(start, step, limit): the first of the AT_ONCE numbers start, start + step, … of which `streams._mix` makes
# at least `limit`, or AT_ONCE. More than LANES, so that one look is mostly enough: whether it is would be a surprise.
first_high: Any = intrinsic(_type_first_high)
