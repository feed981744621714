"""Where records come from: a stream of `udf.block_type.BLOCK_TYPE` rows for each kind of source."""

from typing import Any

from pyflink.common import Types
from pyflink.datastream import DataStream
from pyflink.datastream.functions import KeyedProcessFunction
from pyflink.table import StreamTableEnvironment

from job import kafka, kinesis
from job.broker_table import Found, create_table
from job.keyed import key_by_first
from job.options import Options
from job.parse import stamped
from job.uris import Uri
from udf.block_type import BLOCK_TYPE
from udf.broker_reader import LINE_SEPARATOR, BrokerReader, gathered_type
from udf.file_reader import FileReader
from udf.partition_clock import PartitionClock

_GATHERED_MILLIS = 50
_SEPARATOR = f"U&'\\{ord(LINE_SEPARATOR):04X}'"


def open_source(t_env: StreamTableEnvironment, options: Options, epoch: int, found: Found | None) -> DataStream:
    """The blocks of `options.source`; `found` is what a broker has for it.

    A reader is one subtask: files are read in order, event time has one clock.
    """
    t_env.execute_sql(
        "CREATE TEMPORARY TABLE ticks (tick INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1',"
        " 'fields.tick.min' = '0', 'fields.tick.max' = '0')"
    )
    if found is None:
        return _file(t_env, options, epoch)
    create_arrived(t_env, options.source, found)
    return _broker(t_env, options, epoch, found.partitions)


def create_arrived(t_env: StreamTableEnvironment, source: Uri, found: Found) -> None:
    """A broker's records as the view `arrived`: document (BYTES), arrived, partition_number, proc."""
    assert source.broker is not None
    of_kinesis = source.scheme == "kinesis"
    table = kinesis.source_table(source.broker, found) if of_kinesis else kafka.source_table(source.broker)
    t_env.execute_sql(create_table("incoming", f"document BYTES, {table.metadata} proc AS PROCTIME()", table.options))
    columns = f"document, {table.arrived} AS arrived, {table.partition_number} AS partition_number, proc"
    t_env.create_temporary_view("arrived", t_env.sql_query(f"SELECT {columns} FROM incoming"))


def _file(t_env: StreamTableEnvironment, options: Options, epoch: int) -> DataStream:
    reader = FileReader(
        str(options.source.path),
        options.quiet_millis,
        options.bounded,
        options.records_move_time,
        epoch,
        readers=options.parallelism,
    )
    return _read(t_env, "SELECT tick, ROW(tick) FROM ticks", Types.ROW([Types.INT()]), reader)


def _broker(t_env: StreamTableEnvironment, options: Options, epoch: int, partitions: int) -> DataStream:
    t_env.create_temporary_view("stamped", t_env.sql_query(stamped(options, "arrived")))
    gathered = (
        f"SELECT 0, ROW(ARRAY_JOIN(ARRAY_AGG(line), {_SEPARATOR}), ARRAY_AGG(`time`), ARRAY_AGG(partition_number))"
        f" FROM TABLE(TUMBLE(TABLE stamped, DESCRIPTOR(proc), INTERVAL '0.{_GATHERED_MILLIS:03d}' SECOND(1, 3)))"
        " GROUP BY window_start, window_end"
    )
    ticks = (
        "SELECT tick, ROW(CAST(NULL AS STRING), CAST(NULL AS ARRAY<BIGINT>), CAST(NULL AS ARRAY<BIGINT>)) FROM ticks"
    )
    clock = PartitionClock(options.every, options.delay, options.quiet_millis, partitions)
    reader = BrokerReader(clock, options.records_move_time, epoch, options.parallelism)
    return _read(t_env, f"{gathered} UNION ALL {ticks}", gathered_type(), reader)


def _read(t_env: StreamTableEnvironment, query: str, row_type: Any, reader: KeyedProcessFunction) -> DataStream:
    return (
        key_by_first(t_env, query, Types.ROW([Types.INT(), row_type]), row_type)
        .process(reader, output_type=BLOCK_TYPE)
        .name("reader")
        .uid("reader")
        .set_parallelism(1)
    )
