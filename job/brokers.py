"""Looks for the topics and streams that a run needs, before anything is planned."""

from job import kafka, kinesis
from job.broker_table import Found
from job.flink_line import LINE
from job.options import Options


def find_all(options: Options) -> dict[str, Found]:
    """What the brokers have, for those of a run's ends that are one.

    Raises:
        RuntimeError: something is not there, or refuses; one sentence.
    """
    for name, uri in options.ends.items():
        if uri.scheme == "kinesis" and LINE != "1.20" and not options.jars:
            raise RuntimeError(
                f"{name}: no Kinesis connector for Flink {LINE} comes with this project: run it with Flink 1.20 "
                "(make setup-1.20, then .venv-1.20/bin/python -m job run …), or give the connector's jar with --jar"
            )
    finders = {"kafka": kafka.find, "kinesis": kinesis.find}
    return {name: finders[uri.scheme](name, uri.broker) for name, uri in options.ends.items() if uri.broker is not None}
