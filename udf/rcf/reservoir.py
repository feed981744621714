"""The sample of a tree: a time-decayed reservoir without replacement.

Record n gets the priority ln(-ln u) - λ·n with u uniform, and the sample is the `sample_size` records of
least priority: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006), for weights
e^(λ·n), in logarithms so that nothing overflows however long the stream. While the sample fills, every
record enters.
"""

from typing import Any

import numpy as np

from .arrays import ENTRY, NUMBER, PRIORITY, WIDTH
from .compiling import inlined, part
from .streams import KEEP, first_reaching, highest_bits, uniform


@part
def priority_of(start: np.uint64, number: int, decay_rate: float) -> float:
    """The priority of a record; the least stay longest."""
    return np.log(-np.log(uniform(start, number, KEEP))) - decay_rate * number


@part
def next_accepted(tree: Any, start: np.uint64, first: int, end: int, decay_rate: float) -> tuple[int, float]:
    """The first record from `first` on whose priority is below the worst of the full sample; and the priority.

    If there is none before `end`, that. The threshold of a record in terms of -ln u is t = exp(worst + λ·n), which
    grows with n. So every u is compared with a number below the threshold of the last of a block of records, 1 - t <
    exp(-t), and logarithms are taken only of what passes. That number and the end of the block are kept with the tree:
    they hold for a lesser worst, too, and the worst only ever gets less. Numbers are compared as integers, before they
    become floats.
    """
    numbers, worst, number = tree.numbers, tree.numbers[PRIORITY], first
    while number < end:
        if number >= numbers[tree.filter + 1]:
            block_end = number + min(max(1, int(0.125 / decay_rate)), 4096)
            threshold = np.exp(worst + decay_rate * block_end) * (1.0 + 1e-9)
            numbers[tree.filter], numbers[tree.filter + 1] = max(0.0, 1.0 - threshold), block_end
        block_end = min(end, max(number + 1, int(numbers[tree.filter + 1])))
        number = first_reaching(start, number, block_end, KEEP, highest_bits(numbers[tree.filter]))
        if number < block_end:
            priority = priority_of(start, number, decay_rate)
            if priority < worst:
                return number, priority
            # It passed in vain: the worst has become less since, as it quickly does in a young sample
            numbers[tree.filter + 1] = 0.0
            number += 1
    return end, worst


@inlined
def _set(tree: Any, i: int, priority: float, number: int, entry: float) -> None:
    tree.numbers[WIDTH * i + PRIORITY] = priority
    tree.numbers[WIDTH * i + NUMBER] = number
    tree.numbers[WIDTH * i + ENTRY] = entry


@inlined
def _move(tree: Any, source: int, to: int) -> None:
    numbers, at = tree.numbers, WIDTH * source
    _set(tree, to, numbers[at + PRIORITY], numbers[at + NUMBER], numbers[at + ENTRY])


# Of equal priorities the older record goes first: an order without ties, so that results do not depend on how
# the heap happens to lie. A new entry is always the youngest.


@part
def append(tree: Any, size: int, priority: float, number: int, entry: float) -> None:
    """Add an entry to the heap while the sample fills."""
    hole = size
    while hole > 0 and priority > tree.numbers[WIDTH * ((hole - 1) // 2) + PRIORITY]:
        _move(tree, (hole - 1) // 2, hole)
        hole = (hole - 1) // 2
    _set(tree, hole, priority, number, entry)


@part
def replace_worst(tree: Any, priority: float, number: int, entry: float) -> None:
    """Put an entry in place of the top of the full heap."""
    numbers, hole = tree.numbers, 0
    while 2 * hole + 1 < tree.samples:
        child = 2 * hole + 1
        other = min(child + 1, tree.samples - 1)
        one, two = numbers[WIDTH * child + PRIORITY], numbers[WIDTH * other + PRIORITY]
        if one == two:
            child = other if numbers[WIDTH * other + NUMBER] < numbers[WIDTH * child + NUMBER] else child
        else:
            child += int(one < two)
        if numbers[WIDTH * child + PRIORITY] < priority:
            break
        _move(tree, child, hole)
        hole = child
    _set(tree, hole, priority, number, entry)
