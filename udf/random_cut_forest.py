"""The keyed process functions between window and sort: a forest a key scores and learns a second at a time."""

import gc
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from udf.forests import Forests
from udf.members import added
from udf.scored import Scored, score_and_learn
from udf.scored_lines import documents_of, scored_lines
from udf.second import Second

_END_OF_TIME = 2**63 - 1


class ForestFunction(KeyedProcessFunction):
    """Scores the records of a second, then learns them. `every` is the length of a second and `key_ttl` the time
    without a record after which a key is forgotten, in milliseconds; `memory` is what the living forests of one worker
    may take, in bytes. `imports`, `shares` and `graded` are those of `Forests`; `explained` are the names of the
    features, if scores are to be explained.
    """

    def __init__(
        self,
        parameters: dict[str, Any],
        every: int,
        memory: int,
        key_ttl: int | None,
        imports: Mapping[str, tuple[str, bytes]],
        shares: int = 1,
        graded: bool = False,
        explained: tuple[str, ...] = (),
    ) -> None:
        self.every = every
        self.num_trees = parameters["num_trees"]
        self.shares = shares
        self._key_ttl = key_ttl
        self.graded = graded
        self.explained = explained
        self._told = parameters, memory, key_ttl, imports, shares, graded

    def open(self, runtime_context: RuntimeContext) -> None:
        # Thousands of forests are thousands of objects, and Python looked through all for circles again and again
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
        self._forests = Forests(runtime_context, *self._told)
        self._timed: set[int] = set()  # the key groups that have a timer
        self._spent = runtime_context.get_metrics_group().counter("forest_microseconds")

    def scored(self, key_group: int, second: Second, ctx: KeyedProcessFunction.Context) -> Scored:
        """The records of a second."""
        scored = self._score_and_learn(key_group, second.start, second.keys, second.points)
        if key_group not in self._timed:
            self._set_timer(key_group, second.start, ctx)
        return scored

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterable[Row]:
        """Forget keys that have been idle."""
        if ctx.timer_service().current_watermark() == _END_OF_TIME:
            return ()  # the input has ended, no time has passed
        key_group = ctx.get_current_key()
        self._timed.discard(key_group)
        if self._forests.expire(key_group, timestamp - self.every):
            self._set_timer(key_group, timestamp, ctx)
        return ()

    def _set_timer(self, key_group: int, now: int, ctx: Any) -> None:
        if self._key_ttl is not None:
            # On a grid, so that a restart sets the timer that there is already
            period = self._key_ttl + self.every
            ctx.timer_service().register_event_time_timer((now // period + 2) * period)
        self._timed.add(key_group)

    def _score_and_learn(self, key_group: int, second: int, keys: np.ndarray, points: np.ndarray) -> Scored:
        """Records that are in order of their keys, their points float64 (n, d)."""
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.diff(starts, append=len(keys))
        parts = []
        # As many keys at once as may live at once
        for first in range(0, len(starts), self._forests.most):
            some = slice(first, first + self._forests.most)
            names, number = keys[starts[some]].tolist(), counts[some]
            its_points = points[starts[first] : starts[first] + number.sum()]
            living = self._forests.of(key_group, names, second)
            began = time.thread_time()
            parts.append(score_and_learn(living, number, its_points, self.explained))
            self._spent.inc(round(1e6 * (time.thread_time() - began)))
            self._forests.learned(key_group, second, names, number, its_points)
        return Scored.joined(parts)


class RandomCutForestFunction(ForestFunction):
    """Takes `second_row_type` rows and yields a `SCORED_TYPE` row for each."""

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key_group, times, documents, keys, *features = value
        ours = added(grade=self.graded, explanation=bool(self.explained))
        second = Second(times, documents_of(documents, ours), keys, features, every=self.every)
        scored = self.scored(key_group, second, ctx)
        yield Row(scored_lines(second.documents, second.start, scored.scores, scored.members()))
