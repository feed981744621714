"""Random cut forests: the numeric core, which knows nothing of Flink."""

from .forest import RandomCutForest, score_and_learn_many

__all__ = ["RandomCutForest", "score_and_learn_many"]
