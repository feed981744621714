"""The two rules for the score of a point the tree has seen before.

A point that equals a leaf of mass m at depth d scores `weight(m) / (d + depth(m))`, in a tree of mass M:

- "kinesis", what Amazon's hosted function does (worked out from its recorded output): 1 / (d + log2(m));
  a tree that holds one distinct value only scores 1 / (M + 1). Normalizer log2(M).
- "open", Amazon's open library: (1 - m / 2M) / (d + log2(m + 1)). Normalizer log2(M + 1).

The depth of the root is 0. The score of a forest is the mean over its trees times the normalizer.
"""

import math
from functools import cache

import numpy as np
import numpy.typing as npt

WEIGHT, DEPTH, RECIPROCAL = range(3)
SPARE = 4


@cache
def score_table(scoring: str, sample_size: int) -> npt.NDArray[np.float64]:
    """Row m: weight(m) and depth(m), in a full tree, and 1 / m.

    Nothing is scored by a tree that is not full. Before row 0 there are SPARE ones, which kernels may read in vain.
    """
    table = np.zeros((SPARE + sample_size + 1, 3))[SPARE:]
    for mass in range(1, sample_size + 1):
        if scoring == "kinesis":
            table[mass] = 1.0, math.log2(mass), 1.0 / mass
        else:
            table[mass] = 1.0 - mass / (2.0 * sample_size), math.log2(mass + 1), 1.0 / mass
    if scoring == "kinesis":  # only the single leaf of a tree, at depth 0, can have the whole mass
        table[sample_size, :RECIPROCAL] = 1.0 / (sample_size + 1), 1.0
    table.setflags(write=False)
    return table


def normalizer(scoring: str, sample_size: int) -> float:
    """What the mean over the trees is multiplied by."""
    return math.log2(sample_size if scoring == "kinesis" else sample_size + 1)
