"""The broker source's second half: blocks of records, as SQL gathered them from Kafka or Kinesis, on one clock.

A Flink source forgets its watermark in a crash while windows remember theirs, so that what is late just after one would
vanish there. Here the clock is state, and goes ahead of the records that it judged.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pyflink.common import Row, Types
from pyflink.common.typeinfo import RowTypeInfo
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

from udf.block_type import LATE, MARK, RECORDS, report
from udf.listening import Listening
from udf.partition_clock import NO_TIME, PartitionClock

LINE_SEPARATOR = "\u2424"
"""Between the lines of a block. Lines have a character a byte, so that nothing beyond U+00FF is in them."""
TIME_DIGITS = 13
"""A line begins with its arrival and, unless that is wrong (then spaces), its event time, each in so many digits."""

_POLL_MILLIS = 100
_TICK_MILLIS = 1000  # as `job.sources` has it, whose source sends several a second in one go


def gathered_type() -> RowTypeInfo:
    """Lines, their event times or -1, and their partitions; no lines at all for a tick of the clock."""
    return Types.ROW([Types.STRING(), Types.BASIC_ARRAY(Types.LONG()), Types.BASIC_ARRAY(Types.LONG())])


class BrokerReader(KeyedProcessFunction):
    """Takes `gathered_type` rows and emits `udf.block_type.BLOCK_TYPE` rows: RECORDS, LATE, and MARK.

    A MARK is one line without a document, whose event time is that of the clock; it is sent as often as there are
    `readers` downstream, which get rows in turn. A bounded stream whose records do not move time has none.
    `epoch`: see `job.state`.
    """

    def __init__(self, clock: PartitionClock, moves_time: bool, epoch: int, readers: int) -> None:
        self._clock = clock
        self._moves_time = moves_time
        self._epoch = epoch
        self._readers = readers

    def open(self, runtime_context: RuntimeContext) -> None:
        self._newest_state = runtime_context.get_map_state(MapStateDescriptor("newest", Types.LONG(), Types.LONG()))
        self._saved = runtime_context.get_state(
            ValueStateDescriptor("clock", Types.TUPLE([Types.LONG(), Types.LONG(), Types.INT()]))
        )
        self._started = False
        self._records = 0
        self._caught_up = 0
        report(runtime_context, lambda: self._records, lambda: self._caught_up)

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        timers = ctx.timer_service()
        now = timers.current_processing_time()
        timers.register_processing_time_timer(_next_poll(now))
        yield from self._start(now)
        self._listening.heard()
        text, times, partitions = value
        if not times:
            return
        times, partitions = np.array(times, np.int64), np.array(partitions, np.int64)
        late = self._clock.take(partitions, times, self._listening.until(now))
        if self._moves_time and late.any():
            lines = np.array(text.split(LINE_SEPARATOR), dtype=object)
            yield Row(LINE_SEPARATOR.join(lines[late]), now, LATE)
            text = LINE_SEPARATOR.join(lines[~late])
        if not (self._moves_time and late.all()):
            yield Row(text, now, RECORDS)
        self._records += len(times)
        yield from self._advance(now)
        for partition in set(partitions.tolist()):
            self._newest_state.put(partition, self._clock.newest[partition])
        self._save()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """A poll: has the stream gone quiet?"""
        timers = ctx.timer_service()
        now = timers.current_processing_time()
        yield from self._start(now)
        marks = list(self._advance(now))
        if marks:
            yield from marks
            self._save()
        self._caught_up = int(self._clock.quiet(self._listening.until(now)))
        if not self._caught_up:
            timers.register_processing_time_timer(_next_poll(now))

    def _start(self, now: int) -> Iterator[Row]:
        """Go on from the clock in state, and tell it before any record is told."""
        if self._started:
            return
        self._started = True
        time, self._records, epoch = self._saved.value() or (NO_TIME, 0, self._epoch)
        if epoch != self._epoch:
            self._newest_state.clear()
            time = NO_TIME
        self._listening = Listening(_POLL_MILLIS, now, _TICK_MILLIS)
        self._clock.start(now, dict(self._newest_state.items()), time)
        yield from self._marks(time, now)

    def _advance(self, now: int) -> Iterator[Row]:
        time = self._clock.advance(self._listening.until(now)) if self._moves_time else None
        if time is not None:
            yield from self._marks(time, now)

    def _marks(self, time: int, now: int) -> Iterator[Row]:
        line = f"{now:0{TIME_DIGITS}}{max(time, 0):0{TIME_DIGITS}}"
        yield from [Row(line, now, MARK)] * self._readers

    def _save(self) -> None:
        self._saved.update((self._clock.time, self._records, self._epoch))


def _next_poll(now: int) -> int:
    return now - now % _POLL_MILLIS + _POLL_MILLIS
