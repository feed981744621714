"""The sample of a tree: a time-decayed reservoir without replacement.

Record n gets the priority ln(-ln u) - λ·n with u uniform, and the sample is the `sample_size` records of least
priority: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006), for weights e^(λ·n), in
logarithms so that nothing overflows however long the stream. While the sample fills, every record enters.
"""

import numpy as np

from .arrays import LEAF, NUMBER, PRIORITY, Tree
from .compiling import part
from .streams import KEEP, uniform

@part
def priority_of(start: np.uint64, number: int, decay_rate: float) -> float:
    """The priority of a record; the least stay longest."""
    return np.log(-np.log(uniform(start, number, KEEP))) - decay_rate * number


@part
def next_accepted(start: np.uint64, first: int, end: int, worst: float, decay_rate: float) -> int:
    """The first record from `first` on whose priority is below the worst of the sample, or `end`.

    In terms of u the threshold of a record is exp(-exp(worst + λ·n)), which falls with n: u is compared
    with that of the last of a block of records, and logarithms are taken only of what passes.
    """
    block = min(max(1, int(0.125 / decay_rate)), 4096)
    while first < end:
        block_end = min(first + block, end)
        hopeless = np.exp(-np.exp(worst + decay_rate * block_end)) * (1.0 - 1e-12)
        for number in range(first, block_end):
            if uniform(start, number, KEEP) > hopeless and priority_of(start, number, decay_rate) < worst:
                return number
        first = block_end
    return end


@part
def _before(tree: Tree, i: int, j: int) -> bool:
    """Whether entry i is evicted before entry j: an order without ties, so the layout of the heap is no matter."""
    samples, numbers = tree.samples, tree.numbers
    one, other = numbers[PRIORITY * samples + i], numbers[PRIORITY * samples + j]
    return one > other or (one == other and numbers[NUMBER * samples + i] < numbers[NUMBER * samples + j])


@part
def _swap(tree: Tree, i: int, j: int) -> None:
    for section in (PRIORITY, NUMBER):
        a, b = section * tree.samples + i, section * tree.samples + j
        tree.numbers[a], tree.numbers[b] = tree.numbers[b], tree.numbers[a]
    a, b = LEAF * tree.samples + i, LEAF * tree.samples + j
    tree.ids[a], tree.ids[b] = tree.ids[b], tree.ids[a]


@part
def _set(tree: Tree, i: int, priority: float, number: int, leaf: int) -> None:
    tree.numbers[PRIORITY * tree.samples + i] = priority
    tree.numbers[NUMBER * tree.samples + i] = number
    tree.ids[LEAF * tree.samples + i] = leaf


@part
def append(tree: Tree, size: int, priority: float, number: int, leaf: int) -> None:
    """Add an entry to the heap while the sample fills."""
    _set(tree, size, priority, number, leaf)
    while size > 0 and _before(tree, size, (size - 1) // 2):
        _swap(tree, size, (size - 1) // 2)
        size = (size - 1) // 2


@part
def replace_worst(tree: Tree, priority: float, number: int, leaf: int) -> None:
    """Put an entry in place of the top of the full heap."""
    _set(tree, 0, priority, number, leaf)
    i = 0
    while 2 * i + 1 < tree.samples:
        child = 2 * i + 1
        if child + 1 < tree.samples and _before(tree, child + 1, child):
            child += 1
        if not _before(tree, child, i):
            return
        _swap(tree, child, i)
        i = child
