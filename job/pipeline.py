"""The way of a record: source, parse, score, sort, sink. One statement set, one job; the two ends are given to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyflink.common import Types
from pyflink.datastream import DataStream
from pyflink.datastream.data_stream import KeyedStream
from pyflink.table import DataTypes, Schema, StreamTableEnvironment, Table
from pyflink.table.types import _to_java_data_type

from job.keyed import key_by_first
from job.options import Options
from job.parse import literal, parse
from udf.block_type import CLOSING, LATE, MARK, RECORDS
from udf.forest_export import ASKED_TYPE, EXPORTED_TYPE, ForestExportFunction
from udf.forest_shares import DOCUMENTS, PARTIAL_TYPE, GatherFunction, ShareFunction, gathered_row_type
from udf.forest_state import SEPARATOR
from udf.random_cut_forest import RandomCutForestFunction
from udf.scored_lines import RANK_DIGITS, SCORED_TYPE
from udf.second import second_row_type
from udf.share_keys import KEY_GROUPS, share_keys

FORESTS = "random-cut-forest"
"""Name of the operator that has them."""

_UID = "random-cut-forest"
_SEPARATOR = f"U&'\\{ord(SEPARATOR):04X}'"


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
    records = t_env.to_data_stream(t_env.sql_query(parse(options, "blocks")))
    # Parsing is the dearest step in SQL. Both branches take its output from this stream; as two queries over a table
    # they would each parse for themselves.
    t_env.create_temporary_view("records", t_env.from_data_stream(records, _event_time(options)))
    told = (options.forest, options.every, options.forest_memory_bytes, options.key_ttl, imports)
    if options.shards == 1:
        scored = _keyed(t_env, options, _seconds(options)).process(RandomCutForestFunction(*told), SCORED_TYPE)
        scored.name(FORESTS).uid(_UID)
    else:
        scored = _scored_by_shares(t_env, options, ShareFunction(*told, options.shards))
    t_env.create_temporary_view("scored", t_env.from_data_stream(scored, _carried_time()))
    # The operators from here on are numbered by the plan, and another plan gave these numbers to others. What comes
    # before the forests keeps its names: its state has the records of the open second.
    config = t_env.get_config()
    config.set("table.exec.uid.format", "sorted-in-windows_" + config.get("table.exec.uid.format", ""))
    return Results(
        # In a task of its own the sink keeps its maximum parallelism, which is in its state; the sort's is 1
        scores=_texts(t_env, _sorted(options)).rebalance(),
        errors=_texts(t_env, _errors(options)),
    )


def saved_forest(t_env: StreamTableEnvironment, options: Options, key: str) -> list[bytes]:
    """The forest of `key` ("" without keys) in the state that the environment starts from, or else its shares.

    Empty bytes where there is none.
    """
    asked = (
        f"SELECT share_key, ROW(share_key, key) FROM (SELECT key, {_share_keys(options)} AS share_keys FROM"
        f" (SELECT {_key_group(options)} AS key_group, key FROM (VALUES ({literal(key)})) AS t(key)))"
        f" CROSS JOIN UNNEST(share_keys) AS s(share_key)"
    )
    exported = (
        key_by_first(t_env, asked, Types.ROW([Types.INT(), ASKED_TYPE]), ASKED_TYPE)
        .process(ForestExportFunction(options.forest, options.shards), output_type=EXPORTED_TYPE)
        .name("export")
        .uid(_UID)
    )
    with exported.execute_and_collect("export of a forest") as rows:
        return [bytes.fromhex(forest) for _, forest in sorted(map(tuple, rows))]


def _event_time(options: Options) -> Schema:
    """Event time and its watermark, which moves when a second is over: what is late depends on the records alone.

    A bounded run has no watermark until its end unless a delay was given, so that nothing in it is late.
    """
    every, delay = options.every, options.delay
    closing = f"millis - MOD(millis, {every}) + {every + delay}"
    shown = (
        f"CASE WHEN role = {MARK} THEN millis WHEN reason IS NOT NULL OR role = {LATE} THEN 0"
        f" WHEN role = {CLOSING} THEN {closing} ELSE millis END"
    )
    over = f"({shown} - {delay})"
    watermark = f"TO_TIMESTAMP_LTZ({over} - MOD({over}, {every}) - 1, 3)"
    if options.source.broker is not None or not options.records_move_time:
        watermark = f"CASE WHEN role IN ({RECORDS}, {LATE}) THEN TO_TIMESTAMP_LTZ(0, 3) ELSE {watermark} END"
    return (
        Schema.new_builder()
        .column_by_expression("rowtime", f"TO_TIMESTAMP_LTZ({shown}, 3)")
        .watermark("rowtime", watermark)
        .build()
    )


def _carried_time() -> Schema:
    """Event time as the stream's records carry it through a Python function."""
    return (
        Schema.new_builder()
        .column_by_metadata("rowtime", "TIMESTAMP_LTZ(3)")
        .watermark("rowtime", "SOURCE_WATERMARK()")
        .build()
    )


