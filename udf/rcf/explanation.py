"""Attributions as text, in the form of Amazon's RANDOM_CUT_FOREST_WITH_EXPLANATION."""

import json
from collections.abc import Sequence

import numpy as np

from .arrays import Floats


def explanations(low: Floats, high: Floats, features: Sequence[str], shingle_size: int = 1) -> list[str]:
    """ANOMALY_EXPLANATION of each record: JSON by feature, numbers as strings of 4 decimals.

    low, high: (n, dimensions * shingle_size) float64 as `attribution` gives them, the oldest record of a shingle
    first; a feature's part is the sum over its places in the shingle. features: the names, (dimensions,).
    ATTRIBUTION_SCORE is high + low, and these sum to the score; DIRECTION is that of the greater of the two,
    STRENGTH from 0 to 1 by how much it is greater: |high - low| / (high + low). LOW and 0 where the score is 0.

    Raises ValueError where the columns are not that many.

    >>> explanations(np.array([[0.125]]), np.array([[1.0]]), ["Pulse"])
    ['{"Pulse":{"DIRECTION":"HIGH","STRENGTH":"0.7778","ATTRIBUTION_SCORE":"1.1250"}}']
    """
    columns = len(features) * shingle_size
    for name, side in (("low", low), ("high", high)):
        if side.ndim != 2 or side.shape[1] != columns:
            raise ValueError(f"{name} must be of shape (n, {columns}), got {side.shape!r}")
    lows, highs = (_by_feature(side, len(features), shingle_size) for side in (low, high))
    scores = lows + highs
    strengths = np.abs(highs - lows) / np.where(scores > 0.0, scores, 1.0)
    starts = [f'{json.dumps(name, ensure_ascii=False)}:{{"DIRECTION":"' for name in features]
    rows = zip((highs > lows).tolist(), strengths.tolist(), scores.tolist(), strict=True)
    return ["{" + ",".join(map(_of_feature, starts, *row)) + "}" for row in rows]


def _of_feature(start: str, is_high: bool, strength: float, score: float) -> str:
    direction = "HIGH" if is_high else "LOW"
    return f'{start}{direction}","STRENGTH":"{strength:.4f}","ATTRIBUTION_SCORE":"{score:.4f}"}}'


def _by_feature(side: Floats, dimensions: int, shingle_size: int) -> Floats:
    """Sums over the records of a shingle, in their order: how NumPy would sum depends on the size of the batch."""
    total = np.zeros((len(side), dimensions))
    for first in range(0, dimensions * shingle_size, dimensions):
        total += side[:, first : first + dimensions]
    return total
