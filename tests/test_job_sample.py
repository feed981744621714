"""The first records of a source, without Flink."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from job_runs import write_lines

from job.flink_client import free_port
from job.sample import sample
from job.uris import SOURCES, Uri, parse_uri
from producer.output import open_output

if TYPE_CHECKING:
    from kafka_broker import KafkaBroker
    from kinesis_mock import KinesisMock


def send(uri: str, records: list[bytes]) -> None:
    """Under keys of their own, so that they are in all partitions."""
    output = open_output(uri)
    for number, record in enumerate(records):
        output.send(record, str(number))
    output.flush()
    output.close()


def of(uri: str, most: int = 1000, wait: float = 0.0) -> list[bytes]:
    return sample(parse_uri("source", uri, SOURCES), most, wait)


def test_files_are_sampled_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number in (10, 9):
        write_lines(tmp_path / f"{number}.jsonl", [f"{number}-{i}" for i in range(3)])
    assert sample(Uri("file", tmp_path), 4) == [b"9-0", b"9-1", b"9-2", b"10-0"]
    assert len(sample(Uri("file", tmp_path))) == 6
    assert sample(Uri("file", tmp_path / "10.jsonl")) == [b"10-0", b"10-1", b"10-2"]


def test_a_line_that_is_being_written_is_not_sampled(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b'{"a": 1}\n{"a": ')
    assert sample(Uri("file", file)) == [b'{"a": 1}']
    file.write_bytes(b'{"a": 1}\n{"a": 2}')
    assert sample(Uri("file", file)) == [b'{"a": 1}', b'{"a": 2}']


def test_an_empty_directory_is_waited_for_no_longer_than_told(tmp_path: Path) -> None:
    began = time.monotonic()
    assert sample(Uri("file", tmp_path)) == []
    assert sample(Uri("file", tmp_path), wait=0.3) == []
    assert 0.3 <= time.monotonic() - began < 3


@pytest.mark.servers
def test_all_partitions_of_a_topic_are_sampled_and_nothing_is_committed(kafka: "KafkaBroker") -> None:
    kafka.create_topic("sampled", 3)
    records = [f'{{"number": {i}}}'.encode() for i in range(100)]
    uri = f"kafka://{kafka.bootstrap}/sampled?group.id=samplers"
    send(f"kafka://{kafka.bootstrap}/sampled", records)
    for _ in range(2):
        assert sorted(of(uri)) == sorted(records)
    few = of(f"{uri}&scan.startup.mode=latest-offset&properties.client.id=me", 10)
    assert len(few) == 10
    assert set(few) < set(records)
    assert "samplers" not in {group.group_id for group in kafka.admin.list_consumer_groups().result().valid}


@pytest.mark.servers
def test_the_first_record_of_a_topic_is_waited_for(kafka: "KafkaBroker") -> None:
    kafka.create_topic("slow")
    uri = f"kafka://{kafka.bootstrap}/slow"
    began = time.monotonic()
    assert of(uri) == []
    assert time.monotonic() - began < 5, "an empty topic is known to be empty"
    later = threading.Timer(1.5, send, (uri, [b"first"]))
    later.start()
    assert of(uri, wait=60) == [b"first"]
    later.join()


@pytest.mark.servers
def test_a_topic_that_cannot_be_sampled_is_one_sentence(kafka: "KafkaBroker", tmp_path: Path) -> None:
    at, nobody = kafka.bootstrap, f"127.0.0.1:{free_port()}"
    for uri, text in [
        (f"kafka://{at}/nowhere", f"source: there is no topic 'nowhere' at {at}: create it, or check the name"),
        (
            f"kafka://{nobody}/room",
            f"source: no Kafka broker answers at {nobody}: check host and port, that it runs, and that "
            "security.protocol is its own (here PLAINTEXT)",
        ),
        (f"kafka://{at}/room?fetch.nonsense=1", f'source: Kafka at {at}: No such configuration property: "fetch.'),
    ]:
        with pytest.raises(RuntimeError) as refused:
            of(uri)
        assert str(refused.value).startswith(text)


@pytest.mark.servers
def test_a_password_opens_a_topic_and_a_wrong_one_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from install_servers import MissingToolError
    from kafka_broker import KafkaBroker

    try:
        guarded = KafkaBroker(tmp_path / "kafka", sasl={"user": "adam", "password": "right"})
    except MissingToolError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "adam")
    with guarded as broker:
        broker.create_topic("room")
        uri = f"kafka://{broker.bootstrap}/room?security.protocol=SASL_PLAINTEXT&sasl.mechanism=PLAIN"
        monkeypatch.setenv("KAFKA_SASL_PASSWORD", "right")
        send(uri, [b"{}"])
        assert of(uri) == [b"{}"]
        monkeypatch.setenv("KAFKA_SASL_PASSWORD", "wr0ng")
        with pytest.raises(RuntimeError) as refused:
            of(uri)
        assert str(refused.value) == f"source: Kafka at {broker.bootstrap} refuses these credentials"


@pytest.mark.servers
def test_all_shards_of_a_stream_are_sampled(kinesis: "KinesisMock", monkeypatch: pytest.MonkeyPatch) -> None:
    from kinesis_mock import REGION

    for name, value in kinesis.environment.items():
        monkeypatch.setenv(name, value)
    kinesis.create_stream("sampled", 2)
    uri = f"kinesis://{REGION}/sampled?endpoint={kinesis.endpoint}"
    began = time.monotonic()
    assert of(uri) == []
    assert time.monotonic() - began < 5, "an empty stream is known to be empty"
    later = threading.Timer(1.5, send, (uri, [b"first"]))
    later.start()
    assert of(uri, wait=60) == [b"first"]
    later.join()
    records = [f'{{"number": {i}}}'.encode() for i in range(50)]
    send(uri, records)
    assert sorted(of(f"{uri}&scan.stream.initpos=LATEST")) == sorted([b"first", *records])
    assert len(of(uri, 10)) == 10
    with pytest.raises(RuntimeError) as refused:
        of(f"kinesis://{REGION}/nowhere?endpoint={kinesis.endpoint}")
    assert str(refused.value) == (
        f"source: there is no stream 'nowhere' at {kinesis.endpoint}: create it, or check name and region"
    )
