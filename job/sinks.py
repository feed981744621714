"""Where results go: a sink for a stream of JSON texts for each kind of URI."""

from pyflink.common.serialization import Encoder
from pyflink.datastream import DataStream, DataStreamSink
from pyflink.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    OutputFileConfig,
    RollingPolicy,
)
from pyflink.table import StreamTableEnvironment

from job import kafka, kinesis
from job.broker_table import Found, create_table
from job.options import Options
from job.uris import Uri

_TRANSACTION_MILLIS = 60_000
_LONG_TRANSACTION_MILLIS = 15 * 60_000
"""What a broker allows by default. A job that is to go on after so long a pause has its results still to commit."""


class Sinks:
    """Attaches streams of texts, one text a line or record, to their ends."""

    def __init__(self, t_env: StreamTableEnvironment, options: Options, run: str, identity: str) -> None:
        """`run` begins the names of files, `identity` those of transactions, which a restart must find again."""
        self._t_env = t_env
        self._run = run
        self._identity = identity
        self._transaction_millis = _TRANSACTION_MILLIS if options.state is None else _LONG_TRANSACTION_MILLIS

    def attach(self, texts: DataStream, uri: Uri, name: str, found: Found | None, label: str = "") -> None:
        """Write `texts` to `uri`; `found` is what a broker has for it. What is printed begins with `label> `."""
        if uri.path is not None:
            self._to_files(texts, uri, name)
        elif uri.broker is None or found is None:
            # PyFlink's own print() takes what comes out of a table for rows, and these are strings
            printed = texts._j_data_stream.print(*[label] if label else [])
            DataStreamSink(printed).name(name).uid(name).set_parallelism(1)
        elif uri.scheme == "kinesis":
            self._to_table(texts, name, kinesis.sink_table(uri.broker, found))
        else:
            transactions = f"{name}-{self._identity}"
            self._to_table(texts, name, kafka.sink_table(uri.broker, transactions, self._transaction_millis))

    def _to_files(self, texts: DataStream, uri: Uri, name: str) -> None:
        """A file is hidden (its name begins with a dot) until the checkpoint that has all its lines is complete.

        Names of this run sort behind those of earlier ones. Within it Flink's names are in no order; modification
        times are.
        """
        assert uri.path is not None
        config = OutputFileConfig.builder().with_part_prefix(self._run).with_part_suffix(".jsonl").build()
        sink = (
            FileSink.for_row_format(uri.path.as_uri(), Encoder.simple_string_encoder())
            .with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
            .with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy())
            .with_output_file_config(config)
            .build()
        )
        texts.sink_to(sink).name(name).uid(name).set_parallelism(1)

    def _to_table(self, texts: DataStream, name: str, options: dict[str, str]) -> None:
        self._t_env.execute_sql(create_table(name, "line STRING", options))
        statements = self._t_env.create_statement_set()
        statements.add_insert(name, self._t_env.from_data_stream(texts))
        statements.attach_as_datastream()
