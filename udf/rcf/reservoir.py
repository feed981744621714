"""The sample of a tree: a time-decayed reservoir without replacement.

Record n gets the priority ln(-ln u) - λ·n with u uniform, and the sample is the `sample_size` records of
least priority: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006), for weights
e^(λ·n), in logarithms so that nothing overflows however long the stream. While the sample fills, every
record enters.

An entry stays in its slot until it is evicted, and a tournament finds the next to be: above the priorities lie the
greatest of each 16 of them, above those the greatest of each 16, until 16 are left. No branch in it depends on chance,
which in a heap nearly all do.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .compiling import inlined, on_both_sides, part
from .instructions import LANES
from .pointers import floats_on_stack
from .priority import one_priority, put_priorities
from .reservoir_vectors import FAN, FAN_BITS, equal, lowest, put
from .streams import KEEP, STEP, drawn, first_reaching, highest_bits, stream, unmixed

Floats = npt.NDArray[np.float64]

# Of the gate of a tree's sample, which lies with the tree: most records that pass by ask no more of the sample
GATE = 4
_WORST, _SLOT, _LIMIT, _UNTIL = range(GATE)

some_priorities = floats_on_stack(LANES)


class Reservoir(NamedTuple):
    """The sample of a tree as the parts of a kernel get it."""

    numbers: Any  # float64 by offset: the tournament, priorities first, -∞ where there is none; then
    record: int  # the number of the record in each slot
    entry: int  # the leaf in each slot; over one coordinate, the value
    gate: Any  # float64: of a full sample the greatest priority and its slot; and two numbers of `next_candidate`
    samples: int
    start: Any  # of the tree's stream of random numbers
    decay_rate: float


@on_both_sides
def _groups(samples: int, height: int) -> int:
    """How many FAN numbers there are at a level of the tournament."""
    shift = FAN_BITS * (height + 1)
    return (samples + (1 << shift) - 1) >> shift


@on_both_sides
def _tournament(samples: int) -> int:
    """Words of all its levels, four at most. Written out, since it is asked for each tree of each forest."""
    one, two = _groups(samples, 0), _groups(samples, 1)
    three, four = _groups(samples, 2), _groups(samples, 3)
    return FAN * (one + two * int(one > 1) + three * int(two > 1) + four * int(three > 1))


@on_both_sides
def words(samples: int) -> int:
    """Words of a sample."""
    return _tournament(samples) + 2 * samples


def empty(samples: int) -> Floats:
    """A sample that holds nothing: (words,) float64."""
    block = np.zeros(words(samples))
    block[: _tournament(samples)] = -np.inf
    return block


def records_of(blocks: Floats, samples: int) -> Floats:
    """The numbers of the records in samples (num_trees, words), a view: (num_trees, samples)."""
    first = _tournament(samples)
    return blocks[:, first : first + samples]


def entries_of(blocks: Floats, samples: int) -> Floats:
    """The leaves, or values, of those records, a view: (num_trees, samples)."""
    return blocks[:, _tournament(samples) + samples :]


@inlined
def sample_of(tree: Any, number: int, seed: np.uint64, decay_rate: float) -> Reservoir:
    """The sample of a tree, given its number in the forest."""
    record, samples = _tournament(tree.samples), tree.samples
    return Reservoir(tree.sample, record, record + samples, tree.gate, samples, stream(seed, number), decay_rate)


@part
def priority_of(sample: Reservoir, number: int) -> float:
    """The priority of a record; the least stay longest."""
    return float(one_priority(drawn(sample.start, number, KEEP), number, sample.decay_rate))


@inlined
def next_candidate(sample: Reservoir, first: int, end: int, priorities: Any, known: int) -> tuple[int, int]:
    """The first record from `first` on that may enter the full sample; if there is none before `end`, that.

    The threshold of a record in terms of -ln u is t = exp(worst + λ·n), which grows with n. So every u is compared with
    a number below the threshold of the last of a block of records, 1 - t < exp(-t), and logarithms are taken only of
    what passes, and of the seven records after it, which takes no longer. That number and the end of the block are kept
    with the tree: they hold for a lesser worst, too, and the worst only ever gets less. Numbers are compared as
    integers, before they become floats.

    Whether it `enters` is asked after the records up to it are scored, as nearly all do: the logarithms are long in
    coming, and nothing waits for them meanwhile.

    priorities: from call to call, those of the records known … known + 7. `known` is returned as second, and is LANES
    less than the first record to begin with.
    """
    gate, number = sample.gate, first
    while number < end:
        if number >= gate[_UNTIL]:
            block_end = number + min(max(1, int(0.125 / sample.decay_rate)), 4096)
            threshold = np.exp(gate[_WORST] + sample.decay_rate * block_end) * (1.0 + 1e-9)
            gate[_LIMIT], gate[_UNTIL] = max(0.0, 1.0 - threshold), block_end
        block_end = min(end, max(number + 1, int(gate[_UNTIL])))
        if gate[_LIMIT] > 0.0:
            number = first_reaching(sample.start, number, block_end, KEEP, highest_bits(gate[_LIMIT]))
        if number < block_end:
            if number >= known + LANES:
                known = number
                put_priorities(unmixed(sample.start, number, KEEP), STEP, number, sample.decay_rate, priorities)
            return number, known
    return end, known


@inlined
def enters(gate: Any, priority: float) -> bool:
    """Whether a candidate of that priority enters the full sample."""
    if priority < gate[_WORST]:
        return True
    gate[_UNTIL] = 0.0  # the worst has become less since the limit was set, as it quickly does in a young sample
    return False


@inlined
def worst_priority(gate: Any) -> float:
    """The priority below which a record enters the full sample."""
    return float(gate[_WORST])


@inlined
def worst_slot(sample: Reservoir) -> int:
    """Where the entry of a full sample is that is the next to be evicted."""
    return int(sample.gate[_SLOT])


@inlined
def worst_entry(sample: Reservoir) -> float:
    """That entry."""
    return float(sample.numbers[sample.entry + worst_slot(sample)])


@part
def _oldest_of(sample: Reservoir, priority: float) -> int:
    oldest = -1
    for slot in range(sample.samples):
        if sample.numbers[slot] == priority and (
            oldest < 0 or sample.numbers[sample.record + slot] < sample.numbers[sample.record + oldest]
        ):
            oldest = slot
    return oldest


@inlined
def put_entry(sample: Reservoir, slot: int, priority: float, number: int, entry: float) -> None:
    """Put an entry into a slot.

    Of equal priorities the older record goes first: an order without ties, so that results do not depend on which
    slots entries happen to be in.
    """
    numbers = sample.numbers
    numbers[sample.record + slot], numbers[sample.entry + slot] = number, entry
    worst, place, level, height = priority, slot, 0, 0
    while True:
        worst = put(numbers, level + place // FAN * FAN, place % FAN, worst)
        groups, place = _groups(sample.samples, height), place // FAN
        if groups == 1:
            break
        level, height = level + FAN * groups, height + 1
    tied = 0
    while True:
        found = equal(numbers, level + FAN * place, worst)
        tied, place = tied | found & (found - 1), FAN * place + lowest(found)
        if height == 0:
            break
        height -= 1
        level -= FAN * _groups(sample.samples, height)
    if tied:
        place = _oldest_of(sample, worst)
    sample.gate[_WORST], sample.gate[_SLOT] = worst, place
