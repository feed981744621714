"""The public face of hotspots."""

import math
import struct
import sys
import zlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from udf.rcf.parameters import check_whole
from udf.rcf.sealing import seal, unseal

from .neighbours import Floats, ring, take, words_of

_MAGIC, _VERSION = b"HOT\x00", 1
_HEAD = struct.Struct("<IIIdQ")
_OBJECT_BYTES = 2048  # of the Python objects around the arrays


class Hotspots:
    """The dense regions of the last `window_size` records of a stream, after each of its records.

    dimensions: values of a record, 1–30. window_size: 100–1000. scan_radius: up to what Euclidean distance points are
    neighbours, DBSCAN's ε. min_points: 2–window_size, DBSCAN's MinPts.

    A point that has at least min_points neighbours, itself among them, is a core point. Core points that are
    neighbours, directly or by way of others, make a hotspot, together with all the neighbours that they have: DBSCAN's
    cluster, but that a point between two belongs to both, so that it does not matter who came first. Its density is the
    number of its points over the volume of their box, of which each side counts as scan_radius at least.

    The result is a function of the parameters and the records in the window, at most window_size of them; while it
    fills, of those that there are.

    Raises ValueError for a parameter or points out of range; refused points leave the window unchanged.

    >>> hotspots = Hotspots(dimensions=1, window_size=100, scan_radius=0.5, min_points=3)
    >>> hotspots.update([[7.0], [7.25], [99.0], [7.5]])[2:]
    ['{"hotspots":[]}', '{"hotspots":[{"density":6.0,"minValues":[7.0],"maxValues":[7.5]}]}']

    Source: Ester, Kriegel, Sander, Xu, "A Density-Based Algorithm for Discovering Clusters", KDD 1996, definitions 1
    to 5; see docs/decisions/hotspots.md for what differs.
    """

    def __init__(self, dimensions: int, window_size: int, scan_radius: float, min_points: int) -> None:
        check_whole("dimensions", dimensions, 1, 30)
        check_whole("window_size", window_size, 100, 1000)
        check_whole("min_points", min_points, 2, window_size)
        if isinstance(scan_radius, bool) or not isinstance(scan_radius, int | float | np.integer | np.floating):
            raise ValueError(f"scan_radius must be a number above 0, got {scan_radius!r}")
        if not 0.0 < scan_radius < math.inf:
            raise ValueError(f"scan_radius must be a number above 0, got {scan_radius!r}")
        self.dimensions, self.window_size = int(dimensions), int(window_size)
        self.scan_radius, self.min_points = float(scan_radius), int(min_points)
        self.records_seen = 0
        self._text = '{"hotspots":[]}'
        self._ring = ring(self.dimensions, self.window_size)

    @classmethod
    def estimate_bytes(cls, dimensions: int, window_size: int) -> int:
        """Memory that a window takes from its first record on.

        >>> Hotspots.estimate_bytes(dimensions=2, window_size=1000)
        154304
        """
        words = words_of(window_size)
        return 8 * (window_size * (dimensions + words + 1) + 2 * words) + _OBJECT_BYTES

    def update(self, points: npt.ArrayLike) -> list[str]:
        """Let records into the window, (n, dimensions) float64. The hotspots after each, as JSON text.

        {"hotspots":[{"density":6.0,"minValues":[7.0],"maxValues":[7.5]}]}, the densest first. How records are split
        into calls does not matter.
        """
        return self._take(self._checked(points), silent=0)

    def to_bytes(self) -> bytes:
        """The whole state; `from_bytes` gives a window that continues exactly as this one would."""
        following, held = self._ring.place.tolist()
        inside = np.roll(self._ring.points, held - following, axis=1)[:, :held]
        head = _HEAD.pack(self.dimensions, self.window_size, self.min_points, self.scan_radius, self.records_seen)
        return seal(_MAGIC, _VERSION, head + zlib.compress(np.ascontiguousarray(inside.T, "<f8").tobytes(), 1))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Hotspots":
        """Restore a window. Raises ValueError for bytes that are damaged or of a newer version."""
        _, content = unseal(bytes(data), _MAGIC, _VERSION, _HEAD.size, "window of hotspots")
        dimensions, window_size, min_points, scan_radius, records_seen = _HEAD.unpack_from(content)
        window = cls(dimensions, window_size, scan_radius, min_points)
        values = np.frombuffer(zlib.decompress(content[_HEAD.size :]), "<f8").reshape(-1, dimensions)
        window._take(values.astype(np.float64), silent=len(values) - 1)
        window.records_seen = records_seen
        return window

    def _checked(self, points: npt.ArrayLike) -> Floats:
        """A contiguous float64 copy of the records, without negative zeros."""
        try:
            records = np.array(points, dtype=np.float64, order="C") + 0.0
        except (TypeError, ValueError) as error:
            raise ValueError(f"points must be numbers, got {points!r}") from error
        if records.ndim != 2 or records.shape[1] != self.dimensions:
            raise ValueError(f"points must be of shape (n, {self.dimensions}), got {records.shape!r}")
        if not np.isfinite(records).all():
            raise ValueError(f"points must be finite, got {float(records[~np.isfinite(records)][0])!r}")
        return records

    def _take(self, records: Floats, silent: int) -> list[str]:
        texts: list[str] = []
        found, sizes = np.empty(len(records), np.int64), np.empty(2 * self.window_size, np.int64)
        boxes = np.empty((len(sizes), 2, self.dimensions))
        while len(texts) < len(records):
            begin = len(texts)
            taken, regions = take(
                self._ring,
                records[begin:],
                silent - begin,
                self.min_points,
                self.scan_radius,
                found,
                sizes,
                boxes,
            )
            texts += self._texts(found[:taken].tolist(), sizes[:regions].tolist(), boxes)
        self.records_seen += len(records)
        return texts

    def _texts(self, found: list[int], sizes: list[int], boxes: Floats) -> list[str]:
        """The results of records, of which those that found -1 have the one before."""
        texts, begin = [], 0
        for count in found:
            if count >= 0:
                end = begin + count
                hotspots = [_hotspot(sizes[i], boxes[i].tobytes(), self.scan_radius) for i in range(begin, end)]
                told = ",".join(text for *_, text in sorted(hotspots))
                self._text, begin = f'{{"hotspots":[{told}]}}', end
            texts.append(self._text)
        return texts


@lru_cache(maxsize=4096)
def _hotspot(size: int, box: bytes, scan_radius: float) -> tuple[float, list[float], list[float], str]:
    """A hotspot as text, after what it is sorted by. Most are as they were a record before."""
    low, high = np.frombuffer(box).reshape(2, -1).tolist()
    density = _density(size, low, high, scan_radius)
    sides = f'"minValues":[{",".join(map(repr, low))}],"maxValues":[{",".join(map(repr, high))}]'
    return -density, low, high, f'{{"density":{density!r},{sides}}}'


def _density(size: int, low: list[float], high: list[float], scan_radius: float) -> float:
    """Points per unit of volume, as near as floats come to it: volumes of 30 sides may be out of their range."""
    mantissa, exponent = 1.0, 0
    for a, b in zip(low, high, strict=True):
        side, twos = math.frexp(max(b - a, scan_radius))
        mantissa, exponent = mantissa * side, exponent + twos
    try:
        return math.ldexp(size / mantissa, -exponent)
    except OverflowError:
        return sys.float_info.max
