"""Of the nodes that a point on a line is outside of the first few, all at once: see `line`.

Where each ends does not wait for the one below it, and nothing here is a branch.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .instructions import LANE, WORD, like, load, spread
from .line_vectors import LEVELS

LIKELY = 4
_FLOATS, _WORDS = ir.VectorType(ir.DoubleType(), LIKELY), ir.VectorType(WORD, LIKELY)
_IDS = ir.VectorType(ir.IntType(16), LEVELS)


def _build(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    numbers, ids, value, level, leaf, back, beyond, highest, last = arguments
    zero = ir.Constant(WORD, 0)
    backwards = builder.icmp_signed("!=", back, zero)
    here = builder.add(level, leaf)
    here = builder.select(backwards, builder.sub(here, ir.Constant(WORD, LEVELS)), here)
    levels = load(builder, ids, here, _IDS)
    limit = spread(builder, builder.trunc(highest, _IDS.element), _IDS)
    at_leaf = builder.load(builder.gep(numbers, [builder.add(value, leaf)]))
    ends, known, ending = ir.Constant(_FLOATS, ir.Undefined), ir.Constant(WORD, 0), like(ir.IntType(LEVELS), -1)
    for i in range(LIKELY):
        # Below 0 the limit is a high one: then those that end are none either
        ending = builder.and_(ending, builder.bitcast(builder.icmp_unsigned("<", levels, limit), ending.type))
        limit = builder.sub(limit, like(_IDS, 1))
        ahead, behind = (
            builder.zext(count(ending, ir.Constant(ir.IntType(1), 0)), WORD) for count in (builder.cttz, builder.ctlz)
        )
        row = builder.add(leaf, builder.select(backwards, builder.neg(behind), ahead))
        end = builder.load(builder.gep(numbers, [builder.add(value, row)]))
        ends = builder.insert_element(ends, end, ir.Constant(LANE, i))
        found = builder.icmp_unsigned("!=", ending, like(ending.type, 0))
        known = builder.add(known, builder.zext(found, WORD))
    count = builder.sub(highest, last)
    known = builder.select(builder.icmp_signed("<", count, known), count, known)
    known = builder.select(builder.icmp_signed("<", known, zero), zero, known)

    absolute = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_FLOATS, [_FLOATS]), f"llvm.fabs.v{LIKELY}f64"
    )
    sides = builder.call(absolute, [builder.fsub(spread(builder, at_leaf, _FLOATS), ends)])
    outside = spread(builder, beyond, _FLOATS)
    chances = builder.fdiv(outside, builder.fadd(outside, sides))
    on = builder.icmp_signed("<", ir.Constant(_WORDS, list(range(LIKELY))), spread(builder, known, _WORDS))
    chances = builder.select(on, chances, like(_FLOATS, 0.0))
    told = [builder.extract_element(chances, ir.Constant(LANE, i)) for i in range(LIKELY)]
    return context.make_tuple(builder, signature.return_type, [known, *told])


def _type(
    _context: Any, numbers: Any, ids: Any, _value: Any, _level: Any, _leaf: Any, _back: Any, _beyond: Any,
    _highest: Any, _last: Any,
) -> Any:  # fmt: skip
    at, number = types.intp, types.int64
    told = types.Tuple((number, *[types.float64] * LIKELY))
    return told(numbers, ids, at, at, at, number, types.float64, number, number), _build


# chances_of_nodes(numbers, ids, value, level, leaf, back, beyond, highest, last): of the nodes of levels highest … last +
# 1, from the lowest up, that end at the leaf, to its left if `back` is 1, how many of the first LIKELY are dealt with
# here, and for each of LIKELY the chance that a cut separates a point from it that is `beyond` the leaf, or 0.
chances_of_nodes: Any = intrinsic(_type)
