"""The forests of the keys: the living ones in memory, all of them in Flink state."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from pyflink.common import Types
from pyflink.datastream import RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, MapStateDescriptor

from udf.forest_state import (
    Learned,
    dated,
    forest_of,
    keys_of,
    last_learned,
    pack_row,
    pack_snapshot,
    snapshot_second,
    unpack_snapshot,
)
from udf.rcf import Calibration, RandomCutForest, learn_many
from udf.rcf.scoring import normalizer
from udf.rcf.shares import share_of, split
from udf.share_keys import share_of_key

_SMALLEST_FOLD_BYTES = 64 * 1024
_BYTES_AT_ONCE = 1 << 26
_BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
_GOLDEN_RATIO = 0.6180339887498949


class Living:
    """A forest in memory, the second of its last record, and the calibration of its scores where they are graded."""

    __slots__ = ("calibration", "forest", "second")

    def __init__(self, forest: RandomCutForest, second: int | None, calibration: Calibration | None) -> None:
        self.forest, self.second, self.calibration = forest, second, calibration


class _Log:
    """What is known of a key group's log: its size, and the keys in it."""

    __slots__ = ("keys", "size")

    def __init__(self) -> None:
        self.size = 0
        self.keys: set[str] = set()


class Forests:
    """The forests of a worker's key groups. Every call is about the key group of the current row, which is Flink's key.

    State has a snapshot of each forest and a log of what was learned since. A log that has outgrown the snapshots is
    folded into new ones, so that what is written stays proportional to the input. Random numbers count records, so
    snapshot and log give the same forest bit for bit; a forest can leave memory at any moment and nothing is written
    for it.

    memory: bytes that living forests may take in this worker. ttl: milliseconds without a record after which a key is
    forgotten, or None. imports: by key, the name of an import and a forest that is to be the key's from its next record
    on, unless state says that it has been. shares: of how many shares the forests are; Flink's key then tells the
    group and which of them (`share_of_key`), and an import is dealt. graded: forests have calibrations of their scores.
    """

    def __init__(
        self,
        context: RuntimeContext,
        parameters: dict[str, Any],
        memory: int,
        ttl: int | None,
        imports: Mapping[str, tuple[str, bytes]],
        shares: int = 1,
        graded: bool = False,
    ) -> None:
        self._graded = graded
        self._parameters = parameters
        self._shares = shares
        self._ttl = ttl
        self._imports = imports
        largest = share_of(parameters, shares - 1, shares)
        sizes = {name: largest[name] for name in ("dimensions", "num_trees", "sample_size", "shingle_size")}
        each = RandomCutForest.estimate_bytes(**sizes) + (Calibration.BYTES if graded else 0)
        self.most = max(1, memory // each)
        """As many forests may live at once."""
        self._at_once = max(1, min(self.most // 8, _BYTES_AT_ONCE // each))  # forests that are made from state together
        self._living: dict[tuple[int, str], Living] = {}  # the least recently used first
        self._anew: set[str] = set()  # the keys whose forests began anew in the last call of `of`
        self._logs: dict[int, _Log] = {}
        self._snapshot_bytes = 0  # of a forest that was snapshotted lately
        self._snapshots = context.get_map_state(MapStateDescriptor("snapshots", Types.STRING(), _BYTES))
        self._rows = context.get_list_state(ListStateDescriptor("log", _BYTES))
        self._imported = context.get_map_state(MapStateDescriptor("imported", Types.STRING(), Types.STRING()))
        metrics = context.get_metrics_group()
        self._scored = metrics.counter("records_scored")
        self._bytes_written = metrics.counter("forest_state_bytes")
        self._evicted = metrics.counter("forests_evicted")
        self._restored = metrics.counter("forests_restored")
        self._expired = metrics.counter("forests_expired")
        metrics.gauge("forests_living", lambda: len(self._living))

    def of(self, group: int, keys: Sequence[str], second: int) -> list[Living]:
        """The forests of `keys`, at most `most`, as they are before `second`."""
        for key in sorted(self._imports.keys() & set(keys)):
            self._import(group, key)
        self._bring_back(group, [key for key in keys if (group, key) not in self._living], keys)
        found = []
        self._anew.clear()
        for key in keys:
            living = self._living.pop((group, key))
            if self._is_over(living.second, second):
                living = self._new(group, key)
                self._anew.add(key)
                self._expired.inc()
            living.second = second
            self._living[group, key] = living
            found.append(living)
        return found

    def learned(self, group: int, second: int, keys: Sequence[str], counts: np.ndarray, points: np.ndarray) -> None:
        """Write down what the forests that `of` gave have learned: counts[i] of the `points`, (n, d), of keys[i]."""
        log = self._log(group)
        row = pack_row(second, keys, counts, points, self._anew)
        self._rows.add(row)
        self._scored.inc(len(points) if share_of_key(group) == 0 else 0)  # once, however many shares there are
        self._bytes_written.inc(len(row))
        log.size += len(row)
        log.keys.update(keys)
        if log.size > _SMALLEST_FOLD_BYTES // 2 and not self._snapshot_bytes:
            self._snapshot_bytes = len(self._living[group, keys[0]].forest.to_bytes())
        # Groups are out of step, so that they are not all folded in the same second
        out_of_step = 0.75 + group * _GOLDEN_RATIO % 0.5
        if log.size > out_of_step * max(_SMALLEST_FOLD_BYTES, len(log.keys) * self._snapshot_bytes):
            self._fold(group)

    def saved(self, group: int, key: str) -> RandomCutForest | None:
        """The forest that state has of `key`."""
        if key not in self._log(group).keys and self._snapshots.get(key) is None:
            return None
        return next(self._from_state(group, [key]))[1].forest

    def expire(self, group: int, now: int) -> bool:
        """Forget the keys that have had no record since `ttl` before `now`, epoch ms. False if none is left."""
        self._fold(group)
        left = 0
        over, undated = [], {}
        for key, saved in self._snapshots.items():
            last = snapshot_second(saved)
            if self._is_over(last, now):
                over.append(key)
                continue
            left += 1
            if last is None:
                undated[key] = dated(saved, now)
        for key in over:
            self._snapshots.remove(key)
            self._living.pop((group, key), None)
            self._expired.inc()
        for key, saved in undated.items():
            self._snapshots.put(key, saved)
        return left > 0

    def _new(self, group: int, key: str) -> Living:
        return self._calibrated(forest_of(key, self._parameters, share_of_key(group), self._shares), None, None)

    def _calibrated(self, forest: RandomCutForest, second: int | None, calibration: Calibration | None) -> Living:
        """Where scores are graded and there is no calibration yet, with a new one; else without."""
        if not self._graded:
            calibration = None
        elif calibration is None:
            calibration = Calibration(normalizer(forest.scoring, forest.sample_size))
        return Living(forest, second, calibration)

    def _import(self, group: int, key: str) -> None:
        """Put the key's import in the place of its forest, once."""
        name, forest = self._imports[key]
        if self._imported.get(key) == name:
            return
        if self._shares > 1:
            forest = split(RandomCutForest.from_bytes(forest), self._shares)[share_of_key(group)].to_bytes()
        self._fold(group)  # what the log has of the key is of the forest that goes
        self._snapshots.put(key, forest)
        self._imported.put(key, name)
        self._living.pop((group, key), None)

    def _is_over(self, last: int | None, now: int) -> bool:
        return self._ttl is not None and last is not None and now - last > self._ttl

    def _bring_back(self, group: int, missing: list[str], used: Sequence[str]) -> None:
        """Let the forests of `missing` live again, and as many others leave memory; none of those that are `used`."""
        if not missing:
            return
        in_log = self._log(group).keys
        if not in_log.isdisjoint(missing):  # then it has to be read, as well for all as for one
            others = [key for key in in_log if (group, key) not in self._living and key not in missing]
            if len(self._living) + len(missing) + len(others) <= self.most:
                missing += others
        for key in used:
            if (group, key) in self._living:
                self._living[group, key] = self._living.pop((group, key))
        while len(self._living) + len(missing) > self.most and self._living:
            del self._living[next(iter(self._living))]
            self._evicted.inc()
        for key, living in self._from_state(group, missing):
            self._living[group, key] = living

    def _log(self, group: int) -> _Log:
        """Of this key group; read from state when it is first asked for."""
        if group not in self._logs:
            log = self._logs[group] = _Log()
            self._snapshots.is_empty()  # once asked, state need not be asked for each new key of a new job
            for row in self._rows.get():
                log.size += len(row)
                log.keys.update(keys_of(row))
        return self._logs[group]

    def _fold(self, group: int) -> None:
        """Snapshots of all forests that the log is about, in place of the log."""
        log = self._log(group)
        away = [key for key in log.keys if (group, key) not in self._living]
        here = [(key, self._living[group, key]) for key in log.keys if (group, key) in self._living]
        for key, living in chain(here, self._from_state(group, away)):
            saved = pack_snapshot(living.forest, living.second, living.calibration)
            self._snapshots.put(key, saved)
            self._bytes_written.inc(len(saved))
            self._snapshot_bytes = len(saved)
        self._rows.clear()
        self._logs[group] = _Log()

    def _from_state(self, group: int, keys: Sequence[str]) -> Iterator[tuple[str, Living]]:
        """Forests of `keys` that do not live: from snapshot and log, or new."""
        in_log = [key for key in keys if key in self._log(group).keys]
        learned = {one.key: one for one in last_learned(self._rows.get(), in_log)} if in_log else {}
        dealt = share_of(self._parameters, share_of_key(group), self._shares)
        for first in range(0, len(keys), self._at_once):
            living: dict[str, Living] = {}
            for key in keys[first : first + self._at_once]:
                saved = self._snapshots.get(key)
                if saved is not None or key in learned:
                    self._restored.inc()
                if saved is None or (key in learned and learned[key].anew):
                    living[key] = self._new(group, key)
                else:
                    living[key] = self._calibrated(*unpack_snapshot(saved, key, dealt))
            _replay(living, [learned[key] for key in living if key in learned])
            yield from living.items()


def _replay(living: Mapping[str, Living], learned: Sequence[Learned]) -> None:
    """What the forests have learned after they were as they are."""
    for some in learned:
        living[some.key].second = some.second
    if not living or not learned:
        return
    if living[learned[0].key].calibration is None:
        forests, counts = [living[some.key].forest for some in learned], [len(some.points) for some in learned]
        learn_many(forests, np.array(counts, np.int64), np.concatenate([some.points for some in learned]))
        return
    for some in learned:
        one = living[some.key]
        assert one.calibration is not None
        one.calibration.observe(one.forest.score_and_learn(some.points))
