"""The windows of `job.sql.library.stagger_windows`: rows of any columns, a second and key group at a time."""

from collections.abc import Iterable, Iterator
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor

from udf.forest_state import SEPARATOR
from udf.table_forest import COLUMN_SEPARATOR


class TableStaggerFunction(KeyedProcessFunction):
    """Tells of each row the last millisecond of its window.

    The first row of a partition opens a window of `length` milliseconds, which has the partition's rows until then; the
    first row after that opens the next one:

        length 4   rows  a . a b . . a b .      windows  a [0, 4)   b [3, 7)   a [6, 10)
                   time  0 1 2 3 4 5 6 7 8               b [7, 11), since a window's end is not in it

    Takes `udf.second.second_row_type` rows without features, their keys the partitions, and yields a `SCORED_TYPE` row
    for each: of each row that millisecond and the row, in order of time, partition and row, never of arrival.
    State has the end of each partition's window, until it is over.
    """

    def __init__(self, length: int, every: int) -> None:
        self._length = length
        self._every = every

    def open(self, runtime_context: RuntimeContext) -> None:
        self._saved = runtime_context.get_map_state(MapStateDescriptor("ends", Types.STRING(), Types.LONG()))
        self._ends: dict[int, dict[str, int]] = {}  # what is saved of the key groups that had rows

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key_group, times, texts, partitions = value
        ends, opened = self._of(key_group), dict[str, int]()
        lines = []
        rows = zip(times, partitions.split(SEPARATOR), texts.split(SEPARATOR), strict=True)
        for time, partition, text in sorted(rows):
            end = ends.get(partition)
            if end is None or end <= time:
                end = ends[partition] = opened[partition] = time + self._length
            lines.append(f"{end - 1}{COLUMN_SEPARATOR}{text}")
        for partition, end in opened.items():  # put_all fails, in PyFlink 2.3 and 1.20
            self._saved.put(partition, end)
        for second in {-(-end // self._every) for end in opened.values()}:
            ctx.timer_service().register_event_time_timer(second * self._every)
        yield Row(SEPARATOR.join(lines))

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterable[Row]:
        """Forget the windows that are over."""
        ends = self._of(ctx.get_current_key())
        for partition in [partition for partition, end in ends.items() if end <= timestamp]:
            del ends[partition]
            self._saved.remove(partition)
        return ()

    def _of(self, key_group: int) -> dict[str, int]:
        if key_group not in self._ends:
            self._ends[key_group] = dict(self._saved.items())
        return self._ends[key_group]
