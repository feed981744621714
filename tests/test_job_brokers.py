"""Kafka and Kinesis as ends of the job: what their connectors are told, and what the user is told when they fail."""

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from job_runs import ROOT, command

from job import kafka, kinesis
from job.broker_table import Found, create_table
from job.flink_line import LINE
from job.uris import SINKS, SOURCES, Uri, parse_uri
from producer.broker_uri import BrokerUri
from producer.output import open_output

if TYPE_CHECKING:
    from kafka_broker import KafkaBroker
    from kinesis_mock import KinesisMock

STREAM = Found(2, "arn:aws:kinesis:eu-west-1:123456789012:stream/room")


def broker(text: str) -> BrokerUri:
    found = parse_uri("source", text, SOURCES).broker
    assert found is not None
    return found


def test_kafka_source_reads_from_the_beginning_unless_told_otherwise() -> None:
    assert kafka.source_table(broker("kafka://a:1,b:2/room")).options == {
        "connector": "kafka",
        "topic": "room",
        "format": "raw",
        "properties.bootstrap.servers": "a:1,b:2",
        "scan.startup.mode": "earliest-offset",
        "properties.group.id": "random-cut-forest",
        "properties.isolation.level": "read_committed",
    }
    told = (
        "kafka://a:1/room?scan.startup.mode=latest-offset&group.id=mine&ssl.truststore.location=/t&sink.partitioner=x"
    )
    options = kafka.source_table(broker(told)).options
    assert options["scan.startup.mode"] == "latest-offset"
    assert options["properties.group.id"] == "mine"
    assert options["properties.ssl.truststore.location"] == "/t"
    assert "sink.partitioner" not in options


def test_kafka_sink_is_exactly_once_and_in_one_partition() -> None:
    options = kafka.sink_table(broker("kafka://a:1/room?linger.ms=5&scan.startup.mode=x"), "scores-7", 60_000)
    assert options["sink.delivery-guarantee"] == "exactly-once"
    assert options["sink.transactional-id-prefix"] == "scores-7"
    assert options["sink.partitioner"] == "fixed"
    assert options["properties.transaction.timeout.ms"] == "60000"
    assert options["properties.linger.ms"] == "5"
    assert "scan.startup.mode" not in options


@pytest.mark.parametrize(
    ("mechanism", "module"), [("PLAIN", "plain.PlainLoginModule"), ("SCRAM-SHA-512", "scram.ScramLoginModule")]
)
def test_user_and_password_become_java_s_login_module(
    mechanism: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "eve")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", 'p"\\w')
    told = broker(f"kafka://a:1/room?security.protocol=SASL_SSL&sasl.mechanism={mechanism}")
    options = kafka.source_table(told).options
    jaas = options["properties.sasl.jaas.config"]
    assert jaas == (f'{kafka.KAFKA_PACKAGE}.common.security.{module} required username="eve" password="p\\"\\\\w";')
    assert not {"properties.sasl.username", "properties.sasl.password"} & options.keys()
    assert 'p"' not in f"{Uri('kafka', broker=told)} {told!r} {Uri('kafka', broker=told)!r}"


def test_login_module_of_a_file_is_found_in_the_connector(tmp_path: Path) -> None:
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
    file = tmp_path / "client.properties"
    file.write_text(f'sasl.mechanism = PLAIN\nsasl.jaas.config = {plain} required username="a" password="b";\n')
    jaas = kafka.source_table(broker(f"kafka://a:1/room?config={file}")).options["properties.sasl.jaas.config"]
    assert jaas.startswith(f"{kafka.KAFKA_PACKAGE}.common.security.plain.PlainLoginModule required")


