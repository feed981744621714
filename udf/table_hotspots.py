"""The windows of `job.sql.library.hotspots`: rows of any columns, a second and key group at a time."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from udf.forest_state import SEPARATOR
from udf.hotspot_windows import HotspotWindows
from udf.second import Second
from udf.table_forest import COLUMN_SEPARATOR


class TableHotspotsFunction(KeyedProcessFunction):
    """Lets the rows of a key group's second into the windows of their keys, and tells the hotspots after each.

    parameters: of `Hotspots`. Takes and yields what `udf.table_forest.TableForestFunction` does, with the hotspots as a
    JSON text in the place of the score. memory: bytes that the living windows of one worker may take.
    """

    def __init__(self, parameters: dict[str, Any], every: int, memory: int) -> None:
        self._parameters = parameters
        self._every = every
        self._memory = memory

    def open(self, runtime_context: RuntimeContext) -> None:
        self._windows = HotspotWindows(runtime_context, self._parameters, self._memory)

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key_group, times, texts, keys, *features = value
        second = Second(times, texts.split(SEPARATOR), keys, features, every=self._every)
        names, starts, counts = np.unique(second.keys, return_index=True, return_counts=True)
        found: list[str] = []
        # As many keys at once as may live at once
        for first in range(0, len(names), self._windows.most):
            some = slice(first, first + self._windows.most)
            points = second.points[starts[first] : starts[first] + counts[some].sum()]
            found += self._windows.update(key_group, second.start, names[some].tolist(), counts[some], points)
        columns = [map(str, second.times.tolist()), map(json.dumps, found), second.documents]
        yield Row(SEPARATOR.join(map(COLUMN_SEPARATOR.join, zip(*columns, strict=True))))
