"""What is done to many rows of a tree on a line at once, in vector instructions: see `line`.

They read up to a vector past what they are given, or before it, and write there what they read.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .instructions import WORD, load, spread, store

BLOCK = 16  # numbers that are compared at once
LEVELS = 32  # that are compared at once
_ONE = ir.Constant(WORD, 1)


def _build_count_below(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, at, x = arguments
    kind = ir.VectorType(ir.DoubleType(), BLOCK)
    below = builder.fcmp_ordered("<", load(builder, numbers, at, kind), spread(builder, x, kind))
    return builder.zext(builder.ctpop(builder.bitcast(below, ir.IntType(BLOCK))), WORD)


def _type_count_below(_context: Any, numbers: Any, at: Any, x: Any) -> Any:
    return types.int64(numbers, types.intp, types.float64), _build_count_below


# count_below(numbers, at, x): how many of the BLOCK numbers from `at` on are below x.
count_below: Any = intrinsic(_type_count_below)


def _below(builder: ir.IRBuilder, kind: ir.VectorType, limit: Any) -> Any:
    """For each lane, whether its number is below a limit."""
    number, all_lanes = ir.IntType(16), ir.Constant(WORD, kind.count)
    limit = builder.select(builder.icmp_signed("<", limit, all_lanes), limit, all_lanes)
    lanes = ir.VectorType(number, kind.count)
    counted = ir.Constant(lanes, list(range(kind.count)))
    return builder.icmp_signed("<", counted, spread(builder, builder.trunc(limit, number), lanes))


def _build_add(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    ids, at, count, by = arguments
    kind = ir.VectorType(ir.IntType(16), BLOCK)
    amount = spread(builder, builder.trunc(by, kind.element), kind)
    step = context.get_constant(types.intp, BLOCK)
    with cgutils.for_range_slice(builder, context.get_constant(types.intp, 0), count, step) as (i, _):
        here = builder.add(at, i)
        meant = builder.sext(_below(builder, kind, builder.sub(count, i)), kind)
        store(builder, builder.add(load(builder, ids, here, kind), builder.and_(meant, amount)), ids, here)
    return context.get_dummy_value()


def _type_add(_context: Any, ids: Any, at: Any, count: Any, by: Any) -> Any:
    return types.void(ids, types.intp, types.intp, types.intp), _build_add


# add(ids, at, count, by): add `by` to that many ids from `at` on.
add: Any = intrinsic(_type_add)


def _build_by_chance(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    kind = ir.FunctionType(WORD, [WORD])
    return builder.asm(kind, "", "=r,0", arguments, side_effect=False)


def _type_by_chance(_context: Any, _side: Any) -> Any:
    return types.int64(types.int64), _build_by_chance


# by_chance(side): that, 0 or 1, of which the compiler then does not know that it is one of two. Else it would write the
# code that follows twice, after a branch that the CPU cannot predict.
by_chance: Any = intrinsic(_type_by_chance)


def _build_rows_above(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    ids, at, back, limit = arguments
    kind, number = ir.VectorType(ir.IntType(16), LEVELS), ir.IntType(LEVELS)
    limit = spread(builder, builder.trunc(limit, kind.element), kind)
    stride = builder.mul(back, ir.Constant(WORD, LEVELS))
    first = builder.sub(at, stride)
    stride = builder.sub(ir.Constant(WORD, LEVELS), builder.add(stride, stride))

    def found(here: Any) -> tuple[Any, Any]:
        """Which of the levels there are not above, and whether any is."""
        bits = builder.bitcast(builder.icmp_unsigned("<=", load(builder, ids, here, kind), limit), number)
        return bits, builder.icmp_unsigned("!=", bits, ir.Constant(number, 0))

    bits, any_found = found(first)
    before, last = builder.block, builder.function.append_basic_block("found")
    more = builder.function.append_basic_block("more")
    builder.cbranch(any_found, last, more)

    builder.position_at_end(more)
    passed, place = builder.phi(WORD), builder.phi(WORD)
    further, next_place = builder.add(passed, ir.Constant(WORD, LEVELS)), builder.add(place, stride)
    more_bits, any_more = found(next_place)
    for part, start, value in ((passed, ir.Constant(WORD, 0), further), (place, first, next_place)):
        part.add_incoming(start, before)
        part.add_incoming(value, more)
    builder.cbranch(any_more, last, more)

    builder.position_at_end(last)
    all_bits, rows = builder.phi(number), builder.phi(WORD)
    for value, block, passed_rows in ((bits, before, ir.Constant(WORD, 0)), (more_bits, more, further)):
        all_bits.add_incoming(value, block)
        rows.add_incoming(passed_rows, block)
    is_some = ir.Constant(ir.IntType(1), 1)
    ahead, behind = (builder.zext(count(all_bits, is_some), WORD) for count in (builder.cttz, builder.ctlz))
    return builder.add(rows, builder.xor(ahead, builder.and_(builder.xor(ahead, behind), builder.neg(back))))


def _type_rows_above(_context: Any, ids: Any, _at: Any, _back: Any, _limit: Any) -> Any:
    return types.int64(ids, types.intp, types.int64, types.int64), _build_rows_above


# rows_above(ids, at, back, limit): of the levels at - 1, at - 2, … if `back` is 1, else of those at `at`, at + 1, …, how
# many come before the first that is not above the limit; there is one.
rows_above: Any = intrinsic(_type_rows_above)


def _build_shift(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    row, count, by = arguments[:3]
    source = builder.sub(row, by)
    moved = []
    for kind, pointer, start in zip(signature.args[3::2], arguments[3::2], arguments[4::2], strict=True):
        lanes = ir.VectorType(context.get_value_type(kind.dtype), BLOCK)
        here = builder.add(start, row)
        old, new = load(builder, pointer, here, lanes), load(builder, pointer, builder.add(start, source), lanes)
        moved.append((builder.select(_below(builder, lanes, count), new, old), pointer, here))
    for rows, pointer, here in moved:
        store(builder, rows, pointer, here)
    return context.get_dummy_value()


def _type_shift(
    _context: Any, _row: Any, _count: Any, _by: Any, cuts: Any, _cut: Any, values: Any, _value: Any, levels: Any,
    _level: Any, masses: Any, _mass: Any,
) -> Any:  # fmt: skip
    at = types.intp
    return types.void(at, at, at, cuts, at, values, at, levels, at, masses, at), _build_shift


# shift(row, count, by, cuts, cut, values, value, levels, level, masses, mass): BLOCK rows or less, from `row` on, become
# what those `by` rows before them are, in each of four sections: a pointer and where the section begins.
shift: Any = intrinsic(_type_shift)


def _build_prefetch(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    place = builder.inttoptr(arguments[0], byte)
    to_read_soon_as_data = (ir.Constant(number, n) for n in (0, 3, 1))
    builder.call(
        cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0"), [place, *to_read_soon_as_data]
    )
    return context.get_dummy_value()


def _type_prefetch(_context: Any, _address: Any) -> Any:
    return types.void(types.intp), _build_prefetch


# prefetch(address): have the CPU fetch what is there into the cache, and go on.
prefetch: Any = intrinsic(_type_prefetch)
