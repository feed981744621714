"""What a run of the job is told, and the ranges it must be in."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from job.machine import memory_bytes
from job.uris import SINKS, Uri, parse_uri
from udf.members import added
from udf.share_keys import MOST_SHARES

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_LARGEST_TIME_DECAY = 2_147_483_647
_LONGEST = 100 * 365 * 86_400_000
MOST_VALUES = 30
_FIXED = (
    "source",
    "values",
    "key",
    "num_trees",
    "sample_size",
    "time_decay",
    "shingle_size",
    "seed",
    "every",
    "shards",
)


def duration(name: str, text: str) -> int:
    """Milliseconds of a duration such as 100ms, 1s, 5m, 1h or 1d.

    >>> duration("every", "1.5s")
    1500
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if match is None:
        raise ValueError(f"{name} must be a duration such as 100ms, 1s or 5m, got {text!r}")
    return round(float(match[1]) * _UNITS[match[2]])


def size(name: str, text: str) -> int:
    """Bytes of a size such as 512MB, 1.5GB or 2TB; a KB is 1000 bytes.

    >>> size("forest_memory", "1.5GB")
    1500000000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]B)", text)
    if match is None:
        raise ValueError(f"{name} must be a size such as 512MB or 2GB, got {text!r}")
    return round(float(match[1]) * _SIZES[match[2]])


@dataclass(frozen=True)
class Options:
    """One run of the job. Times are in milliseconds, `forest_memory` in bytes, of one worker.

    Raises ValueError where a value is out of its range.
    """

    source: Uri
    sink: Uri
    errors: Uri
    values: tuple[str, ...] = ("volume",)
    key: str | None = None
    time: str = "event_time"
    time_zone: str = "UTC"
    num_trees: int = 100
    sample_size: int = 256
    time_decay: int = 100_000
    shingle_size: int = 1
    seed: int = 0
    every: int = 1000
    max_delay: int | None = None
    max_ahead: int = 86_400_000
    quiet: int | None = None
    parallelism: int = 1
    shards: int = 1
    grade: bool = False
    explanation: bool = False
    bounded: bool = False
    state: Path | None = None
    checkpoint_interval: int = 500
    cluster: str | None = None
    jars: tuple[Path, ...] = ()
    requirements: Path | None = None
    forest_memory: int | None = None
    key_ttl: int | None = None
    fresh: bool = False

    @classmethod
    def without_ends(cls, **told: Any) -> "Options":
        """The options of forests alone, of a job that reads and writes nothing."""
        nowhere = Uri("print")
        return cls(nowhere, nowhere, nowhere, **told)

    def __post_init__(self) -> None:
        # Sorted, so that scores do not depend on the order in which fields were told
        object.__setattr__(self, "values", tuple(sorted(self.values)))
        _range("num_trees", self.num_trees, 1, 1000)
        _range("sample_size", self.sample_size, 10, 16384)
        _range("time_decay", self.time_decay, 1, _LARGEST_TIME_DECAY)
        if self.sample_size >= self.time_decay:
            raise ValueError(f"sample_size must be below time_decay, got {self.sample_size} and {self.time_decay}")
        _range("shingle_size", self.shingle_size, 1, 30)
        _range("seed", self.seed, -(2**63), 2**63 - 1)
        _range("every", self.every, 10, 3_600_000)
        _range("quiet", self.quiet_millis, 100, 86_400_000)
        _range("max_ahead", self.max_ahead, 0, _LONGEST)
        if self.max_delay is not None:
            _range("max_delay", self.max_delay, 0, _LONGEST)
        _range("parallelism", self.parallelism, 1, 128)
        _range("shards", self.shards, 1, min(self.num_trees, MOST_SHARES))
        if self.shards > 1 and (self.grade or self.explanation):
            raise ValueError(f"shards must be 1 with grade or explanation, got {self.shards}")
        _range("checkpoint_interval", self.checkpoint_interval, 10, 3_600_000)
        if self.cluster is not None and not re.fullmatch(r"[^/@:\s]+:\d{1,5}", self.cluster):
            raise ValueError(f"cluster must be HOST:PORT of a JobManager's REST interface, got {self.cluster!r}")
        if not 1 <= len(self.values) <= MOST_VALUES:
            raise ValueError(f"value must be given 1 to {MOST_VALUES} times, got {len(self.values)}")
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"value must not name a field twice, got {' '.join(self.values)}")
        for name, text in [("value", v) for v in self.values] + [("key", self.key), ("time", self.time)]:
            if text == "":
                raise ValueError(f"{name} must be the name of a field, got ''")
            if text in self.added:
                raise ValueError(f"{name} must not be {' or '.join(self.added)}, got {text!r}")
        self._check_state()
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"time_zone must be a name such as UTC or Europe/Berlin, got {self.time_zone!r}"
            ) from error

    def _check_state(self) -> None:
        if self.key_ttl is not None:
            if self.key is None:
                raise ValueError("key must be given with key_ttl, got none")
            if not self.every <= self.key_ttl <= _LONGEST:
                raise ValueError(f"key_ttl must be every ({self.every}) to {_LONGEST}, got {self.key_ttl}")
        if self.fresh and self.state is None:
            raise ValueError("state must be given with fresh, got none")
        if self.forest_memory is not None and self.forest_memory < self.one_forest_bytes:
            raise ValueError(
                f"forest_memory must be at least that of one forest, {self.one_forest_bytes}, got {self.forest_memory}"
            )

    @property
    def added(self) -> tuple[str, ...]:
        """The members that scored records have beside their own."""
        return added(grade=self.grade, explanation=self.explanation)

    @property
    def ends(self) -> dict[str, Uri]:
        """Where records come from and results go, by the name of the option."""
        return {"source": self.source, "sink": self.sink, "errors": self.errors}

    @property
    def fixed(self) -> dict[str, Any]:
        """What state depends on, by the name of the option: a forest continues only as the forest it is."""
        return {name: getattr(self, name) for name in _FIXED}

    @property
    def quiet_millis(self) -> int:
        """As told. A broker that restarts, or a shard that splits, is silent for some seconds, a file is not."""
        return self.quiet if self.quiet is not None else 1000 if self.source.broker is None else 5000

    @property
    def delay(self) -> int:
        """`max_delay`, or what it is where it was not told. Producers that share a partition are never in step."""
        return self.max_delay if self.max_delay is not None else 0 if self.source.broker is None else 1000

    @property
    def records_move_time(self) -> bool:
        """False where the watermark waits for the end of the input, so that nothing in it is late."""
        return not self.bounded or self.max_delay is not None

    @property
    def one_forest_bytes(self) -> int:
        """Memory of one forest, in bytes."""
        from udf.rcf import Calibration, RandomCutForest  # noqa: PLC0415 - half a second to import, for options that few give

        forest = RandomCutForest.estimate_bytes(
            len(self.values), self.num_trees, self.sample_size, shingle_size=self.shingle_size
        )
        return forest + (Calibration.BYTES if self.grade else 0)

    @property
    def forest_memory_bytes(self) -> int:
        """`forest_memory`, or its default: a share for each worker of half the memory of this machine.

        It is never less than one forest, without which nothing is scored.
        """
        if self.forest_memory is not None:
            return self.forest_memory
        return max(memory_bytes() // 2 // self.parallelism, self.one_forest_bytes)

    @property
    def forest(self) -> dict[str, Any]:
        """The arguments of `udf.rcf.RandomCutForest`."""
        return {
            "dimensions": len(self.values),
            "num_trees": self.num_trees,
            "sample_size": self.sample_size,
            "time_decay": self.time_decay,
            "shingle_size": self.shingle_size,
            "seed": self.seed,
        }


def errors_uri(text: str | None, sink: Uri) -> Uri:
    """Where errors go: as told, or beside the scores."""
    if text is not None:
        return parse_uri("errors", text, SINKS)
    if sink.broker is not None:
        raise ValueError(f"errors must be given, since the sink is {sink}: for instance --errors print:")
    return Uri("print") if sink.path is None else Uri("file", sink.path.with_name(sink.path.name + "-errors"))


def _range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be {low} to {high}, got {value}")
