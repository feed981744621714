"""The records of one second, as SQL collects them for a Python function."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from pyflink.common import Types
from pyflink.common.typeinfo import RowTypeInfo

from udf.forest_state import SEPARATOR


def second_row_type(dimensions: int) -> RowTypeInfo:
    """Flink's key, event times in epoch milliseconds, documents, keys (null without), and an array a feature."""
    features = [Types.BASIC_ARRAY(Types.DOUBLE())] * dimensions
    return Types.ROW([Types.INT(), Types.BASIC_ARRAY(Types.LONG()), Types.STRING(), Types.STRING(), *features])


class Second:
    """Records in order of key, event time, values and, only where all those are equal, document: never by arrival.

    keys: (n,) of text, "" without. points: float64 (n, d). documents: n JSON objects, or none where they are not
    known; then records that are alike in all the rest are in any order. times: (n,) int64 and start, of the second,
    are epoch milliseconds.
    """

    __slots__ = ("documents", "keys", "points", "start", "times")

    def __init__(
        self, times: Any, documents: list[str], keys: str | None, features: Iterable[Any], *, every: int
    ) -> None:
        """From the columns of a `second_row_type` row, the documents apart; `every` is the second in milliseconds."""
        names = np.array(keys.split(SEPARATOR) if keys is not None else [""] * len(times), dtype=object)
        points = np.column_stack([np.array(feature, np.float64) for feature in features])
        when = np.array(times, np.int64)
        order = _order(names, when, points, documents)
        self.keys, self.times, self.points = names[order], when[order], points[order]
        self.documents = [documents[i] for i in order.tolist()] if documents else []
        self.start = int(times[0]) // every * every


def _order(keys: np.ndarray, times: np.ndarray, points: np.ndarray, documents: list[str]) -> np.ndarray:
    columns = [times, *points.T]
    several = len(set(keys)) > 1
    number = np.unique(keys, return_inverse=True)[1] if several else np.zeros(len(keys), np.int64)
    order = np.lexsort([*reversed(columns), number])
    ordered = np.column_stack([number, *columns])[order]
    if documents and (ordered[1:] == ordered[:-1]).all(axis=1).any():
        rows = list(zip(number.tolist(), times.tolist(), map(tuple, points.tolist()), documents, strict=True))
        order = np.array(sorted(range(len(rows)), key=rows.__getitem__))
    return order