def test_what_the_job_sets_cannot_be_told() -> None:
    for option in ("topic", "format", "connector"):
        with pytest.raises(ValueError, match=rf"^{option} must not be given, the job sets it$"):
            kafka.source_table(broker(f"kafka://a:1/room?{option}=x"))
    with pytest.raises(ValueError, match=r"^stream must not be given, the job sets it$"):
        kinesis.source_table(broker("kinesis://eu-west-1/room?stream=x"), STREAM, "1.20")
    with pytest.raises(ValueError, match=r"^colour must be endpoint, or an option of the connector: "):
        kinesis.source_table(broker("kinesis://eu-west-1/room?colour=red"), STREAM, "1.20")
    with pytest.raises(
        ValueError, match=r"^sasl.mechanism must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, got None$"
    ):
        kafka.source_table(BrokerUri("kafka", "a:1", "room", {"sasl.username": "a", "sasl.password": "b"}))


def test_kinesis_options_of_flink_1_20() -> None:
    table = kinesis.source_table(
        broker("kinesis://eu-west-1/room?endpoint=http://localhost:4567&aws.credentials.provider=PROFILE"),
        STREAM,
        "1.20",
    )
    assert table.options == {
        "connector": "kinesis",
        "format": "raw",
        "aws.region": "eu-west-1",
        "stream": "room",
        "scan.stream.initpos": "TRIM_HORIZON",
        "scan.shard.discovery.intervalmillis": "1000",
        "aws.endpoint": "http://localhost:4567",
        "aws.credentials.provider": "PROFILE",
    }
    assert "METADATA FROM 'timestamp'" in table.metadata
    assert kinesis.sink_table(broker("kinesis://eu-west-1/room?sink.batch.max-size=100"), STREAM, "1.20") == {
        "connector": "kinesis",
        "format": "raw",
        "aws.region": "eu-west-1",
        "stream": "room",
        "sink.batch.max-size": "100",
    }


def test_kinesis_options_of_flink_2_with_the_names_of_connector_6() -> None:
    """As Apache documents the connector `flink-sql-connector-aws-kinesis-streams`; it was not run."""
    table = kinesis.source_table(broker("kinesis://eu-west-1/room?source.init.position=LATEST"), STREAM, "2.3")
    assert table.options == {
        "connector": "kinesis",
        "format": "raw",
        "aws.region": "eu-west-1",
        "stream.arn": STREAM.arn,
        "source.init.position": "LATEST",
        "source.shard.discovery.interval": "1 s",
    }
    assert table.metadata == ""


def test_statement_quotes_what_is_told() -> None:
    assert create_table("t", "a INT", {"b": "it's"}) == "CREATE TEMPORARY TABLE t (a INT) WITH ('b' = 'it''s')"


def refused(*arguments: object, python: Path | None = None) -> str:
    """What `python -m job run` says last when it ends without having begun."""
    process = command("run", *arguments, **({} if python is None else {"python": python}))
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert (process.returncode, out) == (1, ""), err
    assert "Traceback" not in err
    return err.splitlines()[-1]


@pytest.mark.cluster
def test_missing_topic_is_one_sentence(kafka: "KafkaBroker", tmp_path: Path) -> None:
    kafka.create_topic("there")
    ends = ["--source", f"kafka://{kafka.bootstrap}/there", "--sink", f"kafka://{kafka.bootstrap}/nowhere"]
    assert refused(*ends, "--errors", "print:") == (
        f"python -m job run: sink: there is no topic 'nowhere' at {kafka.bootstrap}: create it, or check the name"
    )


@pytest.mark.cluster
def test_absent_broker_is_one_sentence(tmp_path: Path) -> None:
    from job.flink_client import free_port

    at = f"127.0.0.1:{free_port()}"
    assert refused("--source", f"kafka://{at}/room", "--sink", "print:") == (
        f"python -m job run: source: no Kafka broker answers at {at}: check host and port, that it runs, and that "
        f"security.protocol is its own (here PLAINTEXT)"
    )


