"""The keyed process function between window and sort: a forest a key scores and learns a second at a time."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

import numpy as np
from pyflink.common import Row, Types
from pyflink.common.typeinfo import RowTypeInfo
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor

from udf.forest_state import forest_of, pack_entry, unpack_entries
from udf.rcf import RandomCutForest

SEPARATOR = "\x1e"
"""Between the documents, and between the keys, of one row: a character that JSON has only in escaped form."""

RANK_DIGITS = 16
SCORED_TYPE = Types.ROW_NAMED(["lines"], [Types.STRING()])
"""The records of one second, `SEPARATOR` between them. Each is its score in `RANK_DIGITS` hexadecimal digits, sorting
as scores do, and then its JSON object with `second` and `anomaly_score` added.

One string a second, because a row a record costs three times as much to bring back as the forest takes to score it.
"""

_OURS = frozenset(("second", "anomaly_score"))
_NO_SPACE = re.compile(r"[^ \t\r\n]")
_DECODER = json.JSONDecoder()
_SMALLEST_FOLD_BYTES = 64 * 1024
_BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())


def window_row_type(dimensions: int) -> RowTypeInfo:
    """Key group, event times in epoch milliseconds, documents, keys (null without), and an array a feature."""
    features = [Types.BASIC_ARRAY(Types.DOUBLE())] * dimensions
    return Types.ROW([Types.INT(), Types.BASIC_ARRAY(Types.LONG()), Types.STRING(), Types.STRING(), *features])


class RandomCutForestFunction(KeyedProcessFunction):
    """Scores the records of a key group's second, then learns them, in order of key, event time, values and document.

    Takes `window_row_type` rows and yields a `SCORED_TYPE` row for each. `every` is the length of a second, in
    milliseconds.

    Live forests stay in memory. State has a snapshot of each and a log of what was learned since; a log that has
    outgrown the snapshots is folded into new ones, so that what is written stays proportional to the input. Random
    numbers count records, so snapshot and log give the same forest bit for bit.
    """

    def __init__(self, parameters: dict[str, Any], every: int) -> None:
        self._parameters = parameters
        self._every = every

    def open(self, runtime_context: RuntimeContext) -> None:
        self._snapshots = runtime_context.get_map_state(MapStateDescriptor("snapshots", Types.STRING(), _BYTES))
        self._log = runtime_context.get_list_state(ListStateDescriptor("log", _BYTES))
        self._sizes = runtime_context.get_state(
            ValueStateDescriptor("sizes", Types.TUPLE([Types.LONG(), Types.LONG()]))
        )
        self._live: dict[int, dict[str, RandomCutForest]] = {}
        self._learned_since: dict[int, set[str]] = {}

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key_group, times, documents, keys, *features = value
        forests = self._forests(key_group)
        # A line a record: in JSON, what ends a line can only be space between tokens
        texts = _without_ours(documents.replace("\n", " ").replace("\r", " ")).split(SEPARATOR)
        keys = np.array(keys.split(SEPARATOR) if keys is not None else [""] * len(texts), dtype=object)
        times = np.array(times, np.int64)
        points = np.column_stack([np.array(feature, np.float64) for feature in features])
        order = _order(keys, times, points, texts)
        keys, points = keys[order], points[order]
        scores = np.empty(len(keys))
        entries = []
        for start, end in _runs(keys):
            key, learned = keys[start], points[start:end]
            if key not in forests:
                forests[key] = forest_of(key, self._parameters)
            scores[start:end] = forests[key].score_and_learn(learned)
            entries.append(pack_entry(key, learned))
            self._learned_since[key_group].add(key)
        self._save(key_group, b"".join(entries))
        second = _second(int(times[0]) // self._every * self._every)
        yield Row(_lines([texts[i] for i in order.tolist()], second, scores))

    def _forests(self, key_group: int) -> dict[str, RandomCutForest]:
        """The live forests of a key group: from memory, or from state after a start."""
        if key_group not in self._live:
            forests = {key: RandomCutForest.from_bytes(saved) for key, saved in self._snapshots.items()}
            self._learned_since[key_group] = set()
            for key, points in unpack_entries(b"".join(self._log.get())):
                if key not in forests:
                    forests[key] = forest_of(key, self._parameters)
                forests[key].learn(points)
                self._learned_since[key_group].add(key)
            self._live[key_group] = forests
        return self._live[key_group]

    def _save(self, key_group: int, entry: bytes) -> None:
        """Append to the log; fold it into snapshots when it has outgrown them."""
        log_bytes, snapshot_bytes = self._sizes.value() or (0, 0)
        log_bytes += len(entry)
        if log_bytes <= max(snapshot_bytes, _SMALLEST_FOLD_BYTES):
            self._log.add(entry)
        else:
            snapshot_bytes = 0
            for key in sorted(self._learned_since[key_group]):
                saved = self._live[key_group][key].to_bytes()
                self._snapshots.put(key, saved)
                snapshot_bytes += len(saved)
            self._learned_since[key_group].clear()
            self._log.clear()
            log_bytes = 0
        self._sizes.update((log_bytes, snapshot_bytes))


def _order(keys: np.ndarray, times: np.ndarray, points: np.ndarray, documents: list[str]) -> np.ndarray:
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


def _runs(keys: np.ndarray) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal keys."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    yield from zip(starts.tolist(), [*starts[1:].tolist(), len(keys)], strict=True)


def _second(millis: int) -> str:
    """The start of the second in ISO 8601, UTC; with milliseconds only where it has some."""
    at = datetime.fromtimestamp(millis / 1000, UTC).replace(tzinfo=None)
    return at.isoformat(timespec="milliseconds" if millis % 1000 else "seconds") + "Z"


def _lines(documents: list[str], second: str, scores: np.ndarray) -> str:
    """`SCORED_TYPE`'s string of JSON objects and their scores, float64 (n,), of one second."""
    ranks = scores.astype(">f8").tobytes().hex()
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
