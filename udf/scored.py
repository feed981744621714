"""What a second's records get from the forests of their keys: scores, and if they are asked for, what these mean."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from udf import members
from udf.forests import Living
from udf.rcf import grade, score_and_learn_many
from udf.rcf.explanation import explanations

_FEW = 8  # records a key from which on a call for each key costs less than one for all


class Scored(NamedTuple):
    """Scores, (n,) float64; probabilities, the same or empty; explanations, n JSON objects or none."""

    scores: np.ndarray
    probabilities: np.ndarray
    explanations: list[str]

    @classmethod
    def joined(cls, parts: Sequence["Scored"]) -> "Scored":
        """The records of all parts, in their order."""
        scores, probabilities, texts = zip(*parts, strict=True)
        return cls(np.concatenate(scores), np.concatenate(probabilities), [text for some in texts for text in some])

    def members(self) -> dict[str, list[str]]:
        """By name, JSON for each record."""
        found = {}
        if self.probabilities.size:
            for name, values in zip(members.GRADE, (self.probabilities, grade(self.probabilities)), strict=True):
                found[name] = [repr(value) for value in values.tolist()]
        if self.explanations:
            found[members.EXPLANATION[0]] = self.explanations
        return found


def score_and_learn(
    living: Sequence[Living], counts: np.ndarray, points: np.ndarray, explained: Sequence[str]
) -> Scored:
    """The first counts[0] of the points, float64 (n, d), go to living[0], the next counts[1] to living[1], …

    explained: names of the features for explanations, or nothing for none.
    """
    ends, texts = np.cumsum(counts)[:-1], []
    # Splitting costs as much as scoring where there are thousands of keys with a record each
    if not explained and len(points) < _FEW * len(living):
        one_each = [living[i].forest for i in np.repeat(np.arange(len(living)), counts)]
        scores = score_and_learn_many(one_each, points)
    else:
        scores = np.empty(len(points))
        for one, some, of_some in zip(living, np.split(points, ends), np.split(scores, ends), strict=True):
            if explained:
                of_some[:], low, high = one.forest.attribute_and_learn(some)
                texts += explanations(low, high, explained, one.forest.shingle_size)
            else:
                of_some[:] = one.forest.score_and_learn(some)
    probabilities = np.empty(0)
    if living[0].calibration is not None:
        graded = zip(living, np.split(scores, ends), strict=True)
        probabilities = np.concatenate([one.calibration.observe(some) for one, some in graded if one.calibration])
    return Scored(scores, probabilities, texts)
