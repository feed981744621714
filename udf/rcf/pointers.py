"""Bare pointers for kernels, which see arrays through them.

NumPy arrays inside compiled code are counted references to seven words each, which costs more than the work on a tree
itself.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _pointer_to(element: types.Type) -> Any:
    def typed(_context: Any, address: types.Type) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(types.CPointer(element)))

        return types.CPointer(element)(types.intp), generate

    return intrinsic(typed)


floats_at = _pointer_to(types.float64)
ids_at = _pointer_to(types.uint16)
