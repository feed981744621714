"""Rows of any columns through a Python function and back: what it does not need passes as text."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyflink.common import Types
from pyflink.datastream import KeyedProcessFunction
from pyflink.table import Schema, StreamTableEnvironment, Table

from job.event_time import carried_time
from job.keyed import key_by_first
from job.parse import LARGEST
from job.seconds import SEPARATOR_LITERAL, group_of
from job.sql.flink_sql import interval, quoted
from job.sql.names import ROWTIME
from udf.scored_lines import SCORED_TYPE
from udf.second import second_row_type
from udf.table_forest import COLUMN_SEPARATOR

_COLUMNS = f"U&'\\{ord(COLUMN_SEPARATOR):04X}'"
_TEXT = ("CHAR", "VARCHAR")
_BYTES = ("BINARY", "VARBINARY")
_AS_TEXT = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE"),
    *("TIME_WITHOUT_TIME_ZONE", "TIMESTAMP_WITHOUT_TIME_ZONE", "TIMESTAMP_WITH_LOCAL_TIME_ZONE"),
)


@dataclass(frozen=True)
class TableColumn:
    """A column of a Flink table: its type's root (`VARCHAR`) and the whole type as SQL has it (`VARCHAR(16)`)."""

    name: str
    root: str
    type: str


def columns_of(table: Table) -> list[TableColumn]:
    """The columns of a table, in their order."""
    found = []
    for column in table._j_table.getResolvedSchema().getColumns():
        logical = column.getDataType().getLogicalType()
        root = logical.getTypeRoot().name()
        found.append(TableColumn(column.getName(), root, logical.copy(True).asSerializableString()))
    return found


def streamed(t_env: StreamTableEnvironment, table: Table) -> Table:
    """The rows of `table`, computed once however often they are read; its ROWTIME is a time attribute thereafter.

    Flink plans what reads a view each time anew. ROWTIME must not be behind the watermark, whatever it was made of.
    """
    stream = t_env.to_data_stream(table)
    return t_env.from_data_stream(stream, Schema.new_builder().watermark(ROWTIME, "SOURCE_WATERMARK()").build())


def through_python(
    t_env: StreamTableEnvironment,
    table: Table,
    values: Sequence[str],
    keys: Sequence[str],
    function: KeyedProcessFunction,
    added: Mapping[str, str],
    name: str,
    null_is_key: bool = False,
) -> Table:
    """All columns of `table`, those that `function` has `added` (name to type), and ROWTIME, a time attribute.

    The function takes `udf.second.second_row_type` rows, a row a second and group of the values of `keys`, with the
    numeric columns `values`; it yields for each one text: rows, and in them ROWTIME in epoch milliseconds, what is
    added (numbers, and texts as JSON), and the row as it was, with `SEPARATOR` and `COLUMN_SEPARATOR` between them. A
    row with a value that is NULL, NaN or infinite, or a key that is NULL or has `SEPARATOR` in it, passes it by; what
    is added to it is NULL. name: of the function's state. null_is_key: no row passes it by for its keys, which are
    then as in the text of a row, empty for NULL.

    Raises ValueError for columns that have no text.
    """
    columns = columns_of(table)
    for column in columns:
        if column.root not in (*_TEXT, *_BYTES, *_AS_TEXT):
            raise ValueError(f"table must have columns of simple types, got {column.name} of {column.type}")
    rows = _view(t_env, table)
    good = [f"COALESCE(ABS({quoted(v)}) <= {LARGEST}, FALSE)" for v in values] + [
        f"({quoted(k)} IS NOT NULL AND POSITION({SEPARATOR_LITERAL} IN CAST({quoted(k)} AS STRING)) = 0)"
        for k in ([] if null_is_key else keys)
    ]
    taken = " AND ".join(good) or "TRUE"
    row_type = second_row_type(len(values))
    seconds = _windows(f"SELECT * FROM {rows} WHERE {taken}", columns, values, _key(columns, keys, null_is_key))
    yielded = (
        key_by_first(t_env, seconds, Types.ROW([Types.INT(), row_type, Types.INSTANT()]), row_type)
        .process(function, output_type=SCORED_TYPE)
        .name(name)
        .uid(name)
    )
    texts = _view(t_env, t_env.from_data_stream(yielded, carried_time()))
    kept = [column for column in columns if column.name != ROWTIME]
    read = _read(texts, kept, added)
    if not good:
        return streamed(t_env, t_env.sql_query(read))
    names = ", ".join(quoted(column.name) for column in kept)
    nulls = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(column)}" for column, kind in added.items())
    untouched = f"SELECT {names}, {nulls}, CAST(ROWTIME AS TIMESTAMP_LTZ(3)) AS ROWTIME FROM {rows} WHERE NOT ({taken})"
    return streamed(t_env, t_env.sql_query(f"{read} UNION ALL {untouched}"))


