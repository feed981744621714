"""Random cut forests: the numeric core, which knows nothing of Flink."""

from . import shares
from .calibration import Calibration, grade
from .forest import RandomCutForest
from .many import learn_many, score_and_learn_many

__all__ = ["Calibration", "RandomCutForest", "grade", "learn_many", "score_and_learn_many", "shares"]
