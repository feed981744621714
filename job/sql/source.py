"""The input stream of an application: JSON records by the paths of its schema, and those that are not so."""

from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from job.event_time import event_time, late
from job.options import Options
from job.parse import LARGEST, NUMBER, Field, event_millis, json_path, literal, parse
from job.sql.flink_sql import quoted
from job.sql.schema import Column, InputSchema
from job.sql.types import LARGEST_REAL, WHOLE, SqlType, coercion
from udf.block_type import LATE, RECORDS

REJECTED = "rejected records"
"""The view of the records that are no rows of the input: columns of the error stream, and ROWTIME."""

_BLOCKS, _RECORDS = quoted("blocks of the input"), quoted("records of the input")
"""Views beside those of the streams, whose names an application chooses: they have spaces, as all of ours."""


def open_input(
    t_env: StreamTableEnvironment, options: Options, schema: InputSchema, stream: str, blocks: DataStream
) -> None:
    """Make the views `stream` and `REJECTED` of a source's `udf.block_type.BLOCK_TYPE` rows."""
    t_env.create_temporary_view(_BLOCKS, t_env.from_data_stream(blocks))
    fields = [_field(i, column) for i, column in enumerate(schema.columns)]
    records = t_env.to_data_stream(t_env.sql_query(parse(options, _BLOCKS, fields)))
    t_env.create_temporary_view(_RECORDS, t_env.from_data_stream(records, event_time(options)))
    columns = ", ".join(f"value_{i} AS {quoted(column.name)}" for i, column in enumerate(schema.columns))
    arrival = "CAST(TO_TIMESTAMP_LTZ(arrival, 3) AS TIMESTAMP(3)) AS APPROXIMATE_ARRIVAL_TIME"
    rows = (
        f"SELECT {columns}, rowtime AS ROWTIME, {arrival} FROM {_RECORDS}"
        f" WHERE role = {RECORDS} AND reason IS NULL AND NOT {late(options)}"
    )
    t_env.create_temporary_view(quoted(stream), t_env.sql_query(rows))
    t_env.create_temporary_view(quoted(REJECTED), t_env.sql_query(_rejected(options)))


def _field(i: int, column: Column) -> Field:
    """A column: NULL where the record has nothing there, rejected where it has something else."""
    kind = SqlType.parse(column.sql_type)
    path = json_path(column.mapping)
    text, coerced = f"text_{i}", coercion(f"text_{i}", "VARCHAR", kind)
    value = coerced.value
    if kind.is_text:  # objects and arrays as their JSON
        of_json = coercion(f"JSON_QUERY(json, {path})", "VARCHAR", kind).value
        value = f"CASE WHEN {text} IS NULL THEN {of_json} ELSE {value} END"
        return Field(f"JSON_VALUE(json, {path})", value, f"{text} IS NOT NULL", ())
    if kind.name == "TIMESTAMP":
        value = f"CAST(TO_TIMESTAMP_LTZ({event_millis(text, 'UTC')}, 3) AS TIMESTAMP(3))"
    # A cast to a whole number takes one that is too large, and gives the largest
    is_one = f"NOT {coerced.failed}" if kind.name in WHOLE else f"value_{i} IS NOT NULL"
    if kind.name not in ("BOOLEAN", "DATE", "TIME", "TIMESTAMP", "VARBINARY"):
        is_one += f" AND REGEXP({text}, {literal(NUMBER)})"
    if kind.name in ("REAL", "FLOAT", "DOUBLE"):
        is_one += f" AND ABS(value_{i}) <= {LARGEST_REAL if kind.name == 'REAL' else LARGEST}"
    bad = f"CASE WHEN {text} IS NULL THEN JSON_EXISTS(json, {path}) ELSE NOT ({is_one}) END"
    return Field(
        f"JSON_VALUE(json, {path})", value, f"{text} IS NOT NULL AND {is_one}", ((bad, _reason(column, kind)),)
    )


def _reason(column: Column, kind: SqlType) -> str:
    return f"{column.name} is not {'an' if kind.name[0] in 'AEIOU' else 'a'} {kind}"


def _rejected(options: Options) -> str:
    """The rows of `REJECTED`. Their ROWTIME is where the stream was when they came: their own may be none, or too late.

    DATA_ROW is the record's bytes in hexadecimal; where they are not UTF-8, the bytes of its text in ISO 8859-1.
    """
    text = "DECODE(document, 'UTF-8')"
    whole = f"ENCODE({text}, 'UTF-8') = document"
    is_late = "reason IS NULL"
    now = "COALESCE(CURRENT_WATERMARK(rowtime) + INTERVAL '0.001' SECOND(1, 3), TO_TIMESTAMP_LTZ(0, 3))"
    return (
        "SELECT CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3)) AS ERROR_TIME, 'ERROR' AS ERROR_LEVEL,"
        f" CASE WHEN {is_late} THEN 'LATE' ELSE 'PARSE' END AS ERROR_NAME,"
        " COALESCE(reason, 'late: its second was closed') AS MESSAGE,"
        " CAST(TO_TIMESTAMP_LTZ(COALESCE(millis, arrival), 3) AS TIMESTAMP(3)) AS DATA_ROWTIME,"
        f" CASE WHEN {whole} THEN HEX({text}) ELSE HEX(DECODE(document, 'ISO-8859-1')) END AS DATA_ROW,"
        f" CAST(NULL AS STRING) AS PUMP_NAME, {now} AS ROWTIME FROM {_RECORDS}"
        f" WHERE role IN ({RECORDS}, {LATE}) AND (reason IS NOT NULL OR {late(options)})"
    )
