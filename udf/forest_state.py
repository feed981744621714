"""Forests as Flink state keeps them: a snapshot a key, and a log of the records learned since.

    row of the log    head │ records of each key │ names of the keys │ values │ CRC-32
      its head        version, second, records, values a record, keys, bytes of their names
    snapshot          version, second of its last record │ the forest
      with grades     version, second of its last record, bytes of the forest │ the forest │ the calibration

All is little-endian; a second is its start in epoch milliseconds, or `_UNDATED`. The highest bit of a key's number of
records says that its forest began anew, after the key was silent for its time to live: that time may change, what has
been may not.
Version 1 had no seconds: a snapshot was the forest alone, and the log had an entry a key.
"""

import hashlib
import struct
import zlib
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from udf.rcf import Calibration, RandomCutForest
from udf.rcf.shares import share_of

_VERSION = 2
_ROW = struct.Struct("<BqIIII")
_ENTRY_1 = struct.Struct("<BIII")
_SNAPSHOT = struct.Struct("<Bq")
_GRADED = struct.Struct("<BqI")
_GRADED_VERSION = 3
_UNDATED = -(2**63)
_FOREST_MAGIC = b"RCF"
SEPARATOR = "\x1e"
"""Between the keys, or the documents, of one row: JSON has it only escaped, and `job.parse` refuses it in a key."""

_CRC = struct.Struct("<I")
_ANEW = np.uint32(1 << 31)


class ForestStateError(ValueError):
    """State that this code cannot go on from. Trying again does not help."""


class Learned(NamedTuple):
    """Records that the forest of a key has learned: `points`, float64 (n, d), in a second (None from version 1).

    `anew`: they are the first of a forest that took the place of another.
    """

    key: str
    second: int | None
    points: np.ndarray
    anew: bool = False


def forest_of(key: str, parameters: dict[str, Any], share: int = 0, shares: int = 1) -> RandomCutForest:
    """A new forest for `key`, its seed drawn from seed and key; without keys (`key` is "") it is the seed itself.

    Of several shares, the one of this number.
    """
    seed = parameters["seed"]
    if key:
        digest = hashlib.blake2b(key.encode(), digest_size=8, key=struct.pack("<q", seed)).digest()
        seed = struct.unpack("<q", digest)[0]
    own = parameters | {"seed": seed}
    return RandomCutForest(**(own if shares == 1 else share_of(own, share, shares)))


def pack_row(
    second: int, keys: Sequence[str], counts: np.ndarray, points: np.ndarray, anew: Collection[str] = ()
) -> bytes:
    """One row of the log: `points`, float64 (n, d), the first counts[0] of them learned by the forest of keys[0], …

    The forests of the keys in `anew` took the place of others.
    """
    names = SEPARATOR.join(keys).encode()
    numbers = counts.astype("<u4")
    if anew:
        numbers[[key in anew for key in keys]] |= _ANEW
    head = _ROW.pack(_VERSION, second, *points.shape, len(keys), len(names))
    row = head + numbers.tobytes() + names + points.astype("<f8").tobytes()
    return row + _CRC.pack(zlib.crc32(row))


def unpack_row(row: bytes, wanted: Container[str] | None = None) -> Iterator[Learned]:
    """What the forests of `wanted`, or else all, learned in a row of the log, a key after the other.

    Raises:
        ForestStateError: a row that is damaged or of a newer version.
    """
    second, names, numbers, points = _read(row)
    ends = np.cumsum(numbers & ~_ANEW).tolist()
    for i, (name, begin, stop) in enumerate(zip(names, [0, *ends], ends, strict=False)):
        if wanted is None or name in wanted:
            yield Learned(name, second, points[begin:stop], bool(numbers[i] & _ANEW))


def keys_of(row: bytes) -> list[str]:
    """The keys in a row of the log. Raises ForestStateError as `unpack_row`."""
    return _read(row).keys


def last_learned(rows: Iterable[bytes], keys: Sequence[str]) -> list[Learned]:
    """What the forest of each of `keys` learned in some rows of the log, since it last began anew.

    All keys at once, since a record at a time takes longer than to learn it. Raises ForestStateError as `unpack_row`.
    """
    read = [_read(row) for row in rows]
    known = {key: i for i, key in enumerate(keys)}
    whose = np.array([known.get(key, len(keys)) for row in read for key in row.keys], np.int64)
    numbers = np.concatenate([row.numbers for row in read])
    counts = (numbers & ~_ANEW).astype(np.int64)
    begins, anew = np.zeros(len(keys) + 1, np.int64), (numbers & _ANEW) != 0
    begins[whose[anew]] = (np.cumsum(counts) - counts)[anew]  # of several the last one counts, here and below
    of_record = np.repeat(whose, counts)
    order = np.argsort(of_record, kind="stable")
    order = order[order >= begins[of_record[order]]]
    points = np.concatenate([row.points for row in read])[order]
    ends = np.searchsorted(of_record[order], np.arange(len(keys)), side="right").tolist()
    last = np.zeros(len(keys) + 1, np.int64)
    last[whose] = np.repeat(np.arange(len(read)), [len(row.keys) for row in read])
    is_anew = np.zeros(len(keys) + 1, bool)
    is_anew[whose[anew]] = True
    return [
        Learned(key, read[last[i]].second, points[begin:end], bool(is_anew[i]))
        for i, (key, begin, end) in enumerate(zip(keys, [0, *ends], ends, strict=False))
    ]


