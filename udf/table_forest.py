"""The forests of `job.sql.library.random_cut_forest`: rows of any columns, a second and key group at a time."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction

from udf.forest_state import SEPARATOR
from udf.random_cut_forest import RandomCutForestFunction, order_of

COLUMN_SEPARATOR = "\x1f"
"""Between the columns of a row: no number has it, and a text is JSON, which has it only escaped."""

_DIRECTION = re.compile(r'\{"DIRECTION":"[A-Z]+","STRENGTH":"[0-9.]+",')


class TableForestFunction(RandomCutForestFunction):
    """Scores the rows of a key group's second, then learns them, in order of key, ROWTIME, values and other columns.

    Takes `udf.random_cut_forest.window_row_type` rows whose documents are rows as text, and yields a `SCORED_TYPE` row
    for each: per row ROWTIME in epoch milliseconds, score, with `explain` explanation as a JSON text, and the row, with
    `COLUMN_SEPARATOR` between them. Nothing here reads what passes through.
    Without `directions` an explanation has attribution scores alone.
    """

    def __init__(
        self, parameters: dict[str, Any], every: int, memory: int, explain: bool, directions: bool = True
    ) -> None:
        super().__init__(parameters, every, memory, None, {})
        self._explain = explain
        self._directions = directions

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key_group, times, texts, keys, *features = value
        rows = texts.split(SEPARATOR)
        keys = np.array(keys.split(SEPARATOR) if keys is not None else [""] * len(rows), dtype=object)
        times = np.array(times, np.int64)
        points = np.column_stack([np.array(feature, np.float64) for feature in features])
        order = order_of(keys, times, points, rows)
        second = int(times[0]) // self._every * self._every
        keys, points = keys[order], points[order]
        if self._explain:
            scores, explanations = self._explained(key_group, second, keys, points)
        else:
            scores, explanations = self._scores(key_group, second, keys, points), None
        columns: list[Iterable[str]] = [map(str, times[order].tolist()), map(repr, scores.tolist())]
        if explanations is not None:
            columns.append(map(json.dumps, explanations))
        columns.append(rows[i] for i in order.tolist())
        yield Row(SEPARATOR.join(map(COLUMN_SEPARATOR.join, zip(*columns, strict=True))))

    def _explained(self, group: int, second: int, keys: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Scores, float64 (n,), and their explanations: each record is explained before it is learned."""
        scores, explanations = np.empty(len(keys)), []
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])).tolist()
        for begin, end in zip(starts, [*starts[1:], len(keys)], strict=True):
            (forest,) = self._forests.of(group, [keys[begin]], second)
            for i in range(begin, end):
                explanations += forest.explain(points[i : i + 1])
                scores[i] = forest.score_and_learn(points[i : i + 1])[0]
            self._forests.learned(group, second, [keys[begin]], np.array([end - begin]), points[begin:end])
        if not self._directions:
            explanations = [_DIRECTION.sub("{", explanation) for explanation in explanations]
        return scores, explanations
