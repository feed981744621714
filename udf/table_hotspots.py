"""The windows of `job.sql.library.hotspots`: rows of any columns, a second and key group at a time."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor

from udf.forest_state import SEPARATOR, ForestStateError
from udf.hotspots import Hotspots
from udf.second import Second
from udf.table_forest import COLUMN_SEPARATOR


class TableHotspotsFunction(KeyedProcessFunction):
    """Lets the rows of a key group's second into the windows of their keys, and tells the hotspots after each.

    parameters: of `Hotspots`. Takes and yields what `udf.table_forest.TableForestFunction` does, with the hotspots as a
    JSON text in the place of the score. A window is written to state whole, once a second in which it has new rows;
    those least recently used leave memory, of which living ones may take so many bytes in this worker.
    """

    def __init__(self, parameters: dict[str, Any], every: int, memory: int) -> None:
        self._parameters = parameters
        self._every = every
        self._memory = memory

    def open(self, runtime_context: RuntimeContext) -> None:
        size = Hotspots.estimate_bytes(self._parameters["dimensions"], self._parameters["window_size"])
        self._most = max(1, self._memory // size)
        self._living: dict[tuple[int, str], Hotspots] = {}  # the least recently used first
        bytes_type = Types.PRIMITIVE_ARRAY(Types.BYTE())
        self._saved = runtime_context.get_map_state(MapStateDescriptor("windows", Types.STRING(), bytes_type))

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key_group, times, texts, keys, *features = value
        second = Second(times, texts.split(SEPARATOR), keys, features, every=self._every)
        starts = np.flatnonzero(np.concatenate([[True], second.keys[1:] != second.keys[:-1]])).tolist()
        found: list[str] = []
        for begin, end in zip(starts, [*starts[1:], len(second.keys)], strict=True):
            key = second.keys[begin]
            window = self._window(key_group, key)
            found += window.update(second.points[begin:end])
            self._saved.put(key, window.to_bytes())
        columns = [map(str, second.times.tolist()), map(json.dumps, found), second.documents]
        yield Row(SEPARATOR.join(map(COLUMN_SEPARATOR.join, zip(*columns, strict=True))))

    def _window(self, key_group: int, key: str) -> Hotspots:
        """The window of a key, now the most recently used."""
        window = self._living.pop((key_group, key), None) or self._restored(key) or Hotspots(**self._parameters)
        self._living[key_group, key] = window
        if len(self._living) > self._most:
            del self._living[next(iter(self._living))]
        return window

    def _restored(self, key: str) -> Hotspots | None:
        """The window that state has of a key. Raises ForestStateError where it cannot go on."""
        saved = self._saved.get(key)
        if saved is None:
            return None
        try:
            window = Hotspots.from_bytes(saved)
        except ValueError as error:
            raise ForestStateError(f"the hotspots of key {key!r} cannot be read: {error}") from None
        for name, value in self._parameters.items():
            if getattr(window, name) != value:
                raise ForestStateError(
                    f"{name} must be {getattr(window, name)} as in the hotspots of key {key!r}, got {value}"
                )
        return window
