"""Two steps of the kernels for which numba by itself makes slow code."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _build_if_below(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    a, b, amount = arguments
    word = ir.IntType(64)
    sign = builder.ashr(builder.bitcast(builder.fsub(a, b), word), ir.Constant(word, 63))
    return builder.and_(sign, amount)


def _type_if_below(_context: Any, a: Any, b: Any, amount: Any) -> Any:
    return types.int64(types.float64, types.float64, types.int64), _build_if_below


# if_below(a, b, amount): amount where a < b, else 0, by the sign of a - b. LLVM makes a branch of any comparison, which
# in a binary search is predicted wrongly every other time: 35 ns a search among 256, this way 9.
if_below: Any = intrinsic(_type_if_below)


def _build_move(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, to, start, count = arguments
    cgutils.raw_memmove(
        builder, builder.gep(numbers, [to]), builder.gep(numbers, [start]), count, context.get_constant(types.intp, 8)
    )
    return context.get_dummy_value()


def _type_move(_context: Any, numbers: Any, to: Any, start: Any, count: Any) -> Any:
    return types.void(numbers, types.intp, types.intp, types.intp), _build_move


# move_words(numbers, to, start, count): words start … start + count - 1 go to `to` and on; they may overlap.
move_words: Any = intrinsic(_type_move)
