"""Bare pointers for kernels, which see arrays through them.

NumPy arrays inside compiled code are counted references to seven words each, which costs more than the work on a tree
itself.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _pointer_to(element: types.Type) -> Any:
    def typed(_context: Any, address: types.Type) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(types.CPointer(element)))

        return types.CPointer(element)(types.intp), generate

    return intrinsic(typed)


floats_at = _pointer_to(types.float64)
ids_at = _pointer_to(types.uint16)
words_at = _pointer_to(types.int64)


def floats_on_stack(count: int) -> Any:
    """A function of kernels that gives room for so many float64 until the kernel ends, in lines of the cache."""

    def typed(_context: Any) -> Any:
        def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, _arguments: Any) -> Any:
            room = cgutils.alloca_once(builder, ir.ArrayType(ir.DoubleType(), count))
            room.align = 64
            return builder.bitcast(room, ir.DoubleType().as_pointer())

        return types.CPointer(types.float64)(), generate

    return intrinsic(typed)


def choose(builder: ir.IRBuilder, ids: Any, at: Any, second: Any) -> Any:
    """The id at `at` or the one after it. Both are read before it is known which is asked for."""
    pair = ir.IntType(32)
    both = builder.load(builder.bitcast(builder.gep(ids, [at]), pair.as_pointer()), align=2)
    low, high = builder.and_(both, ir.Constant(pair, 0xFFFF)), builder.lshr(both, ir.Constant(pair, 16))
    return builder.zext(builder.select(second, high, low), ir.IntType(64))


def _type_one_of_two(_context: Any, ids: Any, _at: Any, _second: Any) -> Any:
    def build(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return choose(builder, *arguments)

    return types.int64(ids, types.intp, types.boolean), build


# one_of_two(ids, at, second): see `choose`.
one_of_two: Any = intrinsic(_type_one_of_two)
