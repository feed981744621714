"""The scores of eight points in a small tree on a line at once: what `line_walk.score_one` gives, bit for bit.

A tree of at most MOST samples fits into registers. A step up is then a lookup in them, for eight points in one
instruction of AVX-512; where a CPU lacks that, points go one by one. Larger trees would have to be gathered from
memory, which takes longer than one by one (docs/decisions/forest-layout.md).
"""

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from .instructions import LANE, LANES, WORD, any_of, distance, like, load, spread, word
from .scoring import DEPTH, WEIGHT

_ROWS = 16
MOST = _ROWS - 1  # there is a row -1
_ID = ir.IntType(16)
_FLOATS, _WORDS = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(WORD, LANES)
_IDS, _PAIRS = ir.VectorType(_ID, _ROWS), ir.VectorType(LANE, _ROWS)  # a pair of ids is as long as one LANE
_ZEROS = ir.Constant(_FLOATS, [0.0] * LANES)
_RECIPROCALS = tuple(
    ir.Constant(_FLOATS, [1.0 / max(n, 1) for n in range(first, first + LANES)]) for first in (0, LANES)
)


def supported() -> bool:
    """Whether kernels are compiled for a CPU that has the instructions."""
    told = numba.config.CPU_FEATURES  # type: ignore[attr-defined] # numba sets it by name
    return "+avx512f" in (get_host_cpu_features() if told is None else told).split(",")


