"""Where results go: a sink for a stream of JSON texts for each kind of URI."""

from pyflink.common.serialization import Encoder
from pyflink.datastream import DataStream, DataStreamSink
from pyflink.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    OutputFileConfig,
    RollingPolicy,
)

from job.uris import Uri


def attach(texts: DataStream, uri: Uri, name: str, run: str) -> None:
    """Write `texts` to `uri`, one a line. `run` begins this run's file names, which sort behind those of earlier ones.

    A file is hidden (its name begins with a dot) until the checkpoint that has all its lines is complete. Within a run
    Flink's names are in no order; modification times are.
    """
    if uri.path is None:
        # PyFlink's own print() takes what comes out of a table for rows, and these are strings
        DataStreamSink(texts._j_data_stream.print()).name(name).uid(name).set_parallelism(1)
        return
    sink = (
        FileSink.for_row_format(uri.path.as_uri(), Encoder.simple_string_encoder())
        .with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
        .with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy())
        .with_output_file_config(OutputFileConfig.builder().with_part_prefix(run).with_part_suffix(".jsonl").build())
        .build()
    )
    texts.sink_to(sink).name(name).uid(name).set_parallelism(1)
