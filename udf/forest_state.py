"""Forests as Flink state keeps them: a snapshot a key, and a log of the records learned since."""

import hashlib
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from udf.rcf import RandomCutForest

_VERSION = 1
_ENTRY = struct.Struct("<BIII")
"""Version, bytes of the key, records, values a record; then the key in UTF-8 and the values, little-endian float64."""


def forest_of(key: str, parameters: dict[str, Any]) -> RandomCutForest:
    """A new forest for `key`, its seed drawn from seed and key; without keys (`key` is "") it is the seed itself."""
    seed = parameters["seed"]
    if key:
        digest = hashlib.blake2b(key.encode(), digest_size=8, key=struct.pack("<q", seed)).digest()
        seed = struct.unpack("<q", digest)[0]
    return RandomCutForest(**parameters | {"seed": seed})


def pack_entry(key: str, points: np.ndarray) -> bytes:
    """One log entry: `points`, float64 (n, d), learned by the forest of `key`."""
    name = key.encode()
    return _ENTRY.pack(_VERSION, len(name), *points.shape) + name + points.astype("<f8").tobytes()


def unpack_entries(log: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """The (key, points) of the entries in `log`, in order.

    Raises:
        ValueError: an entry of another version, or bytes that end within one.
    """
    start = 0
    while start < len(log):
        try:
            version, name_bytes, records, values = _ENTRY.unpack_from(log, start)
        except struct.error as error:
            raise ValueError(f"forest log ends within an entry, at byte {start} of {len(log)}") from error
        if version != _VERSION:
            raise ValueError(f"forest log must be of version {_VERSION}, got {version}")
        start += _ENTRY.size
        key = log[start : start + name_bytes].decode()
        start += name_bytes
        size = 8 * records * values
        if start + size > len(log):
            raise ValueError(f"forest log ends within an entry, at byte {start} of {len(log)}")
        points = np.frombuffer(log, "<f8", records * values, start).reshape(records, values)
        start += size
        yield key, points