def _key(columns: Sequence[TableColumn], names: Sequence[str], null_is_key: bool) -> str | None:
    """The text of the columns that are a row's key."""
    keys = [column for name in names for column in columns if column.name == name]
    if len(keys) == 1 and not null_is_key:
        return f"CAST({quoted(keys[0].name)} AS STRING)"
    return _joined(keys) or None


def _windows(rows: str, columns: Sequence[TableColumn], values: Sequence[str], key: str | None) -> str:
    """One row a key group and second: key group, `second_row_type`, and its time."""
    text = _joined([column for column in columns if column.name != ROWTIME])
    keys = f"ARRAY_JOIN(ARRAY_AGG(key_), {SEPARATOR_LITERAL})" if key else "CAST(NULL AS STRING)"
    group = group_of("key_") if key else "0"
    doubles = {f"value_{i}": f"CAST({quoted(value)} AS DOUBLE)" for i, value in enumerate(values)}
    arrays = "".join(f" ARRAY_AGG({name}) AS {name}," for name in doubles)
    millis = "EXTRACT(EPOCH FROM ROWTIME) * 1000 + EXTRACT(MILLISECOND FROM ROWTIME)"
    good = (
        f"SELECT {millis} AS millis, {text} AS text_, {key or 'CAST(NULL AS STRING)'} AS key_, ROWTIME"
        f"{''.join(f', {value} AS {name}' for name, value in doubles.items())} FROM ({rows})"
    )
    return (
        f"SELECT key_group, ROW({', '.join(['key_group', 'times', 'texts', 'keys_', *doubles])}), rowtime_ FROM ("
        f"SELECT key_group, ARRAY_AGG(millis) AS times, ARRAY_JOIN(ARRAY_AGG(text_), {SEPARATOR_LITERAL}) AS texts,"
        f" {keys} AS keys_,{arrays}"
        f" window_time AS rowtime_ FROM TABLE(TUMBLE((SELECT *, {group} AS key_group FROM ({good})),"
        f" DESCRIPTOR(ROWTIME), {interval(1000)})) GROUP BY key_group, window_start, window_end, window_time)"
    )


def _read(texts: str, columns: Sequence[TableColumn], added: Mapping[str, str]) -> str:
    """The query from what a function yields to the columns it was made of."""
    told = [*added.items()]
    fields = [
        f"{_from_text(column, f'field[{2 + len(told) + i}]')} AS {quoted(column.name)}"
        for i, column in enumerate(columns)
    ]
    for i, (name, kind) in enumerate(told):
        value = f"JSON_VALUE(field[{2 + i}], '$')" if kind == "STRING" else f"CAST(field[{2 + i}] AS {kind})"
        fields.append(f"{value} AS {quoted(name)}")
    fields.append("TO_TIMESTAMP_LTZ(CAST(field[1] AS BIGINT), 3) AS ROWTIME")
    # Through the UNNEST of one row, so that a line is split once and not for each column
    return (
        f"SELECT {', '.join(fields)} FROM {texts} CROSS JOIN UNNEST(SPLIT(`lines`, {SEPARATOR_LITERAL})) AS l(line)"
        f" CROSS JOIN UNNEST(ARRAY[ROW(SPLIT(line, {_COLUMNS}))]) AS f(field)"
    )


def _joined(columns: Sequence[TableColumn]) -> str:
    """The values of some columns as one text."""
    return f" || {_COLUMNS} || ".join(map(_written, columns))


def _written(column: TableColumn) -> str:
    """A value as text without separators, empty for NULL."""
    name = quoted(column.name)
    if column.root in _TEXT:
        return f"COALESCE(JSON_STRING({name}), '')"
    if column.root in _BYTES:
        return f"COALESCE(JSON_STRING(DECODE({name}, 'ISO-8859-1')), '')"
    return f"COALESCE(CAST({name} AS STRING), '')"


def _from_text(column: TableColumn, text: str) -> str:
    """The value that `_written` has written."""
    if column.root in _TEXT:
        return f"CAST(JSON_VALUE({text}, '$') AS {column.type})"
    if column.root in _BYTES:
        return f"CAST(ENCODE(JSON_VALUE({text}, '$'), 'ISO-8859-1') AS {column.type})"
    # TRY_CAST, since Flink writes years that it does not read: those before 1 become NULL, and no job ends of them
    return f"TRY_CAST(NULLIF({text}, '') AS {column.type})"


def _view(t_env: StreamTableEnvironment, table: Table) -> str:
    """The name, in Flink, of a view of a table."""
    name = f"view_{uuid.uuid4().hex}"
    t_env.create_temporary_view(name, table)
    return name
