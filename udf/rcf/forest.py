"""The public face of the numeric core."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import snapshot
from .arrays import Floats
from .attribution import as_given, as_next, attribution
from .batch import clean, hold_still, run
from .expectation import expected, smallest_change
from .explaining import run_explained
from .explanation import explanations
from .layout import layout_of
from .parameters import Parameters
from .scoring import normalizer, score_table

_LARGEST = 1e300
_CHUNK = 1024
_KINDS: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # one object for equal kinds, of which a batch compares thousands
_OBJECT_BYTES = 1024  # of the Python objects around the arrays


class RandomCutForest:
    """Anomaly scores of a stream by a robust random cut forest: score first, then learn.

    dimensions: values of a record. num_trees: 1–1000. sample_size: points a tree keeps, 10–16384. time_decay:
    the number of points after which the weight of one has fallen to 1/e. shingle_size: how
    many consecutive records make one point; dimensions * shingle_size is at most 4096. seed: any 64-bit
    integer, signed or not. scoring: "kinesis" scores as Amazon's hosted function does, "open" as its open
    library does; they differ on repeated values (see `udf.rcf.scoring`). features: the names of the columns of
    records; with names, scores do not depend on the order of the columns. noise_floor: for each column, how far a
    value may be from the one before and still count as the same, so that a stream that stands still but for the noise
    of its sensor is a constant one.

    Scores are 0 until sample_size points have been learned, then above 0 and at most log2(sample_size), or
    log2(sample_size + 1) for "open"; higher is more anomalous. A forest is a function of its parameters and
    its records: how they are split into batches does not matter. Magnitudes above 1e300 count as 1e300.

    Raises ValueError for a parameter or points out of range; refused points leave the forest unchanged.

    >>> forest = RandomCutForest(dimensions=1, num_trees=50, sample_size=64, time_decay=1000, seed=7)
    >>> quiet = np.random.default_rng(7).normal(size=(500, 1))
    >>> scores = forest.score_and_learn(quiet)
    >>> bool((scores[:64] == 0).all()), bool(forest.score(np.array([[9.0]]))[0] > scores.max())
    (True, True)

    Source: Guha, Mishra, Roy, Schrijvers, "Robust Random Cut Forest Based Anomaly Detection on Streams",
    ICML 2016.
    """

    __slots__ = (
        "_floors",
        "_held",
        "_kernel_arguments",
        "_kind",
        "_order",
        "_parameters",
        "_recent",
        "_records_seen",
        "_scale",
        "_trees",
    )

    def __init__(
        self,
        dimensions: int,
        num_trees: int = 100,
        sample_size: int = 256,
        time_decay: int = 100_000,
        shingle_size: int = 1,
        seed: int = 0,
        scoring: str = "kinesis",
        features: Sequence[str] = (),
        noise_floor: Sequence[float] = (),
    ) -> None:
        parameters = Parameters(
            dimensions,
            num_trees,
            sample_size,
            time_decay,
            shingle_size,
            seed,
            scoring,
            tuple(features),
            tuple(noise_floor),
        )
        trees = layout_of(parameters).empty_blocks(parameters)
        nothing, unknown = np.empty((0, parameters.dimensions)), np.full(parameters.dimensions, np.nan)
        self._hold(parameters, 0, nothing, unknown, trees)

    def _hold(
        self,
        parameters: Parameters,
        records_seen: int,
        recent: Floats,
        held: Floats,
        trees: Floats,
    ) -> None:
        self._parameters, self._records_seen = parameters, records_seen
        self._recent, self._held, self._trees = recent, held, trees
        self._kernel_arguments = (
            trees.ctypes.data,
            parameters.num_trees,
            parameters.sample_size,
            parameters.of_kernels,
            np.uint64(parameters.seed % 2**64),
            parameters.decay_rate,
            score_table(parameters.scoring, parameters.sample_size),
        )
        # Inside, columns are in the order of their names: random numbers and sums then know them by name
        self._order = np.argsort(np.array(parameters.features, dtype=object)) if parameters.features else None
        floors = np.array(parameters.noise_floor or (0.0,) * parameters.dimensions)
        self._floors = floors if self._order is None else floors[self._order]
        kind = parameters.dimensions, *self._kernel_arguments[1:4], parameters.decay_rate, parameters.scoring
        self._kind = _KINDS.setdefault(kind, kind)
        self._scale = normalizer(parameters.scoring, parameters.sample_size) / parameters.num_trees

    @property
    def dimensions(self) -> int:
        return self._parameters.dimensions

    @property
    def num_trees(self) -> int:
        return self._parameters.num_trees

    @property
    def sample_size(self) -> int:
        return self._parameters.sample_size

    @property
    def time_decay(self) -> int:
        return self._parameters.time_decay

    @property
    def shingle_size(self) -> int:
        return self._parameters.shingle_size

    @property
    def seed(self) -> int:
        return self._parameters.seed

    @property
    def scoring(self) -> str:
        return self._parameters.scoring

    @property
    def features(self) -> tuple[str, ...]:
        return self._parameters.features

    @property
    def noise_floor(self) -> tuple[float, ...]:
        return self._parameters.noise_floor

    @property
    def records_seen(self) -> int:
        """Records learned so far."""
        return self._records_seen

    @property
    def memory_bytes(self) -> int:
        """Bytes of the arrays this forest holds."""
        return self._trees.nbytes + self._recent.nbytes

    @classmethod
    def estimate_bytes(
        cls, dimensions: int, num_trees: int = 100, sample_size: int = 256, *, shingle_size: int = 1
    ) -> int:
        """Memory that a forest of these parameters takes from its first record on, however many it learns.

        >>> RandomCutForest.estimate_bytes(dimensions=1, num_trees=100, sample_size=10)
        65024
        """
        parameters = Parameters(dimensions, num_trees, sample_size, shingle_size=shingle_size)
        recent = 8 * dimensions * (shingle_size - 1)
        return int(8 * num_trees * layout_of(parameters).words(parameters) + recent + _OBJECT_BYTES)

    def score_and_learn(self, points: npt.ArrayLike) -> Floats:
        """Score each record against those before it, then learn it: (n, dimensions) → (n,), float64."""
        records = self._checked(points)
        scores = np.zeros(len(records))
        for begin in range(0, len(records), _CHUNK):
            self._take(records[begin : begin + _CHUNK], scores[begin : begin + _CHUNK])
        return scores

    def attribute_and_learn(self, points: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
        """`score_and_learn`, and what each score comes from: scores, (n,), bit for bit the same, and low and high.

        Low and high, (n, dimensions * shingle_size), are those of `attribution`, each against the records before.
        """
        records = self._checked(points)
        scores, (low, high) = np.zeros(len(records)), np.zeros((2, len(records), self._parameters.coordinates))
        for begin in range(0, len(records), _CHUNK):
            chunk = slice(begin, begin + _CHUNK)
            self._take(records[chunk], scores[chunk], low[chunk], high[chunk])
        return scores, as_given(self, low), as_given(self, high)

    def learn(self, points: npt.ArrayLike) -> None:
        """Learn records, (n, dimensions) float64; the forest is then as after score_and_learn."""
        records = self._checked(points)
        for begin in range(0, len(records), _CHUNK):
            self._take(records[begin : begin + _CHUNK], np.empty(0))

    def score(self, points: npt.ArrayLike) -> Floats:
        """The score of each record were it the next: (n, dimensions) → (n,), float64; changes nothing."""
        records = self._next(points)
        scores = np.zeros(len(records))
        if self._points_learned < self.sample_size:
            return scores
        self._run(as_next(self, records), self._parameters.coordinates, scores, learned=False)
        return scores

    def attribution(self, points: npt.ArrayLike) -> tuple[Floats, Floats]:
        """By coordinate and side, what each record's score comes from: see `udf.rcf.attribution.attribution`."""
        return attribution(self, points)

    def explain(self, points: npt.ArrayLike) -> list[str]:
        """The attribution of each record as text, in the form of Kinesis: see `udf.rcf.explanation.explanations`.

        Without names of features they are called by their numbers, from 0 on.
        """
        names = self.features or tuple(map(str, range(self.dimensions)))
        return explanations(*attribution(self, points), names, self.shingle_size)

    def expected(self, points: npt.ArrayLike) -> Floats:
        """What would have been normal in place of each record: see `udf.rcf.expectation.expected`."""
        return expected(self, points)

    def smallest_change(self, points: npt.ArrayLike, level: float | None = None) -> Floats:
        """How little of each record would have to change: see `udf.rcf.expectation.smallest_change`."""
        return smallest_change(self, points, level)

    def to_bytes(self) -> bytes:
        """The whole state; `from_bytes` gives a forest that continues bit for bit as this one would."""
        return snapshot.pack(self._parameters, self._records_seen, self._recent, self._held, self._trees)

    @classmethod
    def from_bytes(cls, data: bytes) -> "RandomCutForest":
        """Restore a forest. Raises ValueError for bytes that are damaged or of a newer version."""
        forest = cls.__new__(cls)
        forest._hold(*snapshot.unpack(data))
        return forest

    @property
    def _points_learned(self) -> int:
        return self._parameters.points_in(self._records_seen)

    def _checked(self, points: npt.ArrayLike) -> Floats:
        """A contiguous float64 copy of the records, without negative zeros and with bounded magnitudes."""
        try:
            records = np.array(points, dtype=np.float64, order="C")
        except (TypeError, ValueError) as error:
            raise ValueError(f"points must be numbers, got {points!r}") from error
        if records.ndim != 2 or records.shape[1] != self.dimensions:
            raise ValueError(f"points must be of shape (n, {self.dimensions}), got {records.shape!r}")
        if self._order is not None:
            records = np.ascontiguousarray(records[:, self._order])
        if not clean(records.reshape(-1), _LARGEST):
            first = float(records[~np.isfinite(records)][0])
            raise ValueError(f"points must be finite, got {first!r}")
        return records

    def _next(self, points: npt.ArrayLike) -> Floats:
        """Checked records, each as the next."""
        records = self._checked(points)
        return np.where(np.abs(records - self._held) < self._floors, self._held, records)

    def _take(self, records: Floats, scores: Floats, *sides: Floats) -> None:
        """Learn a chunk; write its scores into `scores` unless that is empty, and attributions into `sides`."""
        if self._parameters.noise_floor:
            hold_still(records, self._held, self._floors)
        series = records
        if self.shingle_size > 1:
            series = np.concatenate((self._recent, records))
            self._recent = series[-(self.shingle_size - 1) :].copy()
        points = len(series) - self.shingle_size + 1
        if points > 0:
            results = [result[len(result) - points :] if len(result) else result for result in (scores, *sides)]
            self._run(series, self.dimensions, *results, learned=True)
        self._records_seen += len(records)

    def _run(self, series: Floats, step: int, scores: Floats, *sides: Floats, learned: bool) -> None:
        """The kernel, over points of the trees, which begin every `step` values of `series`."""
        first, points = self._points_learned, (series.size - self._parameters.coordinates) // step + 1
        if sides:
            run_explained(*self._kernel_arguments, first, first + points, series.reshape(-1), step, scores, *sides)
        else:
            run(*self._kernel_arguments, first, first + points, learned, series.reshape(-1), step, scores)
        for sums in (scores, *sides):
            np.multiply(sums, self._scale, out=sums)
