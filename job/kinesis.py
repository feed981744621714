"""Kinesis as an end of the job: the options of its tables, and whether its stream is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from job.broker_table import Found, SourceTable
from job.flink_line import LINE
from producer.broker_uri import BrokerUri

_OURS = ("connector", "stream", "stream.arn", "format")
_PATIENCE_SECONDS = 4


def source_table(broker: BrokerUri, stream: Found, line: str = LINE) -> SourceTable:
    """The table that reads a stream, by default from its oldest record. `stream` is what `find` found.

    Flink 1.20's connector gives arrival time and shard. The one for 2.x has other option names, and gives neither: a
    record arrives when it is read, and all shards count as one.
    """
    if line == "1.20":
        defaults = {"scan.stream.initpos": "TRIM_HORIZON", "scan.shard.discovery.intervalmillis": "1000"}
        metadata = (
            "arrival_time TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,"
            " shard_id VARCHAR(128) NOT NULL METADATA FROM 'shard-id' VIRTUAL,"
        )
        number = "CAST(REGEXP_REPLACE(shard_id, '[^0-9]', '') AS BIGINT)"
        options = _table(broker, stream, line) | defaults | _told(broker, ("aws.", "scan."))
        return SourceTable(options, metadata, "arrival_time", number)
    defaults = {"source.init.position": "TRIM_HORIZON", "source.shard.discovery.interval": "1 s"}
    options = _table(broker, stream, line) | defaults | _told(broker, ("aws.", "source."))
    return SourceTable(options, "", "CURRENT_ROW_TIMESTAMP()", "CAST(0 AS BIGINT)")


def sink_table(broker: BrokerUri, stream: Found, line: str = LINE) -> dict[str, str]:
    """The options of the table that writes a stream: at least once, in no order; Kinesis has no transactions."""
    return _table(broker, stream, line) | _told(broker, ("aws.", "sink."))


def find(name: str, broker: BrokerUri) -> Found:
    """Look for the stream of the end `name`. Raises as `connected`."""
    with connected(name, broker) as client:
        summary = client.describe_stream_summary(StreamName=broker.topic)["StreamDescriptionSummary"]
        return Found(summary["OpenShardCount"], summary["StreamARN"])


@contextmanager
def connected(name: str, broker: BrokerUri) -> Iterator[Any]:
    """A client for the stream of the end `name`.

    Raises:
        RuntimeError: there is no such stream, no such endpoint, or it does not let us in; one sentence.
    """
    import boto3  # noqa: PLC0415 - only this end needs it
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    endpoint = broker.options.get("endpoint") or broker.options.get("aws.endpoint")
    config = Config(
        connect_timeout=_PATIENCE_SECONDS, read_timeout=_PATIENCE_SECONDS, retries={"total_max_attempts": 2}
    )
    at = endpoint or f"region {broker.servers}"
    try:
        yield boto3.client("kinesis", region_name=broker.servers, endpoint_url=endpoint, config=config)
    except ClientError as error:
        code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code == "ResourceNotFoundException":
            sentence = f"there is no stream {broker.topic!r} at {at}: create it, or check name and region"
        else:
            sentence = f"Kinesis at {at} refuses: {code}: {said}"
        raise RuntimeError(f"{name}: {sentence}") from None
    except (BotoCoreError, ValueError) as error:
        raise RuntimeError(f"{name}: Kinesis at {at}: {error}") from None


def _table(broker: BrokerUri, stream: Found, line: str) -> dict[str, str]:
    which = {"stream": broker.topic} if line == "1.20" else {"stream.arn": stream.arn}
    return {"connector": "kinesis", "format": "raw", "aws.region": broker.servers} | which


def _told(broker: BrokerUri, prefixes: tuple[str, ...]) -> dict[str, str]:
    """What the user told, as options of a table that takes those with `prefixes`.

    Raises:
        ValueError: an option is the job's own, or none of the connector's.
    """
    told = dict(broker.options)
    if "endpoint" in told:
        told["aws.endpoint"] = told.pop("endpoint")
    for option in told:
        if option in _OURS:
            raise ValueError(f"{option} must not be given, the job sets it")
        if not option.startswith(("aws.", "scan.", "source.", "sink.")):
            raise ValueError(
                f"{option} must be endpoint, or an option of the connector: aws.…, scan.…, source.…, sink.…"
            )
    return {option: value for option, value in told.items() if option.startswith(prefixes)}
