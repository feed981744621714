"""Forests as bytes.

    magic, version │ parameters, records seen │ features │ sections, compressed │ CRC-32 of all before

All is little-endian. Features are names and noise floors in JSON, its length before it; version 1 had none. Sections
are laid out by the significance of their bytes, which compresses better: leaves of each tree; shapes of the trees, a
bit a node in preorder; cuts; axes, unless there is one coordinate; records that any tree has in its sample; which of
them each tree has; their values, as a series, since shingles overlap; the last values, with which the next shingle
begins; and what noise is measured from.
"""

import json
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import Floats, Integers
from .layout import layout_of
from .parameters import SCORINGS, Parameters
from .rebuilding import put_together, take_apart
from .reservoir import records_of
from .sealing import seal, unseal

_MAGIC, _VERSION = b"RCF\x00", 2
_HEAD = struct.Struct("<IIIIIQBQ")
_FEATURES = struct.Struct("<I")


def _planes(array: npt.NDArray[Any], kind: str) -> bytes:
    return np.ascontiguousarray(array, kind).reshape(-1, 1).view(np.uint8).T.tobytes()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int, kind: str) -> npt.NDArray[Any]:
        size = np.dtype(kind).itemsize
        planes = np.frombuffer(self._data, np.uint8, count * size, self._at).reshape(size, count)
        self._at += count * size
        return np.ascontiguousarray(planes.T).view(kind).reshape(count)


def pack(parameters: Parameters, records_seen: int, recent: Floats, held: Floats, trees: Floats) -> bytes:
    """The bytes of a forest."""
    samples, num_trees = parameters.sample_size, parameters.num_trees
    size = min(samples, parameters.points_in(records_seen))
    layout = layout_of(parameters)
    leaf_counts = layout.leaf_counts(trees, parameters)
    leaves = int(leaf_counts.sum())
    inners = leaves - num_trees if size else 0
    inner, cuts, axes = np.empty(leaves + inners, np.uint8), np.empty(inners), np.empty(inners, np.uint16)
    take_apart(trees.ctypes.data, num_trees, samples, parameters.of_kernels, leaf_counts, inner, cuts, axes)
    numbers = records_of(layout.samples_of(trees, parameters), samples)[:, :size].astype(np.int64)
    records, entries = np.unique(numbers, return_index=True)
    sampled = np.sort(np.searchsorted(records, numbers), axis=1)
    places, covered = _series(records, parameters.shingle_size)
    values = np.empty((covered, parameters.dimensions))
    values[places] = layout.points_of(trees, parameters, entries, size).reshape(*places.shape, parameters.dimensions)
    body = (
        _planes(leaf_counts, "<u2"),
        np.packbits(inner).tobytes(),
        _planes(cuts, "<f8"),
        _planes(axes, "<u2") if parameters.coordinates > 1 else b"",
        _planes(np.array([len(records)]), "<u4"),
        _planes(np.diff(records, prepend=0), "<i8"),
        _planes(np.diff(sampled, prepend=0), "<u4"),
        _planes(values, "<f8"),
        _planes(recent, "<f8"),
        _planes(held, "<f8") if parameters.noise_floor else b"",
    )
    head = _HEAD.pack(
        parameters.dimensions,
        num_trees,
        samples,
        parameters.time_decay,
        parameters.shingle_size,
        parameters.seed % 2**64,
        SCORINGS.index(parameters.scoring) | (parameters.seed < 0) << 7,
        records_seen,
    )
    features = json.dumps([parameters.features, parameters.noise_floor], ensure_ascii=False).encode()
    content = head + _FEATURES.pack(len(features)) + features + zlib.compress(b"".join(body), 1)
    return seal(_MAGIC, _VERSION, content)


def _series(records: Integers, shingle_size: int) -> tuple[Integers, int]:
    """Where among all values the shingle of each record is, (records, shingle_size); how many values."""
    positions = records[:, np.newaxis] + np.arange(shingle_size)
    covered, places = np.unique(positions, return_inverse=True)
    return places.reshape(positions.shape), len(covered)


def unpack(data: bytes) -> tuple[Parameters, int, Floats, Floats, Floats]:
    """What `pack` was given; ValueError for bytes that are damaged or of a newer version."""
    version, content = unseal(bytes(data), _MAGIC, _VERSION, _HEAD.size, "forest")
    dimensions, num_trees, samples, decay, shingle, seed, scoring, records_seen = _HEAD.unpack_from(content)
    seed -= (scoring >> 7) << 64
    start, features, noise_floor = _HEAD.size, (), ()
    if version > 1:
        size = _FEATURES.unpack_from(content, start)[0]
        start += _FEATURES.size + size
        features, noise_floor = json.loads(content[start - size : start])
    parameters = Parameters(
        dimensions, num_trees, samples, decay, shingle, seed, SCORINGS[scoring & 0x7F], features, noise_floor
    )
    reader = _Reader(zlib.decompress(content[start:]))
    size = min(samples, parameters.points_in(records_seen))
    leaf_counts = reader.take(num_trees, "<u2").astype(np.int64)
    leaves = int(leaf_counts.sum())
    inners = leaves - num_trees if size else 0
    inner = np.unpackbits(reader.take((leaves + inners + 7) // 8, "u1"))
    cuts = reader.take(inners, "<f8")
    axes = reader.take(inners, "<u2") if parameters.coordinates > 1 else np.zeros(inners, np.uint16)
    records = np.cumsum(reader.take(int(reader.take(1, "<u4")[0]), "<i8"))
    sampled = np.cumsum(reader.take(num_trees * size, "<u4").reshape(num_trees, size), axis=1, dtype=np.int64)
    places, covered = _series(records, shingle)
    values = reader.take(covered * dimensions, "<f8").reshape(covered, dimensions)
    points = values[places].reshape(len(records), parameters.coordinates)
    recent = reader.take(min(records_seen, shingle - 1) * dimensions, "<f8").reshape(-1, dimensions)
    held = reader.take(dimensions, "<f8") if parameters.noise_floor else np.full(dimensions, np.nan)
    trees = layout_of(parameters).empty_blocks(parameters)
    put_together(
        trees.ctypes.data,
        num_trees,
        samples,
        parameters.of_kernels,
        np.uint64(seed % 2**64),
        parameters.decay_rate,
        leaf_counts,
        inner,
        cuts,
        axes,
        sampled,
        records,
        points,
    )
    return parameters, records_seen, recent, held, trees
