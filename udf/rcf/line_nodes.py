"""Of the nodes that a point on a line is outside of the first few, all at once: see `line`.

Where each ends does not wait for the one below it, and nothing here is a branch.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .instructions import LANE, WORD, distance, like, load, spread, word
from .line_vectors import LEVELS
from .scoring import SPARE

LIKELY = SPARE  # rows that the table of scores has before that of the root
_FLOATS, _WORDS = ir.VectorType(ir.DoubleType(), LIKELY), ir.VectorType(WORD, LIKELY)
_IDS = ir.VectorType(ir.IntType(16), LEVELS)


def _build(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    numbers, ids, value, level, leaf, back, beyond, highest, last = arguments
    zero = word(0)
    backwards = builder.icmp_signed("!=", back, zero)
    here = builder.add(level, leaf)
    here = builder.select(backwards, builder.sub(here, word(LEVELS)), here)
    levels = load(builder, ids, here, _IDS)
    count = builder.sub(highest, last)
    likely = word(LIKELY)
    count = builder.select(builder.icmp_signed("<", count, likely), count, likely)
    lowest = builder.add(builder.sub(highest, count), word(1))
    lowest = spread(builder, builder.trunc(lowest, _IDS.element), _IDS)
    bits = ir.IntType(LEVELS)
    all_end = builder.bitcast(builder.icmp_unsigned("<", levels, lowest), bits)
    known = builder.select(builder.icmp_unsigned("!=", all_end, like(bits, 0)), count, zero)

    limit = spread(builder, builder.trunc(highest, _IDS.element), _IDS)
    at_leaf = builder.load(builder.gep(numbers, [builder.add(value, leaf)]))
    ends = ir.Constant(_FLOATS, ir.Undefined)
    for i in range(LIKELY):
        ending = builder.bitcast(builder.icmp_unsigned("<", levels, limit), bits)
        limit = builder.sub(limit, like(_IDS, 1))
        ahead, behind = (
            builder.zext(first(ending, ir.Constant(ir.IntType(1), 0)), WORD) for first in (builder.cttz, builder.ctlz)
        )
        # None, so LEVELS of them, makes it the leaf, which is in the cache
        ahead, behind = (builder.and_(rows, word(LEVELS - 1)) for rows in (ahead, behind))
        row = builder.add(leaf, builder.select(backwards, builder.neg(behind), ahead))
        end = builder.load(builder.gep(numbers, [builder.add(value, row)]))
        ends = builder.insert_element(ends, end, ir.Constant(LANE, i))

    sides = distance(builder, spread(builder, at_leaf, _FLOATS), ends)
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


# chances_of_cuts(numbers, ids, value, level, leaf, back, beyond, highest, last): a point is `beyond` a leaf and outside
# of the nodes of levels highest … last + 1, which end there, to its left if `back` is 1; of none if `last` is above. Of
# the LIKELY lowest, how many are dealt with here, all or none, or the difference of the levels where that is negative;
# and for each of LIKELY, from the lowest up, the chance that a cut separates it from the point, or 0 where it is not
# dealt with.
chances_of_cuts: Any = intrinsic(_type)
