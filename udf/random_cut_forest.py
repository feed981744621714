"""The keyed process function between window and sort: a forest a key scores and learns a second at a time."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

import numpy as np
from pyflink.common import Row, Types
from pyflink.common.typeinfo import RowTypeInfo
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from udf.forest_state import SEPARATOR
from udf.forests import Forests
from udf.rcf import RandomCutForest, score_and_learn_many

RANK_DIGITS = 16
SCORED_TYPE = Types.ROW_NAMED(["lines"], [Types.STRING()])
"""The records of one second, `SEPARATOR` between them. Each is `RANK_DIGITS` hexadecimal digits of which a higher
score has lower ones, and then its JSON object with `second` and `anomaly_score` added.

One string a second, because a row a record costs three times as much to bring back as the forest takes to score it.
"""

_OURS = frozenset(("second", "anomaly_score"))
_NO_SPACE = re.compile(r"[^ \t\r\n]")
_DECODER = json.JSONDecoder()
_END_OF_TIME = 2**63 - 1
_FEW = 8  # records a key from which on a call for each key costs less than one for all


def window_row_type(dimensions: int) -> RowTypeInfo:
    """Key group, event times in epoch milliseconds, documents, keys (null without), and an array a feature."""
    features = [Types.BASIC_ARRAY(Types.DOUBLE())] * dimensions
    return Types.ROW([Types.INT(), Types.BASIC_ARRAY(Types.LONG()), Types.STRING(), Types.STRING(), *features])


class RandomCutForestFunction(KeyedProcessFunction):
    """Scores the records of a key group's second, then learns them, in order of key, event time, values and document.

    Takes `window_row_type` rows and yields a `SCORED_TYPE` row for each. `every` is the length of a second and
    `key_ttl` the time without a record after which a key is forgotten, in milliseconds; `memory` is what the living
    forests of one worker may take, in bytes. `imports` are those of `Forests`.
    """

    def __init__(
        self,
        parameters: dict[str, Any],
        every: int,
        memory: int,
        key_ttl: int | None,
        imports: Mapping[str, tuple[str, bytes]],
    ) -> None:
        self._parameters = parameters
        self._every = every
        self._memory = memory
        self._key_ttl = key_ttl
        self._imports = imports

    def open(self, runtime_context: RuntimeContext) -> None:
        self._forests = Forests(runtime_context, self._parameters, self._memory, self._key_ttl, self._imports)
        self._timed: set[int] = set()  # the key groups that have a timer

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key_group, times, documents, keys, *features = value
        # A line a record: in JSON, what ends a line can only be space between tokens
        texts = _without_ours(documents.replace("\n", " ").replace("\r", " ")).split(SEPARATOR)
        keys = np.array(keys.split(SEPARATOR) if keys is not None else [""] * len(texts), dtype=object)
        times = np.array(times, np.int64)
        points = np.column_stack([np.array(feature, np.float64) for feature in features])
        order = order_of(keys, times, points, texts)
        second = int(times[0]) // self._every * self._every
        scores = self._scores(key_group, second, keys[order], points[order])
        if key_group not in self._timed:
            self._set_timer(key_group, second, ctx)
        yield Row(_lines([texts[i] for i in order.tolist()], _shown(second), scores))

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterable[Row]:
        """Forget keys that have been idle."""
        if ctx.timer_service().current_watermark() == _END_OF_TIME:
            return ()  # the input has ended, no time has passed
        key_group = ctx.get_current_key()
        self._timed.discard(key_group)
        if self._forests.expire(key_group, timestamp - self._every):
            self._set_timer(key_group, timestamp, ctx)
        return ()

    def _set_timer(self, key_group: int, now: int, ctx: Any) -> None:
        if self._key_ttl is not None:
            # On a grid, so that a restart sets the timer that there is already
            period = self._key_ttl + self._every
            ctx.timer_service().register_event_time_timer((now // period + 2) * period)
        self._timed.add(key_group)

    def _scores(self, key_group: int, second: int, keys: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Score and learn records that are in order of their keys, float64 (n, d) → (n,)."""
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.diff(starts, append=len(keys))
        scores = np.empty(len(keys))
        # As many keys at once as may live at once
        for first in range(0, len(starts), self._forests.most):
            some = slice(first, first + self._forests.most)
            names, number = keys[starts[some]].tolist(), counts[some]
            records = slice(starts[first], starts[first] + number.sum())
            forests = self._forests.of(key_group, names, second)
            scores[records] = _score_and_learn(forests, number, points[records])
            self._forests.learned(key_group, second, names, number, points[records])
        return scores


