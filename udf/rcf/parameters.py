"""The parameters of a forest and what they may be."""

import math
from dataclasses import dataclass
from typing import Any

SCORINGS = ("kinesis", "open")
MOST_COORDINATES = 4096


def check_whole(name: str, value: Any, low: int, high: int) -> None:
    """Raise ValueError unless the value is a whole number from low to high."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, got {value!r}")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Checked parameters of a forest; see `RandomCutForest` for what they mean.

    Raises ValueError, naming the parameter, its rule and the value.

    >>> Parameters(dimensions=1, sample_size=10, time_decay=100).decay_rate
    0.01
    >>> Parameters(dimensions=1, num_trees=0)
    Traceback (most recent call last):
        ...
    ValueError: num_trees must be a whole number from 1 to 1000, got 0
    """

    dimensions: int
    num_trees: int = 100
    sample_size: int = 256
    time_decay: int = 100_000
    shingle_size: int = 1
    seed: int = 0
    scoring: str = "kinesis"
    features: tuple[str, ...] = ()
    noise_floor: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_whole("dimensions", self.dimensions, 1, MOST_COORDINATES)
        check_whole("num_trees", self.num_trees, 1, 1000)
        check_whole("sample_size", self.sample_size, 10, 16384)
        check_whole("time_decay", self.time_decay, 1, 2**31 - 1)
        check_whole("shingle_size", self.shingle_size, 1, MOST_COORDINATES // self.dimensions)
        check_whole("seed", self.seed, -(2**63), 2**64 - 1)
        if self.scoring not in SCORINGS:
            raise ValueError(f"scoring must be 'kinesis' or 'open', got {self.scoring!r}")
        names = tuple(self.features)
        if names and (len(set(names)) < len(names) or not all(isinstance(name, str) for name in names)):
            raise ValueError(f"features must be names, each once, got {self.features!r}")
        if names and len(names) != self.dimensions:
            raise ValueError(f"features must be {self.dimensions} names, got {self.features!r}")
        object.__setattr__(self, "features", names)
        object.__setattr__(self, "noise_floor", self._floors())
        for name in ("dimensions", "num_trees", "sample_size", "time_decay", "shingle_size", "seed"):
            object.__setattr__(self, name, int(getattr(self, name)))

    def _floors(self) -> tuple[float, ...]:
        try:
            floors = tuple(float(floor) for floor in self.noise_floor)
        except (TypeError, ValueError):
            floors = (-1.0,)
        if floors and (len(floors) != self.dimensions or not all(0.0 <= floor < math.inf for floor in floors)):
            raise ValueError(f"noise_floor must be {self.dimensions} numbers from 0 on, got {self.noise_floor!r}")
        return floors

    @property
    def coordinates(self) -> int:
        """Coordinates of one point in a tree: the values of a whole shingle."""
        return self.dimensions * self.shingle_size

    @property
    def of_kernels(self) -> int | None:
        """The coordinates as kernels get them: None for one, of which they are compiled apart."""
        return self.coordinates if self.coordinates > 1 else None

    @property
    def decay_rate(self) -> float:
        """λ, per record."""
        return 1.0 / self.time_decay

    def points_in(self, records: int) -> int:
        """Points of the trees that so many records make."""
        return max(0, records - self.shingle_size + 1)
