"""The file source: a process function on a clock's ticks that keeps its place in Flink state.

Flink's own file source reads files that wait together in no order, which makes most of a backlog late, and has no way
to say that a stream is quiet. Lines leave here a block at a time, because a call across to Python costs as much as
parsing a record; the job's SQL splits them.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

from udf.block_type import CLOSING, RECORDS, REMINDER, report
from udf.blocks import Spool
from udf.listening import Listening

_POLL_MILLIS = 50
_TAIL_BYTES = 16 * 1024
_BLOCKS_A_POLL = 8


class FileReader(KeyedProcessFunction):
    """Reads `path`, a JSON-lines file or a directory of them, and emits `BLOCK_TYPE` rows.

    A stream without new records for `quiet_millis` is quiet: its last lines are sent once more as CLOSING, from which
    the job's SQL learns the last second there was. `bounded` takes an unfinished last line at once and never closes:
    the end of a bounded run closes everything. After a restart within an `epoch` (see `job.state`) the last lines are
    sent as REMINDER, unless records do not move the watermark (`moves_time`). Rows are dealt to the subtasks downstream
    in turn; what all of them have to know is sent as often as there are `readers`.
    """

    def __init__(self, path: str, quiet_millis: int, bounded: bool, moves_time: bool, epoch: int, readers: int) -> None:
        self._path = path
        self._quiet_millis = quiet_millis
        self._bounded = bounded
        self._moves_time = moves_time
        self._epoch = epoch
        self._readers = readers

    def open(self, runtime_context: RuntimeContext) -> None:
        self._offsets_state = runtime_context.get_map_state(MapStateDescriptor("offsets", Types.STRING(), Types.LONG()))
        self._records_state = runtime_context.get_state(ValueStateDescriptor("records", Types.LONG()))
        self._last_state = runtime_context.get_state(
            ValueStateDescriptor("last", Types.TUPLE([Types.STRING(), Types.LONG(), Types.INT(), Types.LONG()]))
        )
        self._spool: Spool | None = None
        self._last: tuple[str, int, int] | None = None
        self._last_news = 0
        self._records = 0
        self._caught_up = 0
        report(runtime_context, lambda: self._records, lambda: self._caught_up)

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """A tick of the clock: (re)start the polls. Timers of one time are one timer, so ticks do not multiply them."""
        timers = ctx.timer_service()
        timers.register_processing_time_timer(_next_poll(timers.current_processing_time()))
        yield from ()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """A poll: the next blocks, or a sign that there are none."""
        timers = ctx.timer_service()
        now = timers.current_processing_time()
        if self._spool is None:
            self._spool = Spool(self._path, dict(self._offsets_state.items()))
            yield from self._restore(now)
        if self._caught_up and self._bounded:
            return
        heard = self._listening.until(now)
        quiet = heard - self._last_news >= self._quiet_millis
        # Bounded, what is there is all; else a writer may be in the middle of its last line
        waiting = self._spool.blocks(take_unfinished=self._bounded or quiet, whole=not self._bounded)
        blocks = list(islice(waiting, _BLOCKS_A_POLL))
        for block in blocks:
            lines = block.lines.decode("latin-1")
            self._records += lines.count("\n") + 1
            self._offsets_state.put(block.name, block.end)
            yield Row(lines, now, RECORDS)
        nothing_new = not blocks and self._spool.fresh
        self._caught_up = int(nothing_new)
        if blocks:
            self._last_news = heard
            self._records_state.update(self._records)
            if self._moves_time:
                self._remember(_tail(lines), now, REMINDER)
        elif nothing_new:
            for name in self._spool.forget_gone():
                self._offsets_state.remove(name)
            if quiet and not self._bounded and self._last is not None and self._last[2] == REMINDER:
                self._remember(*self._last[:2], CLOSING)
                yield from [Row(*self._last)] * self._readers
        timers.register_processing_time_timer(now + 1 if len(blocks) == _BLOCKS_A_POLL else _next_poll(now))

    def _restore(self, now: int) -> Iterator[Row]:
        """Remind the job how far event time had come, or its windows would drop late records without a word."""
        self._listening = Listening(_POLL_MILLIS, now)
        self._last_news = now
        self._records = self._records_state.value() or 0
        saved = self._last_state.value()
        if saved is not None and saved[3] == self._epoch:
            self._last = tuple(saved[:3])
            yield from [Row(*self._last)] * self._readers

    def _remember(self, lines: str, arrival: int, role: int) -> None:
        self._last = (lines, arrival, role)
        self._last_state.update((*self._last, self._epoch))


def _next_poll(now: int) -> int:
    return now - now % _POLL_MILLIS + _POLL_MILLIS


def _tail(lines: str) -> str:
    """The last whole lines, at most `_TAIL_BYTES` of them and at least one."""
    start = len(lines) - _TAIL_BYTES
    if start <= 0:
        return lines
    newline = lines.find("\n", start)
    return lines[newline + 1 :] if newline >= 0 else lines[lines.rfind("\n") + 1 :]
