"""What the forests of a job need: memory, state and time. All figures are about so much."""

from dataclasses import dataclass

from job.measure import Measured
from job.options import Options

PIPELINE_MICROS = 15.0
"""A record's cost around its forest, from source to sink, with one value. From `make bench` on the two slow cores that
this was built on: the whole job took 53,500 records/s, 18.7 µs each, of which 4.2 were the forest's."""

_COUNT_BYTES = 5  # of a key's records in a row of the log, and the separator after its name
_KEY_BYTES = 12
"""A guess, such as sensor-00042."""
_MOST = 1_000_000_000


@dataclass(frozen=True)
class Estimate:
    """The needs of a number of keys, at `rate` records a second if that is known. Raises ValueError out of range."""

    options: Options
    keys: int
    rate: int | None
    measured: Measured

    @property
    def forest_bytes(self) -> int:
        """Memory of one forest."""
        return self.options.one_forest_bytes

    @property
    def workers(self) -> int:
        """Workers that have keys to work on."""
        return min(self.options.parallelism, self.keys)

    @property
    def living(self) -> int:
        """Forests in memory at a time."""
        return min(self.keys, self.workers * (self.options.forest_memory_bytes // self.forest_bytes))

    @property
    def snapshots_bytes(self) -> int:
        """State of all keys, but for its log, which is folded into snapshots when it is as large."""
        return self.keys * self.measured.snapshot_bytes

    @property
    def written_bytes(self) -> int:
        """Written to state for a record: its entry in the log, and as much again when the log is folded."""
        return 2 * self._entry_bytes

    @property
    def state_micros(self) -> float:
        """A record's share of folding the log."""
        return self.measured.snapshot_micros * self._entry_bytes / self.measured.snapshot_bytes

    @property
    def worker_rate(self) -> float:
        """Records a second that one worker scores while the forests it needs are in memory."""
        return 1e6 / (PIPELINE_MICROS + self.measured.record_micros + self.state_micros)

    @property
    def expected_rate(self) -> float:
        """Records a second of all workers, where each has its cores."""
        return self.workers * self.worker_rate

    @property
    def _entry_bytes(self) -> int:
        return _COUNT_BYTES + 8 * len(self.options.values) + (_KEY_BYTES if self.keys > 1 else 0)


def check(keys: int, rate: int | None) -> None:
    """Raise ValueError for numbers that are none of keys, or of records a second."""
    for name, value in (("keys", keys), ("rate", rate)):
        if value is not None and not 1 <= value <= _MOST:
            raise ValueError(f"{name} must be 1 to {_MOST}, got {value}")


def table(told: Estimate) -> str:
    """An estimate for a person to read."""
    sections = {"memory": _memory(told), "state": _state(told), "records a second": _speed(told)}
    width = max(len(name) for rows in sections.values() for name in rows) + 4
    lines = [_title(told)]
    for title, rows in sections.items():
        lines += ["", title, *(f"  {name:{width}}{text}" for name, text in rows.items())]
    return "\n".join(lines)


def _title(told: Estimate) -> str:
    options = told.options
    records = f"{options.sample_size} records of {_counted(len(options.values), 'value')}"
    shingles = f" in shingles of {options.shingle_size}" if options.shingle_size > 1 else ""
    forests = f"{_counted(told.keys, 'forest')} of {options.num_trees} trees × {records}{shingles}"
    return f"{forests}, {_counted(options.parallelism, 'worker')}"


def _memory(told: Estimate) -> dict[str, str]:
    options, waiting = told.options, told.keys - told.living
    shared = f", shared by {options.parallelism}" if options.parallelism > 1 else ""
    limit = "" if options.forest_memory is not None else f" (half of this machine{shared})"
    rows = {
        "one forest": f"about {_size(told.forest_bytes)}",
        "all forests": f"about {_size(told.keys * told.forest_bytes)}",
        "--forest-memory, a worker": f"{_size(options.forest_memory_bytes)}{limit}",
        "in memory at a time": f"about {_number(told.living)}" if waiting else "all",
    }
    if waiting:
        brought_back = f"to bring one back takes about {_micros(told.measured.restore_micros)}"
        rows["waiting in state"] = f"about {_number(waiting)}; {brought_back}"
    return rows


def _state(told: Estimate) -> dict[str, str]:
    about = "about" if told.measured.settled else "at least"
    written, interval = told.written_bytes, told.options.checkpoint_interval
    rows = {
        "one forest": f"{about} {_size(told.measured.snapshot_bytes)}",
        "all forests": f"{about} {_size(told.snapshots_bytes)}, and a log that is at most about as large",
        "written": f"about {written} bytes a record",
    }
    if told.rate is not None:
        a_second = f"about {_size(written * told.rate)} a second"
        rows[f"written at --rate {told.rate}"] = (
            f"{a_second}, {_size(written * told.rate * interval / 1000)} a checkpoint"
        )
    rows["a checkpoint"] = (
        f"every {interval} ms: all state if it is on Flink's heap (the default), in RocksDB what is new"
    )
    return rows


def _speed(told: Estimate) -> dict[str, str]:
    measured = told.measured
    of_keys = " of keys that are in memory" if told.living < told.keys else ""
    rows = {
        "forest": f"about {_micros(measured.record_micros)} a record, measured here on one core",
        "its state": f"about {_micros(told.state_micros)} a record, measured here",
        "pipeline": f"about {_micros(PIPELINE_MICROS)} a record, on the slow machine this was built on",
        "a worker": f"about {_number(told.worker_rate)} records/s{of_keys}",
    }
    if told.workers > 1:
        rows[f"{told.workers} workers"] = (
            f"up to about {_number(told.expected_rate)} records/s, where each has two cores (Flink and Python)"
        )
    elif told.options.parallelism > 1:
        rows["other workers"] = "have nothing to do: a key is scored in one"
    if told.rate is not None:
        share = 100 * told.rate / told.expected_rate
        rows[f"--rate {told.rate}"] = f"about {_number(share)} % of that{'' if share < 100 else ': too much'}"
        rows["of it, for a key"] = f"about {_number(told.rate / told.keys)} a second"
    return rows


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _number(value: float) -> str:
    """Two digits of it count.

    >>> _number(52_345), _number(0.0123), _number(96)
    ('52,000', '0.012', '96')
    """
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def _size(value: float) -> str:
    """Bytes with a unit of a thousand.

    >>> _size(1_312_768), _size(12), _size(999_999)
    ('1.3 MB', '12 bytes', '1 MB')
    """
    rounded = float(f"{value:.2g}")
    for unit, factor in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if rounded >= factor:
            return f"{_number(rounded / factor)} {unit}"
    return f"{_number(rounded)} bytes"


def _micros(value: float) -> str:
    """Microseconds, or a unit of more of them.

    >>> _micros(4.23), _micros(12_300)
    ('4.2 µs', '12 ms')
    """
    for unit, factor in (("s", 1e6), ("ms", 1e3)):
        if value >= factor:
            return f"{_number(value / factor)} {unit}"
    return f"{_number(value)} µs"
