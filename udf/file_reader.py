"""The file source: a process function on a clock's ticks that keeps its place in Flink state.

Flink's own file source reads files that wait together in no order, which makes most of a backlog late, and has no way
to say that a stream is quiet. Lines leave here a block at a time, because a call across to Python costs as much as
parsing a record; the job's SQL splits them.
"""

from collections.abc import Iterator
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

from udf.blocks import Spool

RECORDS, REMINDER, CLOSING = 0, 1, 2
"""What a block is for: its records; the watermark after a restart; the end of the last second of a quiet stream."""

BLOCK_TYPE = Types.ROW_NAMED(["lines", "arrival", "role"], [Types.STRING(), Types.LONG(), Types.INT()])
"""Lines as one string, a character a byte (ISO 8859-1), arrival in epoch milliseconds, and the role."""

_POLL_MILLIS = 50
_TAIL_BYTES = 16 * 1024
_BLOCKS_A_POLL = 8


class FileReader(KeyedProcessFunction):
    """Reads `path`, a JSON-lines file or a directory of them, and emits `BLOCK_TYPE` rows.

    A stream without new records for `quiet_millis` is quiet: its last lines are sent once more as CLOSING, from which
    the job's SQL learns the last second there was. `bounded` takes an unfinished last line at once and never closes:
    the end of a bounded run closes everything.
    """

    def __init__(self, path: str, quiet_millis: int, bounded: bool) -> None:
        self._path = path
        self._quiet_millis = quiet_millis
        self._bounded = bounded

    def open(self, runtime_context: RuntimeContext) -> None:
        self._offsets_state = runtime_context.get_map_state(
            MapStateDescriptor("offsets", Types.STRING(), Types.LONG())
        )
        self._tail_state = runtime_context.get_state(
            ValueStateDescriptor(
                "tail", Types.TUPLE([Types.STRING(), Types.LONG(), Types.INT(), Types.LONG()])
            )
        )
        self._spool: Spool | None = None
        self._records = 0
        self._caught_up = 0
        metrics = runtime_context.get_metrics_group()
        metrics.gauge("recordsRead", lambda: self._records)
        metrics.gauge("caughtUp", lambda: self._caught_up)

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """A tick of the clock: (re)start the polls. Timers of one time are one timer, so ticks do not multiply them."""
        timers = ctx.timer_service()
        timers.register_processing_time_timer(self._next_poll(timers.current_processing_time()))
        yield from ()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        timers = ctx.timer_service()
        now = timers.current_processing_time()
        if self._spool is None:
            yield from self._restore(now)
        if self._caught_up and self._bounded:
            return
        assert self._spool is not None
        quiet = now - self._last_news >= self._quiet_millis
        read = 0
        for block in self._spool.blocks(take_unfinished=self._bounded or quiet):
            lines = block.lines.decode("latin-1")
            self._records += lines.count("\n") + 1
            self._offsets_state.put(block.name, block.end)
            self._tail, self._tail_role = (_tail(lines), now), REMINDER
            yield Row(lines, now, RECORDS)
            read += 1
            if read == _BLOCKS_A_POLL:
                break
        if read:
            self._last_news = now
            self._save_tail()
        elif quiet and self._tail and self._tail_role == REMINDER and not self._bounded:
            self._tail_role = CLOSING
            self._save_tail()
            yield Row(*self._tail, CLOSING)
        if not read:
            for name in self._spool.gone():
                self._offsets_state.remove(name)
                self._offsets.pop(name)
        self._caught_up = int(not read)
        more_waits = read == _BLOCKS_A_POLL
        timers.register_processing_time_timer(now + 1 if more_waits else self._next_poll(now))

    def _restore(self, now: int) -> Iterator[Row]:
        """Take up the place kept in state; remind the job how far event time had come, or late records would be lost."""
        self._offsets = dict(self._offsets_state.items())
        self._spool = Spool(self._path, self._offsets)
        self._last_news = now
        self._tail: tuple[str, int] | None = None
        self._tail_role = REMINDER
        saved = self._tail_state.value()
        if saved is not None:
            lines, arrival, self._tail_role, self._records = saved
            self._tail = (lines, arrival)
            yield Row(lines, arrival, self._tail_role)

    def _save_tail(self) -> None:
        assert self._tail is not None
        self._tail_state.update((*self._tail, self._tail_role, self._records))

    @staticmethod
    def _next_poll(now: int) -> int:
        return now - now % _POLL_MILLIS + _POLL_MILLIS


def _tail(lines: str) -> str:
    """The last whole lines, at most `_TAIL_BYTES` of them and at least one."""
    start = len(lines) - _TAIL_BYTES
    if start <= 0:
        return lines
    newline = lines.find("\n", start)
    return lines[newline + 1 :] if newline >= 0 else lines[lines.rfind("\n") + 1 :]
