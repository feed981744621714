"""Records as Python takes them: a row a key group and second."""

from pyflink.common import Types
from pyflink.datastream.data_stream import KeyedStream
from pyflink.table import StreamTableEnvironment

from job.event_time import late, second
from job.keyed import key_by_first
from job.options import Options
from udf.block_type import RECORDS
from udf.forest_state import SEPARATOR
from udf.second import second_row_type
from udf.share_keys import KEY_GROUPS

SEPARATOR_LITERAL = f"U&'\\{ord(SEPARATOR):04X}'"


def seconds(options: Options) -> str:
    """One row a key group and second: key group, the columns of `second_row_type`, and its time."""
    keys = f"ARRAY_JOIN(ARRAY_AGG(key), {SEPARATOR_LITERAL})" if options.key else "CAST(NULL AS STRING)"
    values = value_columns(options)
    good = (
        f"SELECT {key_group(options)} AS key_group, key, millis, DECODE(document, 'UTF-8') AS json, rowtime,"
        f" {', '.join(values)} FROM records WHERE role = {RECORDS} AND reason IS NULL AND NOT {late(options)}"
    )
    return (
        f"SELECT key_group, ARRAY_AGG(millis) AS times, ARRAY_JOIN(ARRAY_AGG(json), {SEPARATOR_LITERAL}) AS documents,"
        f" {keys} AS keys, {', '.join(f'ARRAY_AGG({v}) AS {v}' for v in values)}, window_time AS rowtime"
        f" FROM TABLE(TUMBLE((SELECT * FROM ({good})), DESCRIPTOR(rowtime), {second(options)}))"
        f" GROUP BY key_group, window_start, window_end, window_time"
    )


def keyed(t_env: StreamTableEnvironment, options: Options, seconds: str) -> KeyedStream:
    """`second_row_type` rows of a query that has their columns and rowtime."""
    value = second_row_type(len(options.values))
    rows = f"SELECT key_group, ROW(key_group, times, documents, keys, {', '.join(value_columns(options))}), rowtime"
    return key_by_first(t_env, f"{rows} FROM ({seconds})", Types.ROW([Types.INT(), value, Types.INSTANT()]), value)


def value_columns(options: Options) -> list[str]:
    return [f"value_{i}" for i in range(len(options.values))]


def key_group(options: Options) -> str:
    """The key group of a record."""
    return group_of("key") if options.key else "0"


def group_of(key: str) -> str:
    """The key group of the text in the column `key`."""
    return f"MOD(MOD(HASH_CODE({key}), {KEY_GROUPS}) + {KEY_GROUPS}, {KEY_GROUPS})"