class _Row(NamedTuple):
    """A row of the log: `numbers` of records, uint32, have `_ANEW` in them, `points` are those of all keys."""

    second: int | None
    keys: list[str]
    numbers: np.ndarray
    points: np.ndarray


def _read(row: bytes) -> _Row:
    if row[:1] == b"\x01":
        return _read_1(row)
    if row[:1] != bytes([_VERSION]):
        raise ForestStateError(f"forest log must be of version 1 to {_VERSION}, got {row[0] if row else 'nothing'}")
    end = len(row) - _CRC.size
    if end < _ROW.size or _CRC.unpack_from(row, end)[0] != zlib.crc32(row[:end]):
        raise ForestStateError(f"forest log must be undamaged, got a row of {len(row)} bytes with another checksum")
    _, second, records, values, keys, name_bytes = _ROW.unpack_from(row)
    names_at = _ROW.size + 4 * keys
    points_at = names_at + name_bytes
    numbers = np.frombuffer(row, "<u4", keys, _ROW.size)
    names = row[names_at:points_at].decode().split(SEPARATOR)
    return _Row(second, names, numbers, np.frombuffer(row, "<f8", records * values, points_at).reshape(records, values))


def _read_1(row: bytes) -> _Row:
    start, names, numbers, points = 0, [], [], []
    while start < len(row):
        try:
            version, name_bytes, records, values = _ENTRY_1.unpack_from(row, start)
        except struct.error as error:
            raise ForestStateError(f"forest log ends within an entry, at byte {start} of {len(row)}") from error
        if version != 1:
            raise ForestStateError(f"forest log must be of version 1 in this row, got {version}")
        start += _ENTRY_1.size
        names.append(row[start : start + name_bytes].decode())
        start += name_bytes
        size = 8 * records * values
        if start + size > len(row):
            raise ForestStateError(f"forest log ends within an entry, at byte {start} of {len(row)}")
        numbers.append(records)
        points.append(np.frombuffer(row, "<f8", records * values, start).reshape(records, values))
        start += size
    return _Row(None, names, np.array(numbers, np.uint32), np.concatenate(points))


def pack_snapshot(forest: RandomCutForest, second: int | None, calibration: Calibration | None = None) -> bytes:
    """A forest, the second of its last record, and the calibration of its scores where they are graded."""
    packed = forest.to_bytes()
    if calibration is not None:
        head = _GRADED.pack(_GRADED_VERSION, _UNDATED if second is None else second, len(packed))
        return head + packed + calibration.to_bytes()
    return packed if second is None else dated(packed, second)


def snapshot_second(saved: bytes) -> int | None:
    """The second of the last record that a snapshot's forest has learned.

    Raises:
        ForestStateError: a snapshot of a newer version.
    """
    if saved[:3] == _FOREST_MAGIC:
        return None
    if saved[:1] not in (bytes([_VERSION]), bytes([_GRADED_VERSION])) or len(saved) < _GRADED.size:
        raise ForestStateError(
            f"forest snapshot must be of version 1 to {_GRADED_VERSION}, got {saved[:1].hex() or 'nothing'}"
        )
    second = int(_SNAPSHOT.unpack_from(saved)[1])
    return None if second == _UNDATED else second


def dated(saved: bytes, second: int) -> bytes:
    """A snapshot that has no second, with one."""
    if saved[:3] == _FOREST_MAGIC:
        return _SNAPSHOT.pack(_VERSION, second) + saved
    return _GRADED.pack(_GRADED_VERSION, second, _GRADED.unpack_from(saved)[2]) + saved[_GRADED.size :]


def unpack_snapshot(
    saved: bytes, key: str, parameters: dict[str, Any]
) -> tuple[RandomCutForest, int | None, Calibration | None]:
    """The forest of `key`, the second of its last record, and its calibration if the snapshot has one.

    Raises:
        ForestStateError: a snapshot that is damaged, of a newer version, or of a forest of other `parameters`.
    """
    second, calibration = snapshot_second(saved), None
    try:
        if saved[0] == _GRADED_VERSION:
            end = _GRADED.size + _GRADED.unpack_from(saved)[2]
            forest = RandomCutForest.from_bytes(saved[_GRADED.size : end])
            calibration = Calibration.from_bytes(saved[end:])
        else:
            forest = RandomCutForest.from_bytes(saved if saved[:3] == _FOREST_MAGIC else saved[_SNAPSHOT.size :])
    except ValueError as error:
        raise ForestStateError(f"the forest of {_called(key)} cannot be read: {error}") from None
    check_forest(forest, key, parameters)
    return forest, second, calibration


def check_forest(forest: RandomCutForest, key: str, parameters: dict[str, Any]) -> None:
    """Raises ForestStateError, naming the parameter, for a forest that cannot be one of a job with `parameters`.

    Only its seed may be another: a forest that was brought from elsewhere keeps its own.
    """
    for name, value in parameters.items():
        if name != "seed" and getattr(forest, name) != value:
            raise ForestStateError(
                f"{name} must be {getattr(forest, name)} as in the forest of {_called(key)}, got {value}; "
                f"take it back, or start over with --fresh"
            )


def _called(key: str) -> str:
    return f"key {key!r}" if key else "all records"
