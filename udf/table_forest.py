"""The forests of `job.sql.library.random_cut_forest`: rows of any columns, a second and key group at a time."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction

from udf.forest_state import SEPARATOR
from udf.random_cut_forest import ForestFunction
from udf.second import Second

COLUMN_SEPARATOR = "\x1f"
"""Between the columns of a row: no number has it, and a text is JSON, which has it only escaped."""

_DIRECTION = re.compile(r'\{"DIRECTION":"[A-Z]+","STRENGTH":"[0-9.]+",')


class TableForestFunction(ForestFunction):
    """Scores the rows of a key group's second, then learns them, in order of key, ROWTIME, values and other columns.

    Takes `udf.second.second_row_type` rows whose documents are rows as text, and yields a `SCORED_TYPE` row for each:
    per row ROWTIME in epoch milliseconds, score, with `explained` explanation as a JSON text, and the row, with
    `COLUMN_SEPARATOR` between them. Nothing here reads what passes through.
    Without `directions` an explanation has attribution scores alone.
    """

    def __init__(
        self, parameters: dict[str, Any], every: int, memory: int, explained: tuple[str, ...], directions: bool = True
    ) -> None:
        super().__init__(parameters, every, memory, None, {}, explained=explained)
        self._directions = directions

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key_group, times, texts, keys, *features = value
        second = Second(times, texts.split(SEPARATOR), keys, features, every=self.every)
        scored = self.scored(key_group, second, ctx)
        columns: list[Iterable[str]] = [map(str, second.times.tolist()), map(repr, scored.scores.tolist())]
        if self.explained:
            columns.append(json.dumps(self._directed(explanation)) for explanation in scored.explanations)
        columns.append(second.documents)
        yield Row(SEPARATOR.join(map(COLUMN_SEPARATOR.join, zip(*columns, strict=True))))

    def _directed(self, explanation: str) -> str:
        return explanation if self._directions else _DIRECTION.sub("{", explanation)
