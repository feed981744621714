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
    parts = list(zip([one.forest for one in living], np.split(points, ends), strict=True))
    if explained:
        scores = np.empty(len(points))
        for (forest, some), of_some in zip(parts, np.split(scores, ends), strict=True):
            of_some[:], low, high = forest.attribute_and_learn(some)
            texts += explanations(low, high, explained, forest.shingle_size)
    elif len(points) < _FEW * len(living):
        one_each = [living[i].forest for i in np.repeat(np.arange(len(living)), counts)]
        scores = score_and_learn_many(one_each, points)
    else:
        scores = np.concatenate([forest.score_and_learn(some) for forest, some in parts])
    probabilities = [
        one.calibration.observe(some)
        for one, some in zip(living, np.split(scores, ends), strict=True)
        if one.calibration is not None
    ]
    return Scored(scores, np.concatenate(probabilities) if probabilities else np.empty(0), texts)
