"""The functions of the service over Flink tables, for jobs and notebooks; SQL applications use them too."""

from collections.abc import Sequence
from typing import Any

from pyflink.table import StreamTableEnvironment, Table

from job.kernels import compile_forest, compile_hotspots
from job.machine import memory_bytes
from job.options import MOST_VALUES
from job.sql.names import ROWTIME
from job.sql.rows import TableColumn, columns_of, through_python
from job.sql.types import NUMBERS
from udf.table_forest import TableForestFunction
from udf.table_hotspots import TableHotspotsFunction
from udf.table_stagger import TableStaggerFunction

_LONGEST = 999 * 86_400_000
"""Milliseconds of the longest window, as Flink's own: an interval there has three digits of days."""


def random_cut_forest(
    t_env: StreamTableEnvironment,
    table: Table,
    *,
    values: Sequence[str] | None = None,
    partition_by: Sequence[str] = (),
    num_trees: int = 100,
    sample_size: int = 256,
    time_decay: int = 100_000,
    shingle_size: int = 1,
    seed: int = 0,
    explain: bool = False,
    directions: bool = True,
    memory: int | None = None,
    name: str = "random-cut-forest",
) -> Table:
    """Scores the rows of `table`, whose time attribute is called ROWTIME, against those before them.

    Returns all its columns, ANOMALY_SCORE (DOUBLE), with `explain` ANOMALY_EXPLANATION (STRING, the service's JSON),
    and ROWTIME last, a time attribute. A second's rows come when it is over. values: the numeric columns that are
    scored together, 1 to 30; all but the keys unless told. partition_by: columns of which each combination of values
    has a forest of its own. A row with a value that is NULL, NaN or infinite, or a key that is NULL or has U+001E in
    it, has the score NULL and is not learned. memory: bytes that living forests may take in a worker, by default half
    of the machine's. name: of the state; of two forests in a job each has its own. The rest is as in
    `udf.rcf.RandomCutForest`.

    Raises:
        ValueError: there is no such column, or a parameter is out of its range.
    """
    values = _values(columns_of(table), values, partition_by)
    parameters = {
        "dimensions": len(values),
        "num_trees": num_trees,
        "sample_size": sample_size,
        "time_decay": time_decay,
        "shingle_size": shingle_size,
        "seed": seed,
        "features": tuple(values),
    }
    compile_forest(parameters, explained=explain)
    function = TableForestFunction(parameters, 1000, memory or memory_bytes() // 2, tuple(values) * explain, directions)
    added = {"ANOMALY_SCORE": "DOUBLE"} | ({"ANOMALY_EXPLANATION": "STRING"} if explain else {})
    return through_python(t_env, table, values, partition_by, function, added, name)


def hotspots(
    t_env: StreamTableEnvironment,
    table: Table,
    *,
    values: Sequence[str] | None = None,
    partition_by: Sequence[str] = (),
    window_size: int,
    scan_radius: float,
    min_points: int,
    memory: int | None = None,
    name: str = "hotspots",
) -> Table:
    """The dense regions among the last `window_size` rows of `table`, after each of its rows.

    Returns all its columns, HOTSPOTS_RESULT (STRING, the service's JSON), and ROWTIME last, a time attribute. values,
    partition_by, memory, name and rows with NULL are as in `random_cut_forest`; the rest as in `udf.hotspots.Hotspots`.

    Raises:
        ValueError: there is no such column, or a parameter is out of its range.
    """
    values = _values(columns_of(table), values, partition_by)
    parameters: dict[str, Any] = {
        "dimensions": len(values),
        "window_size": window_size,
        "scan_radius": scan_radius,
        "min_points": min_points,
    }
    compile_hotspots(parameters)
    function = TableHotspotsFunction(parameters, 1000, memory or memory_bytes() // 2)
    return through_python(t_env, table, values, partition_by, function, {"HOTSPOTS_RESULT": "STRING"}, name)


def stagger_windows(
    t_env: StreamTableEnvironment,
    table: Table,
    *,
    partition_by: Sequence[str],
    length: int,
    name: str = "stagger-windows",
) -> Table:
    """The rows of `table` with the last millisecond of their window as ROWTIME, by which they can be grouped.

    Each combination of values of the columns `partition_by` has windows of its own, NULL like any other value: its
    first row opens one of `length` milliseconds, the first row after that the next. A second's rows come when it is
    over; no watermark of `table` may divide a second, or rows whose window ends within it would be late. name: of the
    state; two in a job need their own.

    Raises:
        ValueError: there is no such column, or a parameter is out of its range.
    """
    _roots(columns_of(table), partition_by)
    if not partition_by:
        raise ValueError("partition_by must be at least one column, got none")
    if not 1 <= length <= _LONGEST:
        raise ValueError(f"length must be 1 to {_LONGEST} milliseconds, got {length!r}")
    return through_python(
        t_env, table, (), partition_by, TableStaggerFunction(length, 1000), {}, name, null_is_key=True
    )


def _roots(columns: Sequence[TableColumn], keys: Sequence[str]) -> dict[str, str]:
    """The type roots of columns, by name."""
    roots = {column.name: column.root for column in columns}
    if roots.get(ROWTIME) != "TIMESTAMP_WITH_LOCAL_TIME_ZONE":
        raise ValueError(f"table must have a time attribute ROWTIME of type TIMESTAMP_LTZ(3), got {roots.get(ROWTIME)}")
    for key in keys:
        if key not in roots or key == ROWTIME:
            raise ValueError(f"partition_by must be columns of the table, got {key!r}")
    return roots


def _values(columns: Sequence[TableColumn], told: Sequence[str] | None, keys: Sequence[str]) -> list[str]:
    roots = _roots(columns, keys)
    values = list(told) if told is not None else [n for n, root in roots.items() if root in NUMBERS and n not in keys]
    for value in values:
        if roots.get(value) not in NUMBERS:
            raise ValueError(f"values must be numeric columns (not DECIMAL), got {value!r} of {roots.get(value)}")
    if not 1 <= len(values) <= MOST_VALUES or len(set(values)) < len(values):
        raise ValueError(f"values must be 1 to {MOST_VALUES} numeric columns, each once, got {', '.join(values) or 0}")
    return values
