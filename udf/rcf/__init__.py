"""Random cut forests: the numeric core, which knows nothing of Flink."""

from .forest import RandomCutForest

__all__ = ["RandomCutForest"]
