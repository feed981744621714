"""The windows of the keys: the living ones in memory, the records of all of them in Flink state."""

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from pyflink.common import Types
from pyflink.datastream import RuntimeContext
from pyflink.datastream.state import ListStateDescriptor

from udf.forest_state import ForestStateError, keys_of, pack_row, unpack_row
from udf.hotspots import Hotspots

_SMALLEST_LOG_BYTES = 64 * 1024


class _Log:
    """What is known of a key group's log: its size, that up to which it may grow, and the keys in it."""

    __slots__ = ("keys", "most", "size")

    def __init__(self, size: int = 0) -> None:
        self.size, self.most = size, max(_SMALLEST_LOG_BYTES, 2 * size)
        self.keys: set[str] = set()


class HotspotWindows:
    """The windows of a worker's key groups. Every call is about the key group of the current row, which is Flink's key.

    State is a log of the records of all its keys, a row a second, and nothing else: hotspots are a function of the last
    records. A log of twice the size that it began with is cut to what is still in a window, so that what is written
    stays proportional to the input. A window can leave memory at any moment and nothing is written for it.

    parameters: of `Hotspots`. memory: bytes that living windows may take in this worker.
    """

    def __init__(self, context: RuntimeContext, parameters: dict[str, Any], memory: int) -> None:
        self._parameters = parameters
        each = Hotspots.estimate_bytes(parameters["dimensions"], parameters["window_size"])
        self.most = max(1, memory // each)
        """As many windows may live at once."""
        self._living: dict[tuple[int, str], Hotspots] = {}  # the least recently used first
        self._logs: dict[int, _Log] = {}
        self._rows = context.get_list_state(ListStateDescriptor("log", Types.PRIMITIVE_ARRAY(Types.BYTE())))
        self._bytes_written = context.get_metrics_group().counter("hotspot_state_bytes")

    def update(self, group: int, second: int, keys: Sequence[str], counts: np.ndarray, points: np.ndarray) -> list[str]:
        """The hotspots after each record: counts[i] of the `points`, float64 (n, d), of keys[i], at most `most` keys.

        Raises:
            ForestStateError: state is damaged, of a newer version, or of another number of values.
        """
        missing = [key for key in keys if (group, key) not in self._living]
        self._bring_back(group, missing, keys)
        texts: list[str] = []
        for key, some in zip(keys, np.split(points, np.cumsum(counts)[:-1]), strict=True):
            window = self._living[group, key] = self._living.pop((group, key))
            texts += window.update(some)
        self._write(group, second, keys, counts, points)
        return texts

    def _bring_back(self, group: int, missing: Sequence[str], used: Sequence[str]) -> None:
        """Let the windows of `missing` live again, and as many others leave memory; none of those that are `used`."""
        if not missing:
            return
        for key in used:
            if (group, key) in self._living:
                self._living[group, key] = self._living.pop((group, key))
        while len(self._living) + len(missing) > self.most and self._living:
            del self._living[next(iter(self._living))]
        last = self._last_points(group, self._log(group).keys.intersection(missing))
        for key in missing:
            window = self._living[group, key] = Hotspots(**self._parameters)
            if key in last:
                window.update(last[key])

    def _write(self, group: int, second: int, keys: Sequence[str], counts: np.ndarray, points: np.ndarray) -> None:
        log = self._log(group)
        row = pack_row(second, keys, counts, points)
        self._rows.add(row)
        self._bytes_written.inc(len(row))
        log.size += len(row)
        log.keys.update(keys)
        if log.size > log.most:
            self._cut(group, second)

    def _cut(self, group: int, second: int) -> None:
        """Take out of the log what is in no window any more."""
        last = self._last_points(group, self._log(group).keys)
        counts = np.array([len(points) for points in last.values()])
        row = pack_row(second, list(last), counts, np.concatenate(list(last.values())))
        self._rows.update([row])
        self._bytes_written.inc(len(row))
        self._logs[group] = _Log(len(row))
        self._logs[group].keys.update(last)

    def _log(self, group: int) -> _Log:
        """Of this key group; read from state when it is first asked for."""
        if group not in self._logs:
            log = self._logs[group] = _Log()
            for row in self._rows.get():
                log.size += len(row)
                log.keys.update(keys_of(row))
        return self._logs[group]

    def _last_points(self, group: int, keys: Container[str]) -> dict[str, np.ndarray]:
        """The points of keys that are in the log, as many as a window has."""
        found: dict[str, list[np.ndarray]] = {}
        for row in self._rows.get() if keys else ():
            for some in unpack_row(row, keys):
                if some.points.shape[1] != self._parameters["dimensions"]:
                    raise ForestStateError(
                        f"values must be {some.points.shape[1]} as in the state, got {self._parameters['dimensions']}"
                    )
                found.setdefault(some.key, []).append(some.points)
        return {key: np.concatenate(parts)[-self._parameters["window_size"] :] for key, parts in found.items()}