def _late(options: Options) -> str:
    """True for a record whose second is closed. Windows would drop it without a word."""
    last = f"TO_TIMESTAMP_LTZ(millis - MOD(millis, {options.every}) + {options.every - 1}, 3)"
    return f"(role = {LATE} OR COALESCE({last} <= CURRENT_WATERMARK(rowtime), FALSE))"


def _seconds(options: Options) -> str:
    """One row a key group and second: key group, the columns of `second_row_type`, and its time."""
    keys = f"ARRAY_JOIN(ARRAY_AGG(key), {_SEPARATOR})" if options.key else "CAST(NULL AS STRING)"
    values = _values(options)
    good = (
        f"SELECT {_key_group(options)} AS key_group, key, millis, DECODE(document, 'UTF-8') AS json, rowtime,"
        f" {', '.join(values)} FROM records WHERE role = {RECORDS} AND reason IS NULL AND NOT {_late(options)}"
    )
    return (
        f"SELECT key_group, ARRAY_AGG(millis) AS times, ARRAY_JOIN(ARRAY_AGG(json), {_SEPARATOR}) AS documents,"
        f" {keys} AS keys, {', '.join(f'ARRAY_AGG({v}) AS {v}' for v in values)}, window_time AS rowtime"
        f" FROM TABLE(TUMBLE((SELECT * FROM ({good})), DESCRIPTOR(rowtime), {_second(options)}))"
        f" GROUP BY key_group, window_start, window_end, window_time"
    )


def _keyed(t_env: StreamTableEnvironment, options: Options, seconds: str) -> KeyedStream:
    """`second_row_type` rows of a query that has their columns and rowtime."""
    value = second_row_type(len(options.values))
    rows = f"SELECT key_group, ROW(key_group, times, documents, keys, {', '.join(_values(options))}), rowtime"
    return key_by_first(t_env, f"{rows} FROM ({seconds})", Types.ROW([Types.INT(), value, Types.INSTANT()]), value)


