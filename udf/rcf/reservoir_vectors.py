"""What is done to 16 priorities of a reservoir at once, in vector instructions: see `reservoir`."""

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .instructions import WORD, bits_of, greatest, joined, load, spread, store

FAN_BITS = 4
FAN = 1 << FAN_BITS
_KIND = ir.VectorType(ir.DoubleType(), FAN)


def _build_put(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, at, lane, value = arguments
    lanes = ir.Constant(ir.VectorType(WORD, FAN), list(range(FAN)))
    here = builder.icmp_unsigned("==", lanes, spread(builder, lane, lanes.type))
    most = builder.select(here, spread(builder, value, _KIND), load(builder, numbers, at, _KIND))
    store(builder, most, numbers, at)  # as a whole: a vector that is read soon after waits for no part of it
    return joined(builder, most, partial(greatest, builder))


def _type_put(_context: Any, numbers: Any, at: Any, lane: Any, value: Any) -> Any:
    return types.float64(numbers, types.intp, types.intp, types.float64), _build_put


# put(numbers, at, lane, value): make one of the FAN numbers from `at` on that value; the greatest of them then.
put: Any = intrinsic(_type_put)


def _build_equal(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, at, value = arguments
    equal = builder.fcmp_ordered("==", load(builder, numbers, at, _KIND), spread(builder, value, _KIND))
    return bits_of(builder, equal)


def _type_equal(_context: Any, numbers: Any, at: Any, value: Any) -> Any:
    return types.int64(numbers, types.intp, types.float64), _build_equal


# equal(numbers, at, value): bits, from the lowest on, for which of the FAN numbers from `at` on are that value.
equal: Any = intrinsic(_type_equal)


def _build_lowest(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))


def _type_lowest(_context: Any, _bits: Any) -> Any:
    return types.int64(types.int64), _build_lowest


# lowest(bits): which is the lowest bit that is set, of at least one.
lowest: Any = intrinsic(_type_lowest)
