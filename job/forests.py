"""The forests' part of the pipeline: scores for the seconds, and forests out of state."""

from collections.abc import Mapping

from pyflink.common import Types
from pyflink.datastream import DataStream
from pyflink.table import Schema, StreamTableEnvironment

from job.event_time import carried_time, second
from job.keyed import key_by_first
from job.options import Options
from job.parse import literal
from job.seconds import key_group, keyed, seconds, value_columns
from udf.forest_export import ASKED_TYPE, EXPORTED_TYPE, ForestExportFunction
from udf.forest_shares import DOCUMENTS, PARTIAL_TYPE, GatherFunction, ShareFunction, gathered_row_type
from udf.random_cut_forest import RandomCutForestFunction
from udf.scored_lines import SCORED_TYPE
from udf.share_keys import KEY_GROUPS, share_keys

_NAME = "random-cut-forest"


def score(t_env: StreamTableEnvironment, options: Options, imports: Mapping[str, tuple[str, bytes]]) -> DataStream:
    """A `SCORED_TYPE` row a key group and second of the view `records`. `imports` as of `udf.forests.Forests`."""
    told = (options.forest, options.every, options.forest_memory_bytes, options.key_ttl, imports, options.shards)
    if options.shards > 1:
        return _by_shares(t_env, options, ShareFunction(*told))
    function = RandomCutForestFunction(*told, options.grade, options.values if options.explanation else ())
    rows = keyed(t_env, options, seconds(options))
    return rows.process(function, SCORED_TYPE).name(_NAME).uid(_NAME)


def saved_forest(t_env: StreamTableEnvironment, options: Options, key: str) -> list[bytes]:
    """The forest of `key` ("" without keys) in the state that the environment starts from, or else its shares.

    Empty bytes where there is none.
    """
    asked = (
        f"SELECT share_key, ROW(share_key, key) FROM (SELECT key, {_share_key_array(options)} AS share_keys FROM"
        f" (SELECT {key_group(options)} AS key_group, key FROM (VALUES ({literal(key)})) AS t(key)))"
        f" CROSS JOIN UNNEST(share_keys) AS s(share_key)"
    )
    exported = (
        key_by_first(t_env, asked, Types.ROW([Types.INT(), ASKED_TYPE]), ASKED_TYPE)
        .process(ForestExportFunction(options.forest, options.shards), output_type=EXPORTED_TYPE)
        .name("export")
        .uid(_NAME)
    )
    with exported.execute_and_collect("export of a forest") as rows:
        return [bytes.fromhex(forest) for _, forest in sorted(map(tuple, rows))]


def _by_shares(t_env: StreamTableEnvironment, options: Options, function: ShareFunction) -> DataStream:
    """As `udf.forest_shares` has it. Both branches take the seconds from one stream, which would else be two."""
    values = ", ".join(value_columns(options))
    stream = t_env.to_data_stream(t_env.sql_query(seconds(options)))
    arrived = Schema.new_builder().watermark("rowtime", "SOURCE_WATERMARK()").build()
    t_env.create_temporary_view("seconds", t_env.from_data_stream(stream, arrived))
    dealt = (
        f"SELECT share_key AS key_group, times, CAST(NULL AS STRING) AS documents, keys, {values}, rowtime"
        f" FROM (SELECT *, {_share_key_array(options)} AS share_keys FROM seconds)"
        f" CROSS JOIN UNNEST(share_keys) AS s(share_key)"
    )
    partial = keyed(t_env, options, dealt).process(function, PARTIAL_TYPE).name(_NAME).uid(_NAME)
    t_env.create_temporary_view("partials", t_env.from_data_stream(partial, carried_time()))
    arrays = ", ".join(f"CAST(NULL AS ARRAY<DOUBLE>) AS {value}" for value in value_columns(options))
    parts = (
        f"SELECT key_group, {DOCUMENTS} AS share, CAST(NULL AS BYTES) AS scores, times, documents, keys, {values},"
        f" rowtime FROM seconds UNION ALL SELECT key_group, share, scores, CAST(NULL AS ARRAY<BIGINT>) AS times,"
        f" CAST(NULL AS STRING) AS documents, CAST(NULL AS STRING) AS keys, {arrays}, rowtime FROM partials"
    )
    gathered = (
        f"SELECT key_group, ROW(key_group, ARRAY_AGG(ROW(share, scores, times, documents, keys, {values}))),"
        f" window_time"
        f" FROM TABLE(TUMBLE((SELECT * FROM ({parts})), DESCRIPTOR(rowtime), {second(options)}))"
        f" GROUP BY key_group, window_start, window_end, window_time"
    )
    value = gathered_row_type(len(options.values))
    rows = key_by_first(t_env, gathered, Types.ROW([Types.INT(), value, Types.INSTANT()]), value)
    return rows.process(GatherFunction(options.every), SCORED_TYPE).name("shares").uid("shares")


def _share_key_array(options: Options) -> str:
    """The array of Flink's keys for the shares of a `key_group`, out of a text of eight digits a key."""
    groups = range(KEY_GROUPS if options.key else 1)
    digits = "".join(f"{key:08d}" for group in groups for key in share_keys(group, options.shards))
    starts = (f"8 * ({options.shards} * key_group + {share}) + 1" for share in range(options.shards))
    keys = (f"CAST(SUBSTRING('{digits}', {start}, 8) AS INT)" for start in starts)
    return f"ARRAY[{', '.join(keys)}]"
