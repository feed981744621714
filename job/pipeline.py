"""The way of a record: source, parse, score, sort, sink. One statement set, one job; the two ends are given to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyflink.datastream import DataStream
from pyflink.table import DataTypes, StreamTableEnvironment, Table
from pyflink.table.types import _to_java_data_type

from job.event_time import carried_time, event_time, late, second
from job.forests import score
from job.options import Options
from job.parse import features, parse
from job.seconds import SEPARATOR_LITERAL
from udf.block_type import LATE, RECORDS
from udf.scored_lines import RANK_DIGITS


@dataclass(frozen=True)
class Results:
    """What leaves the job, each a stream of JSON texts: `scores` by second ascending, score descending."""

    scores: DataStream
    errors: DataStream


def build(
    t_env: StreamTableEnvironment, options: Options, blocks: DataStream, imports: Mapping[str, tuple[str, bytes]]
) -> Results:
    """The pipeline behind a source of `udf.block_type.BLOCK_TYPE` rows. `imports` as of `udf.forests.Forests`."""
    t_env.create_temporary_view("blocks", t_env.from_data_stream(blocks))
    records = t_env.to_data_stream(t_env.sql_query(parse(options, "blocks", features(options))))
    # Parsing is the dearest step in SQL. Both branches take its output from this stream; as two queries over a table
    # they would each parse for themselves.
    t_env.create_temporary_view("records", t_env.from_data_stream(records, event_time(options)))
    scored = score(t_env, options, imports)
    t_env.create_temporary_view("scored", t_env.from_data_stream(scored, carried_time()))
    # The operators from here on are numbered by the plan, and another plan gave these numbers to others. What comes
    # before the forests keeps its names: its state has the records of the open second.
    config = t_env.get_config()
    config.set("table.exec.uid.format", "sorted-in-windows_" + config.get("table.exec.uid.format", ""))
    return Results(
        # In a task of its own the sink keeps its maximum parallelism, which is in its state; the sort's is 1
        scores=texts(t_env, _sorted(options)).rebalance(),
        errors=texts(t_env, _errors(options)),
    )


def _sorted(options: Options) -> str:
    """The scored records by second ascending, score descending.

    Sorted in one array a second. Flink's temporal sort keeps the rows of a second in one value of its state and reads
    and writes that again for every row, which RocksDB takes minutes for where a second has 10,000 records.
    """
    whole = f"SPLIT(ARRAY_JOIN(ARRAY_AGG(`lines`), {SEPARATOR_LITERAL}), {SEPARATOR_LITERAL})"
    return (
        f"SELECT SUBSTRING(line, {RANK_DIGITS + 1}) AS text FROM (SELECT ARRAY_SORT({whole}) AS sorted"
        f" FROM TABLE(TUMBLE(TABLE scored, DESCRIPTOR(rowtime), {second(options)})) GROUP BY window_start, window_end)"
        f" CROSS JOIN UNNEST(sorted) AS t(line)"
    )


def _errors(options: Options) -> str:
    """Rejected and late records as JSON objects: event time or else arrival, key, reason, raw and its encoding.

    `raw` encoded in `encoding` gives back the record's bytes.
    """
    text = "DECODE(document, 'UTF-8')"
    whole = f"ENCODE({text}, 'UTF-8') = document"
    time = "DATE_FORMAT(TO_TIMESTAMP_LTZ(COALESCE(millis, arrival), 3), 'yyyy-MM-dd''T''HH:mm:ss.SSS''Z''')"
    return (
        f"SELECT JSON_OBJECT('time' VALUE {time}, 'key' VALUE {'key' if options.key else 'CAST(NULL AS STRING)'},"
        f" 'reason' VALUE COALESCE(reason, 'late: its second was closed'),"
        f" 'raw' VALUE CASE WHEN {whole} THEN {text} ELSE DECODE(document, 'ISO-8859-1') END,"
        f" 'encoding' VALUE CASE WHEN {whole} THEN 'UTF-8' ELSE 'ISO-8859-1' END"
        f") AS line FROM records WHERE role IN ({RECORDS}, {LATE}) AND (reason IS NOT NULL OR {late(options)})"
    )


def texts(t_env: StreamTableEnvironment, query: str) -> DataStream:
    """The one STRING column of a query as a stream of strings."""
    table: Table = t_env.sql_query(query)
    # PyFlink's to_data_stream takes no type, and without one a string arrives in a Row
    return DataStream(t_env._j_tenv.toDataStream(table._j_table, _to_java_data_type(DataTypes.STRING())))
