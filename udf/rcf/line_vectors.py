"""What is done to many rows of a tree on a line at once, in vector instructions: see `line`.

They read up to a vector past what they are given, or before it, and what they write there is what they read.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .instructions import WORD, load, spread, store, word

BLOCK = 16  # numbers that are compared at once
LEVELS = 32  # that are compared at once
_ONE = word(1)


def _build_count_below(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, at, x = arguments
    kind = ir.VectorType(ir.DoubleType(), BLOCK)
    below = builder.fcmp_ordered("<", load(builder, numbers, at, kind), spread(builder, x, kind))
    return builder.zext(builder.ctpop(builder.bitcast(below, ir.IntType(BLOCK))), WORD)


def _type_count_below(_context: Any, numbers: Any, at: Any, x: Any) -> Any:
    return types.int64(numbers, types.intp, types.float64), _build_count_below


# count_below(numbers, at, x): how many of the BLOCK numbers from `at` on are below x.
count_below: Any = intrinsic(_type_count_below)


def _build_copy_lasts(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, to, source = arguments
    kind = ir.VectorType(ir.DoubleType(), BLOCK)
    lasts = ir.Constant(kind, ir.Undefined)
    for i in range(BLOCK):
        at = builder.add(source, word(BLOCK * i + BLOCK - 1))
        lasts = builder.insert_element(lasts, builder.load(builder.gep(numbers, [at])), ir.Constant(ir.IntType(32), i))
    store(builder, lasts, numbers, to)
    return context.get_dummy_value()


def _type_copy_lasts(_context: Any, numbers: Any, _to: Any, _source: Any) -> Any:
    return types.void(numbers, types.intp, types.intp), _build_copy_lasts


# copy_lasts(numbers, to, source): of BLOCK blocks of as many numbers, from `source` on, the last of each, to `to`. They
# are written as one vector, so that the search that soon reads them as one need not wait.
copy_lasts: Any = intrinsic(_type_copy_lasts)


def _below(builder: ir.IRBuilder, kind: ir.VectorType, limit: Any) -> Any:
    """For each lane, whether its number is below a limit."""
    number, all_lanes = ir.IntType(16), word(kind.count)
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


def _build_rows_above(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    ids, at, back, limit = arguments
    kind, number = ir.VectorType(ir.IntType(16), LEVELS), ir.IntType(LEVELS)
    back = builder.icmp_signed("!=", back, word(0))
    limit = spread(builder, builder.trunc(limit, kind.element), kind)
    first = builder.select(back, builder.sub(at, word(LEVELS)), at)

    def found(here: Any) -> tuple[Any, Any]:
        """Which of the levels there are not above, and whether any is."""
        bits = builder.bitcast(builder.icmp_unsigned("<=", load(builder, ids, here, kind), limit), number)
        return bits, builder.icmp_unsigned("!=", bits, ir.Constant(number, 0))

    bits, any_found = found(first)
    before, last = builder.block, builder.function.append_basic_block("found")
    more = builder.function.append_basic_block("more")
    builder.cbranch(any_found, last, more)

    builder.position_at_end(more)
    passed = builder.phi(WORD)
    further = builder.add(passed, word(LEVELS))
    step = builder.select(back, builder.neg(further), further)
    more_bits, any_more = found(builder.add(first, step))
    passed.add_incoming(word(0), before)
    passed.add_incoming(further, more)
    builder.cbranch(any_more, last, more)

    builder.position_at_end(last)
    all_bits, rows = builder.phi(number), builder.phi(WORD)
    for value, block, passed_rows in ((bits, before, word(0)), (more_bits, more, further)):
        all_bits.add_incoming(value, block)
        rows.add_incoming(passed_rows, block)
    is_some = ir.Constant(ir.IntType(1), 1)
    nearest = builder.select(back, builder.ctlz(all_bits, is_some), builder.cttz(all_bits, is_some))
    return builder.add(rows, builder.zext(nearest, WORD))


def _type_rows_above(_context: Any, ids: Any, _at: Any, _back: Any, _limit: Any) -> Any:
    return types.int64(ids, types.intp, types.int64, types.int64), _build_rows_above


# rows_above(ids, at, back, limit): of the levels at - 1, at - 2, … if `back` is 1, else of those at `at` and on,
# how many come before the first that is not above the limit; there must be one.
rows_above: Any = intrinsic(_type_rows_above)


def _mover(forth: bool) -> Any:
    def build(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        row, count = arguments[0], arguments[1]
        sections = [
            (pointer, at, ir.VectorType(context.get_value_type(kind.dtype), BLOCK))
            for kind, pointer, at in zip(signature.args[2::2], arguments[2::2], arguments[3::2], strict=True)
        ]
        block = word(BLOCK)

        # One section after the other: where one ends, a vector reads and writes back what is of the next
        def move(at: Any, left: Any = None) -> None:
            """A block of rows to `at` and on; or the last of them, of a block that `left` are left of."""
            source = builder.sub(at, _ONE) if forth else builder.add(at, _ONE)
            for pointer, start, kind in sections:
                here = builder.add(start, at)
                new = load(builder, pointer, builder.add(start, source), kind)
                if left is not None:
                    old = load(builder, pointer, here, kind)
                    meant = _below(builder, kind, builder.sub(block, left) if forth else left)
                    new = builder.select(meant, *((old, new) if forth else (new, old)))
                store(builder, new, pointer, here)

        whole = builder.and_(count, word(-BLOCK))
        with cgutils.for_range_slice(builder, word(0), whole, block) as (i, _):
            # Forth from the end on: what is read was not yet written
            move(builder.add(row, builder.sub(builder.sub(count, i), block) if forth else i))
        left = builder.sub(count, whole)
        with builder.if_then(builder.icmp_signed(">", left, word(0))):
            move(builder.add(row, builder.sub(left, block) if forth else whole), left)
        return context.get_dummy_value()

    def typed(
        _context: Any,
        row: Any,
        count: Any,
        cuts: Any,
        cut: Any,
        values: Any,
        value: Any,
        levels: Any,
        level: Any,
        masses: Any,
        mass: Any,
    ) -> Any:
        place = types.intp
        return types.void(place, place, cuts, place, values, place, levels, place, masses, place), build

    return intrinsic(typed)


# move_back(row, count, cuts, cut, values, value, levels, level, masses, mass): rows row + 1 … row + count move back by
# one, in each of four sections: a pointer and where the section begins.
move_back: Any = _mover(forth=False)
# move_forth(row, count, …): rows row - 1 … row + count - 2 move forth by one. Reads up to a vector before them.
move_forth: Any = _mover(forth=True)


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
