"""Scores as probabilities: how often an ordinary record of the stream scores at least this high.

A histogram of the scores of the last two generations gives the probability of most scores. Above its threshold, the
level that a hundred remembered scores exceed, a generalised Pareto tail takes over:

    0 ├── share of remembered scores ──┤ threshold ├── fitted tail ──┤ limit ├── beyond ──┤ bound

The limit is where a third of a score is expected in the whole memory. From beyond at most a few are taken, until it is
clear that the stream has changed.

Sources: Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 1975 (the tail above a
high threshold); Hosking and Wallis, "Parameter and quantile estimation for the generalized Pareto distribution",
Technometrics 1987 (its fit by moments); Siffer et al., "Anomaly detection in streams with extreme value theory",
KDD 2017 (the same on streams, where what is flagged is never learned; here it is learned slowly).
"""

import math
import struct
import zlib

import numpy as np
import numpy.typing as npt

from .arrays import Floats
from .compiling import kernel, part
from .sealing import seal, unseal

_CELLS = 1024  # of equal width
_REFIT = 128  # scores between two fits: a number of scores, so that batches do not matter
_NEEDED = 1024  # scores before the first fit
_PEAKS = 100.0  # scores above the threshold: enough to fit two parameters, and as far out as that allows
_IMAGINED = 4.0  # mean excess, in cells, of one peak more: the scale of the tail where no other peak is
_FEW = 3.0  # outermost peaks whose distance is not looked at: an anomaly must not bend the tail
_LIGHTEST, _HEAVIEST = -0.5, 0.3  # the shape of the tail
_MUCH = 20_000.0  # scores that allow the lightest: with fewer, a light tail is a risk of false alarms
_LEAST = 0.01  # expected scores in the memory: nothing is called rarer
_RARE = 0.3  # expected scores in the memory at the limit
_KNOWN = 2.0  # remembered scores that move the limit to where they are
_QUOTA = 2.5  # scores taken from beyond it while as many pass as the memory holds
_MINORITY = 0.02  # a greater share of such scores is a new level, not a burst
_ROUNDING = 1.0 + 1e-9  # of the scores of forests

# Rows of the cells: counts of the generation before, of this one up to the last fit, since then; probabilities.
_OLD, _RECENT, _WAITING, _SURVIVAL = range(4)
# Scores so far, share of those beyond the limit, how much of the next of them is taken; of the last fit: total, limit.
_SEEN, _SHARE, _CREDIT, _TOTAL, _LIMIT = range(5)

_MAGIC, _VERSION = b"CAL\x00", 1
_HEAD = struct.Struct("<dIQdd")


@part
def _tail(counts: Floats, threshold: int, peaks: float, total: float) -> tuple[float, float]:
    """Shape and scale of the tail, in cells, by the mean and the mean square of the excesses over the threshold.

    The outermost peaks count as if all that is known of them were that they passed the rim, the cell they begin at,
    with an exponential tail beyond.
    """
    rim, few = _CELLS, 0.0
    while rim > threshold and few + counts[rim - 1] <= _FEW:
        rim -= 1
        few += counts[rim]
    first, second = _IMAGINED, 2.0 * _IMAGINED * _IMAGINED
    for cell in range(threshold, rim):
        excess = cell + 0.5 - threshold
        first += counts[cell] * excess
        second += counts[cell] * excess * excess
    width = rim - threshold
    scale = (first + few * width) / (peaks - few + 1.0)
    first += few * (width + scale)
    second += few * (width * width + 2.0 * width * scale + 2.0 * scale * scale)
    mean = first / (peaks + 1.0)
    ratio = mean * mean / (second / (peaks + 1.0) - mean * mean)
    shape = min(max(0.5 * (1.0 - ratio), _LIGHTEST * min(1.0, total / _MUCH)), _HEAVIEST)
    return shape, mean * (1.0 - shape)


@kernel
def _fit(cells: Floats, numbers: Floats) -> None:
    """Work out survival, the total and the limit from the counts.

    The survival of a cell is that of its lower edge, so that equal scores are not judged rarer than they are; one
    score more than remembered counts as the one that is judged. In the tail it is at least half of what was counted:
    a tail that fits badly must not give false alarms for ever.
    """
    counts, survival = cells[_OLD] + cells[_RECENT], cells[_SURVIVAL]
    threshold, peaks = _CELLS, 0.0
    while threshold > 0 and peaks + counts[threshold - 1] <= _PEAKS:
        threshold -= 1
        peaks += counts[threshold]
    total = peaks
    for cell in range(threshold):
        total += counts[cell]
    shape, scale = _tail(counts, threshold, peaks, total)
    limit, fitted, reached = min(threshold, _CELLS - 1), peaks + 1.0, peaks
    for cell in range(threshold, _CELLS):
        if fitted > _LEAST:
            far = (cell - threshold) / scale
            exponential = abs(shape) < 1e-6
            share = np.exp(-far) if exponential else max(0.0, 1.0 + shape * far) ** (-1.0 / shape)
            fitted = (peaks + 1.0) * share
        expected = max(fitted, reached / _KNOWN, _LEAST)
        limit = cell if fitted >= _RARE or reached >= _KNOWN else limit
        survival[cell] = expected / (total + 1.0)
        reached -= counts[cell]
    reached = peaks + 1.0
    for cell in range(threshold - 1, -1, -1):
        reached += counts[cell]
        survival[cell] = min(1.0, reached / (total + 1.0))
    numbers[_TOTAL], numbers[_LIMIT] = total, limit


@part
def _cell_of(score: float, bound: float) -> int:
    return min(int(score / bound * _CELLS), _CELLS - 1)


