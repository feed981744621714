"""Random numbers that are a function of (seed, tree, record number, draw) and of nothing else.

Because no generator state is carried along, a forest does not depend on how its records were split into
batches or which tree was served first, and a reservoir's priorities can be drawn again from record numbers.

Each tree has a stream of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014), started at a hash of seed and tree; a record takes `DRAWS` consecutive numbers of it.
"""

import numpy as np

from .compiling import inlined, part
from .instructions import AT_ONCE, MIX_1, MIX_2, first_high

DRAWS = np.uint64(4)
KEEP, PLACE, WHERE = np.uint64(0), np.uint64(1), np.uint64(2)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
STREAM_STEP, STEP = _GOLDEN, np.uint64(int(DRAWS) * int(_GOLDEN) % 2**64)
_MIX_1, _MIX_2 = np.uint64(MIX_1), np.uint64(MIX_2)
_UNMIX_1, _UNMIX_2 = (np.uint64(pow(factor, -1, 2**64)) for factor in (MIX_1, MIX_2))
_30, _27, _31, _12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)
_60, _54, _62 = np.uint64(60), np.uint64(54), np.uint64(62)


@inlined
def _mix(bits: np.uint64) -> np.uint64:
    bits = (bits ^ (bits >> _30)) * _MIX_1
    bits = (bits ^ (bits >> _27)) * _MIX_2
    return bits ^ (bits >> _31)


def _unmix(mixed: np.uint64) -> np.uint64:
    """The bits that `_mix` makes these of: it is a bijection."""
    mixed = (mixed ^ (mixed >> _31) ^ (mixed >> _62)) * _UNMIX_2
    mixed = (mixed ^ (mixed >> _27) ^ (mixed >> _54)) * _UNMIX_1
    return mixed ^ (mixed >> _30) ^ (mixed >> _60)


@inlined
def unmixed_stream(seed: np.uint64, tree: int) -> np.uint64:
    """What the start of the stream of a tree is mixed from: STREAM_STEP more for the next tree."""
    return _mix(seed + _GOLDEN) + np.uint64(tree) * _GOLDEN


@part
def stream(seed: np.uint64, tree: int) -> np.uint64:
    """Where the stream of a tree starts."""
    return _mix(unmixed_stream(seed, tree))


def seed_at(seed: int, tree: int) -> int:
    """The seed that has as streams 0, 1, … those that `seed` has from `tree` on; with tree 0 it stays as given."""
    if tree == 0:
        return seed
    with np.errstate(over="ignore"):
        start = _mix.py_func(np.uint64(seed % 2**64) + _GOLDEN) + np.uint64(tree) * _GOLDEN
        return int(_unmix(start) - _GOLDEN)


@inlined
def unmixed(start: np.uint64, number: int, draw: np.uint64) -> np.uint64:
    """What the bits of a draw are mixed from: STEP more for the next record."""
    return start + (np.uint64(number) * DRAWS + draw) * _GOLDEN


@inlined
def bits(start: np.uint64, number: int, draw: np.uint64) -> np.uint64:
    """The 64 random bits of a draw."""
    return _mix(unmixed(start, number, draw))


@inlined
def first_reaching(start: np.uint64, first: int, end: int, draw: np.uint64, limit: np.uint64) -> int:
    """The first of the records first … end - 1 whose bits are at least `limit`, or `end`."""
    if end - first == 1:
        return first if bits(start, first, draw) >= limit else end
    number = first
    while number < end:
        ahead = first_high(unmixed(start, number, draw), STEP, limit)
        number += ahead
        if ahead < AT_ONCE:
            break
    return min(number, end)


@inlined
def drawn(start: np.uint64, number: int, draw: np.uint64) -> float:
    """The upper 52 of those bits as a number."""
    return float(np.int64(bits(start, number, draw) >> _12))


@inlined
def uniform(start: np.uint64, number: int, draw: np.uint64) -> float:
    """A uniform number strictly between 0 and 1: a multiple of 2**-52, plus half of one."""
    return float((drawn(start, number, draw) + 0.5) * 2.0**-52)


@inlined
def highest_bits(u: float) -> np.uint64:
    """Bits such that whatever draw is below them has a `uniform` number below u, which is from 0 to 1."""
    return np.uint64(max(0.0, u * 2.0**52 - 1.0)) << _12
