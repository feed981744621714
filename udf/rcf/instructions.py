"""A step of the kernels that numba by itself does not make vectors of."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 8
MIX_1, MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _build_first_high(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    start, step, limit = arguments
    word, lane = ir.IntType(64), ir.IntType(32)
    kind = ir.VectorType(word, LANES)

    def spread(value: Any) -> Any:
        vector = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(lane, 0))
        return builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(lane, LANES), [0] * LANES))

    def constant(value: int) -> Any:
        return ir.Constant(kind, [value] * LANES)

    numbers = ir.Constant(kind, list(range(LANES)))
    bits = builder.add(spread(start), builder.mul(numbers, spread(step)))
    for shift, factor in ((30, MIX_1), (27, MIX_2)):
        bits = builder.mul(builder.xor(bits, builder.lshr(bits, constant(shift))), constant(factor))
    bits = builder.xor(bits, builder.lshr(bits, constant(31)))
    high = builder.bitcast(builder.icmp_unsigned(">=", bits, spread(limit)), ir.IntType(LANES))
    past = builder.or_(builder.zext(high, word), ir.Constant(word, 1 << LANES))
    return builder.cttz(past, ir.Constant(ir.IntType(1), 1))


def _type_first_high(_context: Any, start: Any, step: Any, limit: Any) -> Any:
    return types.int64(types.uint64, types.uint64, types.uint64), _build_first_high


# first_high(start, step, limit): the first of the LANES numbers start, start + step, … of which `streams._mix` makes at
# least `limit`, or LANES. Mixed side by side, eight take as long as one.
first_high: Any = intrinsic(_type_first_high)