def _score_and_learn(forests: list[RandomCutForest], counts: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The first counts[0] of the points go to forests[0], the next counts[1] to forests[1], …"""
    if len(points) < _FEW * len(forests):
        return score_and_learn_many([forests[i] for i in np.repeat(np.arange(len(forests)), counts)], points)
    ends = np.cumsum(counts)[:-1]
    return np.concatenate(
        [forest.score_and_learn(part) for forest, part in zip(forests, np.split(points, ends), strict=True)]
    )


def order_of(keys: np.ndarray, times: np.ndarray, points: np.ndarray, documents: list[str]) -> np.ndarray:
    """Indices by key, time, values and, only where all those are equal, document: never by arrival."""
    columns = [times, *points.T]
    several = len(set(keys)) > 1
    number = np.unique(keys, return_inverse=True)[1] if several else np.zeros(len(keys), np.int64)
    order = np.lexsort([*reversed(columns), number])
    ordered = np.column_stack([number, *columns])[order]
    if (ordered[1:] == ordered[:-1]).all(axis=1).any():
        rows = list(zip(number.tolist(), times.tolist(), map(tuple, points.tolist()), documents, strict=True))
        order = np.array(sorted(range(len(rows)), key=rows.__getitem__))
    return order


def _shown(millis: int) -> str:
    """The start of the second in ISO 8601, UTC; with milliseconds only where it has some."""
    at = datetime.fromtimestamp(millis / 1000, UTC).replace(tzinfo=None)
    return at.isoformat(timespec="milliseconds" if millis % 1000 else "seconds") + "Z"


def _lines(documents: list[str], second: str, scores: np.ndarray) -> str:
    """`SCORED_TYPE`'s string of JSON objects and their scores, float64 (n,), of one second."""
    ranks = (~scores.view(np.uint64)).astype(">u8").tobytes().hex()
    added = f',"second":"{second}","anomaly_score":'
    return SEPARATOR.join(
        f"{ranks[at : at + RANK_DIGITS]}{document.rstrip()[:-1].rstrip()}{added}{score!r}}}"
        for at, document, score in zip(range(0, len(ranks), RANK_DIGITS), documents, scores.tolist(), strict=True)
    )


def _without_ours(documents: str) -> str:
    """JSON objects, `SEPARATOR` between them, without members of the names that are added here."""
    if not any(f'"{name}"' in documents for name in _OURS):
        return documents
    return SEPARATOR.join(_without(document, _OURS) for document in documents.split(SEPARATOR))


def _without(document: str, names: frozenset[str]) -> str:
    """The JSON object `document` without the members called `names`, every other as it was written."""
    kept = []
    at = document.index("{") + 1
    while True:
        start = _NO_SPACE.search(document, at).start()  # type: ignore[union-attr]
        name, colon = scanstring(document, start + 1)
        value = _NO_SPACE.search(document, document.index(":", colon) + 1).start()  # type: ignore[union-attr]
        end = _DECODER.raw_decode(document, value)[1]
        if name not in names:
            kept.append(document[start:end])
        at = _NO_SPACE.search(document, end).start() + 1  # type: ignore[union-attr]
        if document[at - 1] == "}":
            return "{" + ",".join(kept) + "}"
