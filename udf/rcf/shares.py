"""The trees of one forest dealt to shares, each of which learns and scores alone.

    one forest      seed s      0 1 2 3 4 5 6
    three shares    seed s      0 1
                    seed s'         0 1              s'  = seed_at(s, 2)
                    seed s''            0 1 2        s'' = seed_at(s, 4)

A share is a forest like any other, with the seed whose first trees are those it was dealt (`streams.seed_at`): each is,
bit for bit, the tree it was. The score of a forest is the mean over its trees, so those of the shares, each times its
`weight`, add up to it, but for the rounding of sums in another order. So do attributions; what is `expected` does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from .arrays import Floats
from .forest import RandomCutForest
from .layout import layout_of
from .parameters import Parameters, check_whole
from .streams import seed_at

_ALIKE = (  # but for num_trees and seed, all that two forests can differ in before they learn
    "dimensions",
    "sample_size",
    "time_decay",
    "shingle_size",
    "scoring",
    "features",
    "noise_floor",
    "records_seen",
)


def share_of(parameters: Mapping[str, Any], share: int, shares: int) -> dict[str, Any]:
    """The parameters of a share, numbered from 0, of the forest that has these: both as `RandomCutForest` takes them.

    Raises ValueError for a parameter out of range, or more shares than trees.

    >>> share_of({"dimensions": 1, "num_trees": 7, "seed": -5}, 0, 3)
    {'dimensions': 1, 'num_trees': 2, 'seed': -5}
    >>> share_of({"dimensions": 1, "num_trees": 7, "seed": -5}, 3, 3)
    Traceback (most recent call last):
        ...
    ValueError: share must be a whole number from 0 to 2, got 3
    """
    whole = Parameters(**parameters)
    first, end = _trees_of(whole.num_trees, share, shares)
    return {**parameters, "num_trees": end - first, "seed": seed_at(whole.seed, first)}


def weight(num_trees: int, share: int, shares: int) -> float:
    """What to multiply the scores of a share by, of a forest of num_trees: its part of the trees, above 0, at most 1.

    Raises ValueError for more shares than trees.

    >>> [weight(8, share, 3) for share in range(3)]
    [0.25, 0.375, 0.375]
    """
    first, end = _trees_of(num_trees, share, shares)
    return (end - first) / num_trees


def split(forest: RandomCutForest, shares: int) -> list[RandomCutForest]:
    """The shares of a forest; each goes on bit for bit as its trees would have. The forest itself stays as it is.

    Raises ValueError for more shares than trees.

    >>> whole = RandomCutForest(dimensions=1, num_trees=50, sample_size=64, time_decay=1000, seed=7)
    >>> whole.learn(np.random.default_rng(7).normal(size=(500, 1)))
    >>> parts = [weight(50, i, 3) * share.score([[9.0]])[0] for i, share in enumerate(split(whole, 3))]
    >>> bool(abs(sum(parts) - whole.score([[9.0]])[0]) < 1e-12)
    True
    """
    check_whole("shares", shares, 1, forest.num_trees)
    told = asdict(forest._parameters)
    dealt = [slice(*_trees_of(forest.num_trees, share, shares)) for share in range(shares)]
    return [
        _with_trees(forest, Parameters(**share_of(told, share, shares)), forest._trees[trees])
        for share, trees in enumerate(dealt)
    ]


def join(shares: Sequence[RandomCutForest]) -> RandomCutForest:
    """The forest of all trees of neighbouring shares, in their order; it goes on bit for bit as the whole would have.

    Raises ValueError, naming what differs, for shares that are not of one forest. That they learned other records is
    seen only by how many these were and, with shingles or noise floors, by the last of them.
    """
    if not shares:
        raise ValueError("shares must be at least one forest, got none")
    first, num_trees = shares[0], 0
    for i, share in enumerate(shares):
        for name in _ALIKE:
            expected, found = getattr(first, name), getattr(share, name)
            if found != expected:
                raise ValueError(f"{name} of share {i} must be that of share 0, {expected!r}, got {found!r}")
        following = seed_at(first.seed, num_trees)
        if (share.seed - following) % 2**64:
            raise ValueError(f"seed of share {i} must be {following}, where share {i - 1} ends, got {share.seed!r}")
        if _last_records(share) != _last_records(first):
            raise ValueError(f"last records of share {i} must be those of share 0, got others")
        num_trees += share.num_trees
    parameters = replace(first._parameters, num_trees=num_trees)
    return _with_trees(first, parameters, np.concatenate([share._trees for share in shares]))


def _last_records(forest: RandomCutForest) -> tuple[bytes, bytes]:
    return forest._recent.tobytes(), forest._held.tobytes()


def _trees_of(num_trees: int, share: int, shares: int) -> tuple[int, int]:
    """The first tree of a share, and the one after its last."""
    check_whole("shares", shares, 1, num_trees)
    check_whole("share", share, 0, shares - 1)
    return share * num_trees // shares, (share + 1) * num_trees // shares


def _with_trees(forest: RandomCutForest, parameters: Parameters, trees: Floats) -> RandomCutForest:
    """A forest that has learned what this one has, with copies of these trees (parameters.num_trees, words)."""
    blocks = layout_of(parameters).empty_blocks(parameters)  # where in memory a layout wants them
    blocks[:] = trees
    other = RandomCutForest.__new__(RandomCutForest)
    other._hold(parameters, forest.records_seen, forest._recent.copy(), forest._held.copy(), blocks)
    return other
