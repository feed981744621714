"""Scores as probabilities: how often an ordinary record of the stream scores at least this high.

The kernels, and the law they go by, are in `rarity`.
"""

import math
import struct
import zlib

import numpy as np
import numpy.typing as npt

from . import rarity
from .arrays import Floats
from .rarity import CELLS, NEEDED, SEEN, SHARE, SURVIVAL, TOTAL
from .sealing import seal, unseal

_ROUNDING = 1.0 + 1e-9  # of the scores of forests
_MAGIC, _VERSION = b"CAL\x00", 1
_HEAD = struct.Struct("<dIQdd")


class Calibration:
    """Probabilities for the scores of one forest: how often an ordinary record scores at least as high.

    bound: what no score exceeds, `udf.rcf.scoring.normalizer(scoring, sample_size)` of the forest. memory: scores in
    a generation, at least 1000; this generation and the one before are remembered, up to twice as many scores.

    Probabilities are above 0 and at most 1 and fall with the score. They are 1 until 1024 scores have been observed.
    Scores of exactly 0, from before a forest has learned enough, have probability 1 and are not remembered. Nothing
    is called rarer than a hundredth of a score in the memory: 1e-7 for 100,000 scores. A grade of 1 takes 10,000.

    Scores far above all others hardly count at first: a burst changes little. A new level of the stream is learned
    after a fiftieth of the memory, and what keeps coming, be it once in a thousand records, within the memory.

    A calibration is a function of its parameters and its scores: how they are split into batches does not matter.

    >>> ordinary = np.random.default_rng(7).gamma(9.0, 0.1, size=20_000)
    >>> calibration = Calibration(bound=8.0)
    >>> probabilities = calibration.observe(ordinary)
    >>> bool((probabilities[:1024] == 1).all()), round(float((probabilities[1024:] <= 0.01).mean()), 3)
    (True, 0.009)
    >>> grade(calibration.judge([1.0, 5.0])).tolist()
    [0.0, 1.0]
    """

    __slots__ = ("_bound", "_cells", "_memory", "_numbers")

    BYTES = 8 * (4 * CELLS + 5) + 1024
    """Memory of one, with the Python objects around its arrays."""

    def __init__(self, bound: float, memory: int = 100_000) -> None:
        if isinstance(bound, bool) or not hasattr(bound, "__float__") or not 0.0 < bound < math.inf:
            raise ValueError(f"bound must be a number above 0, got {bound!r}")
        if isinstance(memory, bool) or not hasattr(memory, "__index__") or not 1000 <= memory < 2**31:
            raise ValueError(f"memory must be a whole number from 1000 to 2147483647, got {memory!r}")
        self._bound, self._memory = float(bound), int(memory)
        self._cells = np.zeros((4, CELLS))
        self._cells[SURVIVAL] = 1.0
        self._numbers = np.array([0.0, 0.0, 1.0, 1.0, CELLS])

    @property
    def bound(self) -> float:
        return self._bound

    @property
    def memory(self) -> int:
        return self._memory

    @property
    def scores_seen(self) -> int:
        """Scores observed so far, those of 0 left out."""
        return int(self._numbers[SEEN])

    def observe(self, scores: npt.ArrayLike) -> Floats:
        """The probability of each score, judged from those before it, then remember it: (n,) → (n,), float64.

        The memory takes effect every 128 scores. Raises ValueError for scores that are not from 0 to the bound, and
        then remembers none.
        """
        checked = self._checked(scores)
        probabilities = np.empty(len(checked))
        rarity.observe(self._cells, self._numbers, self._memory, self._bound, checked, probabilities)
        return probabilities

    def judge(self, scores: npt.ArrayLike) -> Floats:
        """The probability of each score were it the next: (n,) → (n,), float64; remembers nothing."""
        checked = self._checked(scores)
        probabilities = np.empty(len(checked))
        rarity.judge(self._cells, self._bound, checked, probabilities)
        return probabilities

    def to_bytes(self) -> bytes:
        """The whole state, 1 to 2 KB; `from_bytes` gives a calibration that continues bit for bit as this one would.

        Magic, version │ bound, memory, scores seen, share, credit │ counts, compressed │ CRC-32 of all
        before. All is little-endian; the cells are laid out by the significance of their bytes.
        """
        head = _HEAD.pack(self._bound, self._memory, self.scores_seen, *self._numbers[SHARE:TOTAL])
        planes = self._cells[:SURVIVAL].astype("<u4").reshape(-1, 1).view(np.uint8).T.tobytes()
        return seal(_MAGIC, _VERSION, head + zlib.compress(planes))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Calibration":
        """Restore a calibration. Raises ValueError for bytes that are damaged or of a newer version."""
        _, content = unseal(bytes(data), _MAGIC, _VERSION, _HEAD.size, "calibration")
        bound, memory, seen, share, credit = _HEAD.unpack_from(content)
        planes = np.frombuffer(zlib.decompress(content[_HEAD.size :]), np.uint8)
        calibration = cls(bound, memory)
        calibration._cells[:SURVIVAL] = np.ascontiguousarray(planes.reshape(4, -1).T).view("<u4").reshape(-1, CELLS)
        calibration._numbers[:TOTAL] = seen, share, credit
        if seen >= NEEDED:
            rarity.fit(calibration._cells, calibration._numbers)
        return calibration

    def _checked(self, scores: npt.ArrayLike) -> Floats:
        try:
            checked = np.ascontiguousarray(scores, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"scores must be numbers, got {scores!r}") from error
        if checked.ndim != 1:
            raise ValueError(f"scores must be of shape (n,), got {checked.shape!r}")
        fine = (checked >= 0.0) & (checked <= self._bound * _ROUNDING)
        if not fine.all():
            raise ValueError(f"scores must be from 0 to {self._bound!r}, got {float(checked[~fine][0])!r}")
        return checked


def grade(probabilities: npt.ArrayLike) -> Floats:
    """Probabilities as grades from 0 to 1, linear in their logarithm: 0 down to 1 in 100, 0.5 at 1 in 10,000, 1 at
    1 in a million or rarer; any shape → the same, float64.

    >>> grade([1.0, 0.01, 1e-3, 1e-4, 1e-6, 1e-9]).tolist()
    [0.0, 0.0, 0.25, 0.5, 1.0, 1.0]
    """
    checked = np.asarray(probabilities, dtype=np.float64)
    fine = (checked > 0.0) & (checked <= 1.0)
    if not fine.all():
        raise ValueError(f"probabilities must be above 0 and at most 1, got {float(checked[~fine].flat[0])!r}")
    return np.clip((-2.0 - np.log10(checked)) / 4.0, 0.0, 1.0)
