"""Where records come from: a stream of `udf.file_reader.BLOCK_TYPE` rows for each kind of source."""

from pyflink.common import Types
from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from job.keyed import key_by_first
from job.options import Options
from udf.file_reader import BLOCK_TYPE, FileReader


def open_source(t_env: StreamTableEnvironment, options: Options, epoch: int) -> DataStream:
    """The blocks of `options.source`. A reader is one subtask: files are read in order."""
    t_env.execute_sql(
        "CREATE TEMPORARY TABLE ticks (tick INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1',"
        " 'fields.tick.min' = '0', 'fields.tick.max' = '0')"
    )
    reader = FileReader(
        str(options.source.path),
        options.quiet,
        options.bounded,
        options.records_move_time,
        epoch,
        readers=options.parallelism,
    )
    tick_type = Types.ROW([Types.INT()])
    return (
        key_by_first(t_env, "SELECT tick, ROW(tick) FROM ticks", Types.ROW([Types.INT(), tick_type]), tick_type)
        .process(reader, output_type=BLOCK_TYPE)
        .name("file-reader")
        .uid("file-reader")
        .set_parallelism(1)
    )
