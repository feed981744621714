"""Machine code for the workers, brought into numba's cache beforehand: they would stand still while it is compiled.

Where the cluster launches this process, workers are on other machines, and nothing is compiled.
"""

from typing import Any

import numpy as np

from job.environment import launched


def compile_forest(parameters: dict[str, Any], *, explained: bool = False, graded: bool = False) -> None:
    """What a `RandomCutForest` of these parameters needs, with explanations and grades if they are wanted.

    Raises ValueError as it does.
    """
    from udf.rcf import Calibration, RandomCutForest, score_and_learn_many  # noqa: PLC0415 - half a second

    forest = RandomCutForest(**parameters)
    if launched():
        return
    points = np.zeros((2, forest.dimensions))
    if explained:
        forest.attribute_and_learn(points)
    if graded or not explained:
        forest.score_and_learn(points)
        score_and_learn_many([forest], points[:1])
    if graded:
        Calibration(bound=1.0).observe(np.ones(2000))
    RandomCutForest.from_bytes(forest.to_bytes())


def compile_hotspots(parameters: dict[str, Any]) -> None:
    """What `Hotspots` of these parameters need. Raises ValueError as they do."""
    from udf.hotspots import Hotspots  # noqa: PLC0415 - as above

    hotspots = Hotspots(**parameters)
    if not launched():
        hotspots.update(np.zeros((1, hotspots.dimensions)))