@pytest.mark.cluster
def test_wrong_password_is_one_sentence_and_in_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kafka_broker import KafkaBroker

    monkeypatch.setenv("KAFKA_SASL_USERNAME", "eve")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "wr0ng-and-s3cret")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with KafkaBroker(tmp_path / "kafka", sasl={"user": "adam", "password": "right"}) as broker:
        source = f"kafka://{broker.bootstrap}/room?security.protocol=SASL_PLAINTEXT&sasl.mechanism=PLAIN"
        said = refused("--source", source, "--sink", "print:")
    assert said.startswith(f"python -m job run: source: Kafka at {broker.bootstrap} refuses these credentials: ")
    logs = [file for file in tmp_path.glob("random-cut-forest-*/logs/*") if file.is_file()]
    assert logs
    assert not any(b"wr0ng-and-s3cret" in file.read_bytes() for file in logs)


@pytest.mark.cluster
def test_right_password_is_let_in_over_tls_and_in_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kafka_broker import KafkaBroker

    secret = "r1ght-and-s3cret"
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "adam")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", secret)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    logs: dict[str, bytes] = {}

    with KafkaBroker(tmp_path / "kafka", sasl={"user": "adam", "password": secret}, tls=True) as broker:
        for topic in ("room", "scores"):
            broker.create_topic(topic)
        login = f"security.protocol=SASL_SSL&sasl.mechanism=SCRAM-SHA-512&ssl.ca.location={broker.certificate}"
        uri = f"kafka://{broker.bootstrap}/{{}}?{login}"
        output = open_output(uri.format("room"))
        output.send(b'{"volume": 1}', "a")
        output.send(b'{"volume": 2}', "a")
        output.flush()
        ends = ("--source", uri.format("room"), "--sink", uri.format("scores"), "--errors", uri.format("scores"))
        job = command("run", "--bounded", *ends, "--value", "volume", "--quiet", "1s", "--sample-size", 10)
        while job.poll() is None:  # the logs go with the job
            logs |= {f.name: f.read_bytes() for f in tmp_path.glob("random-cut-forest-*/logs/*") if f.is_file()}
            time.sleep(0.1)
        out, err = job.communicate()
        assert job.returncode == 0, err
        assert "2 records read" in err
        assert len(broker.records("scores")) == 2
    assert any(b"KafkaSource" in log for log in logs.values())
    told = logs | {"standard output": out.encode(), "standard error": err.encode()}
    lines = [
        f"{name}: {line!r}" for name, text in told.items() for line in text.splitlines() if secret.encode() in line
    ]
    assert lines == []


@pytest.mark.cluster
def test_missing_stream_and_absent_endpoint_are_one_sentence(
    kinesis: "KinesisMock", monkeypatch: pytest.MonkeyPatch
) -> None:
    from kinesis_mock import REGION

    for name, value in kinesis.environment.items():
        monkeypatch.setenv(name, value)
    python = ROOT / ".venv-1.20" / "bin" / "python"
    if not python.exists():
        pytest.skip("Flink 1.20 is not installed: run `make setup-1.20`")
    source = f"kinesis://{REGION}/nowhere?endpoint={kinesis.endpoint}"
    assert refused("--source", source, "--sink", "print:", python=python) == (
        f"python -m job run: source: there is no stream 'nowhere' at {kinesis.endpoint}: create it, "
        "or check name and region"
    )


@pytest.mark.cluster
@pytest.mark.skipif(LINE == "1.20", reason="Flink 1.20 has the connector")
def test_kinesis_needs_a_flink_that_has_its_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused("--source", "kinesis://eu-west-1/room", "--sink", "print:")
    assert said == (
        "python -m job run: source: no Kinesis connector for Flink 2.3 comes with this project: run it with Flink 1.20 "
        "(make setup-1.20, then .venv-1.20/bin/python -m job run …), or give the connector's jar with --jar"
    )


def test_ends_of_brokers_are_told_apart() -> None:
    with pytest.raises(ValueError, match=r"^source must be file:PATH or kafka://HOST:PORT"):
        parse_uri("source", "print:", SOURCES)
    assert str(parse_uri("sink", "kafka://a:1/room?config=/dev/null", SINKS)) == "kafka://a:1/room"