def _scored_by_shares(t_env: StreamTableEnvironment, options: Options, function: ShareFunction) -> DataStream:
    """As `udf.forest_shares` has it. Both branches take the seconds from one stream, which would else be two."""
    values = ", ".join(_values(options))
    seconds = t_env.to_data_stream(t_env.sql_query(_seconds(options)))
    arrived = Schema.new_builder().watermark("rowtime", "SOURCE_WATERMARK()").build()
    t_env.create_temporary_view("seconds", t_env.from_data_stream(seconds, arrived))
    dealt = (
        f"SELECT share_key AS key_group, times, CAST(NULL AS STRING) AS documents, keys, {values}, rowtime"
        f" FROM (SELECT *, {_share_keys(options)} AS share_keys FROM seconds)"
        f" CROSS JOIN UNNEST(share_keys) AS s(share_key)"
    )
    partial = _keyed(t_env, options, dealt).process(function, PARTIAL_TYPE).name(FORESTS).uid(_UID)
    t_env.create_temporary_view("partials", t_env.from_data_stream(partial, _carried_time()))
    arrays = ", ".join(f"CAST(NULL AS ARRAY<DOUBLE>) AS {value}" for value in _values(options))
    parts = (
        f"SELECT key_group, {DOCUMENTS} AS share, CAST(NULL AS BYTES) AS scores, times, documents, keys, {values},"
        f" rowtime FROM seconds UNION ALL SELECT key_group, share, scores, CAST(NULL AS ARRAY<BIGINT>) AS times,"
        f" CAST(NULL AS STRING) AS documents, CAST(NULL AS STRING) AS keys, {arrays}, rowtime FROM partials"
    )
    gathered = (
        f"SELECT key_group, ROW(key_group, ARRAY_AGG(ROW(share, scores, times, documents, keys, {values}))),"
        f" window_time"
        f" FROM TABLE(TUMBLE((SELECT * FROM ({parts})), DESCRIPTOR(rowtime), {_second(options)}))"
        f" GROUP BY key_group, window_start, window_end, window_time"
    )
    value = gathered_row_type(len(options.values))
    keyed = key_by_first(t_env, gathered, Types.ROW([Types.INT(), value, Types.INSTANT()]), value)
    return keyed.process(GatherFunction(options.every), SCORED_TYPE).name("shares-of-forests").uid("shares-of-forests")


def _values(options: Options) -> list[str]:
    return [f"value_{i}" for i in range(len(options.values))]


def _key_group(options: Options) -> str:
    return f"MOD(MOD(HASH_CODE(key), {KEY_GROUPS}) + {KEY_GROUPS}, {KEY_GROUPS})" if options.key else "0"


def _share_keys(options: Options) -> str:
    """The array of Flink's keys for the shares of a `key_group`, out of a text of eight digits a key."""
    groups = range(KEY_GROUPS if options.key else 1)
    digits = "".join(f"{key:08d}" for group in groups for key in share_keys(group, options.shards))
    starts = (f"8 * ({options.shards} * key_group + {share}) + 1" for share in range(options.shards))
    keys = (f"CAST(SUBSTRING('{digits}', {start}, 8) AS INT)" for start in starts)
    return f"ARRAY[{', '.join(keys)}]"


def _sorted(options: Options) -> str:
    """The scored records by second ascending, score descending.

    Sorted in one array a second. Flink's temporal sort keeps the rows of a second in one value of its state and reads
    and writes that again for every row, which RocksDB takes minutes for where a second has 10,000 records.
    """
    whole = f"SPLIT(ARRAY_JOIN(ARRAY_AGG(`lines`), {_SEPARATOR}), {_SEPARATOR})"
    return (
        f"SELECT SUBSTRING(line, {RANK_DIGITS + 1}) AS text FROM (SELECT ARRAY_SORT({whole}) AS sorted"
        f" FROM TABLE(TUMBLE(TABLE scored, DESCRIPTOR(rowtime), {_second(options)})) GROUP BY window_start, window_end)"
        f" CROSS JOIN UNNEST(sorted) AS t(line)"
    )


def _second(options: Options) -> str:
    return "INTERVAL '{}.{:03d}' SECOND(6, 3)".format(*divmod(options.every, 1000))


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
        f") AS line FROM records WHERE role IN ({RECORDS}, {LATE}) AND (reason IS NOT NULL OR {_late(options)})"
    )


def _texts(t_env: StreamTableEnvironment, query: str) -> DataStream:
    """The one STRING column of a query as a stream of strings."""
    table: Table = t_env.sql_query(query)
    # PyFlink's to_data_stream takes no type, and without one a string arrives in a Row
    return DataStream(t_env._j_tenv.toDataStream(table._j_table, _to_java_data_type(DataTypes.STRING())))
