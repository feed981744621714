"""Our scores against those that Amazon's hosted RANDOM_CUT_FOREST itself returned."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from udf.rcf import RandomCutForest

NAB = Path(__file__).parents[2] / "shared" / "data" / "nab"
SEEDS = range(6)
SERIES: list[Any] = sorted(path.stem for path in NAB.glob("*.csv")) or [
    pytest.param("none", marks=pytest.mark.skip(reason="the recorded scores (../shared/data/nab) are not here"))
]


def difference(a, b):
    return np.abs(a - b).mean()


@pytest.mark.parametrize("series", SERIES)
def test_as_far_from_the_hosted_scores_as_from_another_seed(series):
    values, hosted = np.loadtxt(NAB / f"{series}.csv", delimiter=",", skiprows=1, usecols=(1, 2), unpack=True)
    ours = [RandomCutForest(1, seed=seed).score_and_learn(values[:, np.newaxis]) for seed in SEEDS]
    assert all((scores[:256] == 0).all() for scores in ours)
    to_hosted = np.mean([difference(scores[256:], hosted[256:]) for scores in ours])
    between = np.mean([difference(a[256:], b[256:]) for a, b in combinations(ours, 2)])
    if series == "art_flatline":
        assert to_hosted < 1e-6
        return
    print(
        f"{series}: seeds {list(SEEDS)}, to hosted {to_hosted:.4f}, between seeds {between:.4f}, "
        f"ratio {to_hosted / between:.3f}"
    )
    assert to_hosted <= 1.2 * between