@kernel
def _judge(cells: Floats, bound: float, scores: Floats, probabilities: Floats) -> None:
    """Write the probability of each score."""
    for i in range(scores.size):
        cell = _cell_of(scores[i], bound)
        probabilities[i] = cells[_SURVIVAL, cell] if scores[i] > 0.0 else 1.0


@part
def _ends_generation(seen: int, memory: int) -> bool:
    """Whether the last fit is the first after a multiple of the memory, or a half, a quarter … of it.

    A forest's first scores are unlike the later ones, so all that came in the first half of its life is forgotten.
    """
    if seen >= memory:
        return seen % memory < _REFIT
    while memory > seen:
        memory //= 2
    return memory >= _NEEDED and seen - memory < _REFIT


@part
def _take_in(cells: Floats, is_full: bool) -> None:
    """Count what waits; where this generation is full, begin the next."""
    for cell in range(_CELLS):
        cells[_RECENT, cell] += cells[_WAITING, cell]
        cells[_WAITING, cell] = 0.0
        if is_full:
            cells[_OLD, cell] = cells[_RECENT, cell]
            cells[_RECENT, cell] = 0.0


@kernel
def _observe(cells: Floats, numbers: Floats, memory: int, bound: float, scores: Floats, probabilities: Floats) -> None:
    """Judge each score, then remember it."""
    waiting, survival = cells[_WAITING], cells[_SURVIVAL]
    for i in range(scores.size):
        if scores[i] == 0.0:
            probabilities[i] = 1.0
            continue
        cell = _cell_of(scores[i], bound)
        probabilities[i] = survival[cell]
        is_beyond = cell > numbers[_LIMIT]
        numbers[_SHARE] += (int(is_beyond) - numbers[_SHARE]) / numbers[_TOTAL]
        numbers[_CREDIT] = min(1.0, numbers[_CREDIT] + _QUOTA / numbers[_TOTAL])
        if not is_beyond or numbers[_SHARE] > _MINORITY:
            waiting[cell] += 1.0
        elif numbers[_CREDIT] == 1.0:
            waiting[cell] += 1.0
            numbers[_CREDIT] = 0.0
        numbers[_SEEN] += 1.0
        if numbers[_SEEN] % _REFIT == 0.0:
            _take_in(cells, _ends_generation(int(numbers[_SEEN]), memory))
            if numbers[_SEEN] >= _NEEDED:
                _fit(cells, numbers)


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

    BYTES = 8 * (4 * _CELLS + 5) + 1024
    """Memory of one, with the Python objects around its arrays."""

    def __init__(self, bound: float, memory: int = 100_000) -> None:
        if isinstance(bound, bool) or not hasattr(bound, "__float__") or not 0.0 < bound < math.inf:
            raise ValueError(f"bound must be a number above 0, got {bound!r}")
        if isinstance(memory, bool) or not hasattr(memory, "__index__") or not 1000 <= memory < 2**31:
            raise ValueError(f"memory must be a whole number from 1000 to 2147483647, got {memory!r}")
        self._bound, self._memory = float(bound), int(memory)
        self._cells = np.zeros((4, _CELLS))
        self._cells[_SURVIVAL] = 1.0
        self._numbers = np.array([0.0, 0.0, 1.0, 1.0, _CELLS])

    @property
    def bound(self) -> float:
        return self._bound

    @property
    def memory(self) -> int:
        return self._memory

    @property
    def scores_seen(self) -> int:
        """Scores observed so far, those of 0 left out."""
        return int(self._numbers[_SEEN])

    def observe(self, scores: npt.ArrayLike) -> Floats:
        """The probability of each score, judged from those before it, then remember it: (n,) → (n,), float64.

        The memory takes effect every 128 scores. Raises ValueError for scores that are not from 0 to the bound, and
        then remembers none.
        """
        checked = self._checked(scores)
        probabilities = np.empty(len(checked))
        _observe(self._cells, self._numbers, self._memory, self._bound, checked, probabilities)
        return probabilities

    def judge(self, scores: npt.ArrayLike) -> Floats:
        """The probability of each score were it the next: (n,) → (n,), float64; remembers nothing."""
        checked = self._checked(scores)
        probabilities = np.empty(len(checked))
        _judge(self._cells, self._bound, checked, probabilities)
        return probabilities

    def to_bytes(self) -> bytes:
        """The whole state, 1 to 2 KB; `from_bytes` gives a calibration that continues bit for bit as this one would.

        Magic, version │ bound, memory, scores seen, share, credit │ counts, compressed │ CRC-32 of all
        before. All is little-endian; the cells are laid out by the significance of their bytes.
        """
        head = _HEAD.pack(self._bound, self._memory, self.scores_seen, *self._numbers[_SHARE:_TOTAL])
        planes = self._cells[:_SURVIVAL].astype("<u4").reshape(-1, 1).view(np.uint8).T.tobytes()
        return seal(_MAGIC, _VERSION, head + zlib.compress(planes))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Calibration":
        """Restore a calibration. Raises ValueError for bytes that are damaged or of a newer version."""
        _, content = unseal(bytes(data), _MAGIC, _VERSION, _HEAD.size, "calibration")
        bound, memory, seen, share, credit = _HEAD.unpack_from(content)
        planes = np.frombuffer(zlib.decompress(content[_HEAD.size :]), np.uint8)
        calibration = cls(bound, memory)
        calibration._cells[:_SURVIVAL] = np.ascontiguousarray(planes.reshape(4, -1).T).view("<u4").reshape(-1, _CELLS)
        calibration._numbers[:_TOTAL] = seen, share, credit
        if seen >= _NEEDED:
            _fit(calibration._cells, calibration._numbers)
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