class _Lanes:
    """Writes what is done to eight lanes."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self._builder = builder

    def call(self, name: str, kind: Any, *arguments: Any) -> Any:
        function = ir.FunctionType(kind, [argument.type for argument in arguments])
        return self._builder.call(cgutils.get_or_insert_function(self._builder.module, function, name), arguments)

    def spread(self, number: Any) -> Any:
        return spread(self._builder, number, ir.VectorType(number.type, LANES))

    def any(self, lanes: Any) -> Any:
        return any_of(self._builder, lanes)

    def rows(self, base: Any, at: Any) -> tuple[Any, Any]:
        """The 16 numbers from `at` on."""
        next_ones = self._builder.add(at, word(LANES))
        return load(self._builder, base, at, _FLOATS), load(self._builder, base, next_ones, _FLOATS)

    def floats(self, rows: tuple[Any, Any], row: Any) -> Any:
        """The number of each of those rows."""
        return self.call("llvm.x86.avx512.vpermi2var.pd.512", _FLOATS, rows[0], row, rows[1])

    def pairs(self, rows: Any, row: Any) -> tuple[Any, Any]:
        """The two ids of each of those rows."""
        builder, id_bits = self._builder, like(_WORDS, 0xFFFF)
        both = self.call("llvm.x86.avx512.permvar.si.512", _PAIRS, rows, builder.bitcast(row, _PAIRS))
        both = builder.bitcast(both, _WORDS)  # what is asked for is in the lower halves
        return builder.and_(both, id_bits), builder.and_(builder.lshr(both, like(_WORDS, _ID.width)), id_bits)

    def of_table(self, table: Any, mass: Any, column: int) -> Any:
        """Of those rows of `scoring.score_table`; one by one, since it is rarely asked for."""
        builder, numbers = self._builder, _ZEROS
        for lane in (ir.Constant(LANE, lane) for lane in range(LANES)):
            at = builder.mul(builder.extract_element(mass, lane), word(3))
            number = builder.load(builder.gep(table, [builder.add(at, word(column))]))
            numbers = builder.insert_element(numbers, number, lane)
        return numbers

    def spans(self, levels: Any) -> Any:
        """The ends of the nodes of rows, from row -1 on, given their levels: beside the next rows with lower ones."""
        builder, one = self._builder, like(_PAIRS, 1)
        lower = like(_PAIRS, 0)
        for row in range(_ROWS):
            level = builder.shuffle_vector(levels, levels, ir.Constant(_PAIRS, [row] * _ROWS))
            above = builder.sext(builder.icmp_unsigned(">", levels, level), _PAIRS)
            lower = builder.or_(lower, builder.and_(above, like(_PAIRS, 1 << row)))
        before = ir.Constant(_PAIRS, [(1 << row) - 1 for row in range(_ROWS)])
        low = builder.and_(lower, before)
        high = builder.xor(lower, low)
        high = builder.and_(high, builder.neg(high))  # the lowest bit of it
        low, high = (builder.sub(like(_PAIRS, LANE.width - 1), self._zeros(bits)) for bits in (low, high))
        high = builder.shl(builder.sub(high, one), like(_PAIRS, _ID.width))
        return builder.or_(builder.and_(low, like(_PAIRS, 0xFFFF)), high)

    def _zeros(self, bits: Any) -> Any:
        """How many there are above the highest bit."""
        return self.call(f"llvm.ctlz.v{_ROWS}i32", _PAIRS, bits, ir.Constant(ir.IntType(1), 0))

    def read(self, place: Any, meant: Any) -> Any:
        arguments = place, ir.Constant(LANE, 8), meant, _ZEROS
        return self.call(f"llvm.masked.load.v{LANES}f64.p0", _FLOATS, *arguments)

    def write(self, numbers: Any, place: Any, meant: Any) -> None:
        arguments = numbers, place, ir.Constant(LANE, 8), meant
        self.call(f"llvm.masked.store.v{LANES}f64.p0", ir.VoidType(), *arguments)


def _build(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
    numbers, ids, cut, value, level, mass, points, begin, end, table, scores = arguments
    lanes = _Lanes(builder)
    cuts, values = lanes.rows(numbers, cut), lanes.rows(numbers, value)
    before = builder.sub(level, word(1))  # row -1
    left, right, masses = (builder.zext(load(builder, ids, at, _IDS), _PAIRS) for at in (before, level, mass))
    spans, depths = lanes.spans(left), builder.select(builder.icmp_unsigned(">", left, right), left, right)
    leaves = builder.or_(depths, builder.shl(masses, ir.Constant(_PAIRS, [_ID.width] * _ROWS)))
    number = builder.add(lanes.spread(begin), ir.Constant(_WORDS, list(range(LANES))))
    meant = builder.icmp_signed("<", number, lanes.spread(end))
    x = lanes.read(builder.bitcast(builder.gep(points, [begin]), _FLOATS.as_pointer()), meant)

    leaf = like(_WORDS, 0)
    for half in (8, 4, 2, 1):
        below = builder.fcmp_ordered("<", lanes.floats(cuts, builder.add(leaf, like(_WORDS, half - 1))), x)
        leaf = builder.select(below, builder.add(leaf, like(_WORDS, half)), leaf)
    at_leaf, (at_depth, at_mass) = lanes.floats(values, leaf), lanes.pairs(leaves, leaf)
    apart, right = builder.fcmp_unordered("!=", at_leaf, x), builder.fcmp_ordered(">", x, at_leaf)
    beyond = distance(builder, x, at_leaf)
    score_now = cgutils.alloca_once_value(builder, lanes.floats(_RECIPROCALS, builder.add(at_depth, like(_WORDS, 1))))
    with builder.if_then(lanes.any(builder.and_(meant, builder.not_(apart))), likely=False):
        weight, deeper = (lanes.of_table(table, at_mass, column) for column in (WEIGHT, DEPTH))
        seen = builder.fdiv(weight, builder.fadd(builder.sitofp(at_depth, _FLOATS), deeper))
        builder.store(builder.select(apart, builder.load(score_now), seen), score_now)

    # Up the nodes that end at the leaf, so before x: that of row `at`, or to the right of the leaf of the row before
    at_now, depth_now, on_now = (
        cgutils.alloca_once_value(builder, start) for start in (leaf, at_depth, builder.and_(meant, apart))
    )
    first = builder.select(right, like(_WORDS, 0), like(_WORDS, 1))
    up, done = builder.append_basic_block("up"), builder.append_basic_block("done")
    builder.branch(up)
    builder.position_at_end(up)
    low, high = lanes.pairs(spans, builder.add(builder.load(at_now), first))
    near, far = builder.select(right, high, low), builder.select(right, low, high)
    on = builder.and_(builder.load(on_now), builder.icmp_unsigned("==", near, leaf))
    separated = builder.fdiv(beyond, builder.fadd(beyond, distance(builder, at_leaf, lanes.floats(values, far))))
    score, depth = builder.load(score_now), builder.load(depth_now)
    change = builder.fmul(separated, builder.fsub(lanes.floats(_RECIPROCALS, depth), score))
    builder.store(builder.select(on, builder.fadd(score, change), score), score_now)
    builder.store(builder.add(depth, builder.sext(on, _WORDS)), depth_now)
    builder.store(far, at_now)
    builder.store(on, on_now)
    builder.cbranch(lanes.any(on), up, done)
    builder.position_at_end(done)

    sums = builder.bitcast(builder.gep(scores, [begin]), _FLOATS.as_pointer())
    lanes.write(builder.fadd(lanes.read(sums, meant), builder.load(score_now)), sums, meant)
    return context.get_dummy_value()


def _type(
    _context: Any, numbers: Any, ids: Any, cut: Any, value: Any, level: Any, mass: Any,
    points: Any, begin: Any, end: Any, table: Any, scores: Any,
) -> Any:  # fmt: skip
    at = types.intp
    return types.void(numbers, ids, at, at, at, at, points, at, at, table, scores), _build


# add_eight_scores(numbers, ids, cut, value, level, mass, points, begin, end, table, scores): add to the first
# eight of scores[begin:end], or to all, those of the points; the sections are those of a `line.Line`.
add_eight_scores: Any = intrinsic(_type)
