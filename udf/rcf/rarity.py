"""How rare scores are: the kernels of `Calibration`.

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

import numpy as np

from .arrays import Floats
from .compiling import kernel, part

CELLS = 1024  # of equal width
_REFIT = 128  # scores between two fits: a number of scores, so that batches do not matter
NEEDED = 1024  # scores before the first fit
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

# Rows of the cells: counts of the generation before, of this one up to the last fit, since then; probabilities.
_OLD, _RECENT, _WAITING, SURVIVAL = range(4)
# Scores so far, share of those beyond the limit, how much of the next of them is taken; of the last fit: total, limit.
SEEN, SHARE, CREDIT, TOTAL, _LIMIT = range(5)


@part
def _tail(counts: Floats, threshold: int, peaks: float, total: float) -> tuple[float, float]:
    """Shape and scale of the tail, in cells, by the mean and the mean square of the excesses over the threshold.

    The outermost peaks count as if all that is known of them were that they passed the rim, the cell they begin at,
    with an exponential tail beyond.
    """
    rim, few = CELLS, 0.0
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
def fit(cells: Floats, numbers: Floats) -> None:
    """Work out survival, the total and the limit from the counts.

    The survival of a cell is that of its lower edge, so that equal scores are not judged rarer than they are; one
    score more than remembered counts as the one that is judged. In the tail it is at least half of what was counted:
    a tail that fits badly must not give false alarms for ever.
    """
    counts, survival = cells[_OLD] + cells[_RECENT], cells[SURVIVAL]
    threshold, peaks = CELLS, 0.0
    while threshold > 0 and peaks + counts[threshold - 1] <= _PEAKS:
        threshold -= 1
        peaks += counts[threshold]
    total = peaks
    for cell in range(threshold):
        total += counts[cell]
    shape, scale = _tail(counts, threshold, peaks, total)
    limit, fitted, reached = min(threshold, CELLS - 1), peaks + 1.0, peaks
    for cell in range(threshold, CELLS):
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
    numbers[TOTAL], numbers[_LIMIT] = total, limit


@part
def _cell_of(score: float, bound: float) -> int:
    return min(int(score / bound * CELLS), CELLS - 1)


@kernel
def judge(cells: Floats, bound: float, scores: Floats, probabilities: Floats) -> None:
    """Write the probability of each score."""
    for i in range(scores.size):
        cell = _cell_of(scores[i], bound)
        probabilities[i] = cells[SURVIVAL, cell] if scores[i] > 0.0 else 1.0


@part
def _ends_generation(seen: int, memory: int) -> bool:
    """Whether the last fit is the first after a multiple of the memory, or a half, a quarter … of it.

    A forest's first scores are unlike the later ones, so all that came in the first half of its life is forgotten.
    """
    if seen >= memory:
        return seen % memory < _REFIT
    while memory > seen:
        memory //= 2
    return memory >= NEEDED and seen - memory < _REFIT


@part
def _take_in(cells: Floats, is_full: bool) -> None:
    """Count what waits; where this generation is full, begin the next."""
    for cell in range(CELLS):
        cells[_RECENT, cell] += cells[_WAITING, cell]
        cells[_WAITING, cell] = 0.0
        if is_full:
            cells[_OLD, cell] = cells[_RECENT, cell]
            cells[_RECENT, cell] = 0.0


@kernel
def observe(cells: Floats, numbers: Floats, memory: int, bound: float, scores: Floats, probabilities: Floats) -> None:
    """Judge each score, then remember it."""
    waiting, survival = cells[_WAITING], cells[SURVIVAL]
    for i in range(scores.size):
        if scores[i] == 0.0:
            probabilities[i] = 1.0
            continue
        cell = _cell_of(scores[i], bound)
        probabilities[i] = survival[cell]
        is_beyond = cell > numbers[_LIMIT]
        numbers[SHARE] += (int(is_beyond) - numbers[SHARE]) / numbers[TOTAL]
        numbers[CREDIT] = min(1.0, numbers[CREDIT] + _QUOTA / numbers[TOTAL])
        if not is_beyond or numbers[SHARE] > _MINORITY:
            waiting[cell] += 1.0
        elif numbers[CREDIT] == 1.0:
            waiting[cell] += 1.0
            numbers[CREDIT] = 0.0
        numbers[SEEN] += 1.0
        if numbers[SEEN] % _REFIT == 0.0:
            _take_in(cells, _ends_generation(int(numbers[SEEN]), memory))
            if numbers[SEEN] >= NEEDED:
                fit(cells, numbers)
