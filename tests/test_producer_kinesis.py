"""Kinesis as output, against kinesis-mock; what it cannot do, a proxy before it does."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from itertools import count
from pathlib import Path

import pytest
from kinesis_mock import CREDENTIALS, REGION, KinesisMock
from kinesis_proxy import THROTTLED, KinesisProxy

from producer import kinesis as output
from producer.broker_uri import parse_broker_uri
from producer.errors import ProducerError, RefusedError
from producer.kinesis import KinesisOutput

REPOSITORY = Path(__file__).parents[1]
NUMBERS = count()


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def stream(kinesis: KinesisMock) -> str:
    name = f"Volume-{next(NUMBERS)}"
    kinesis.create_stream(name, 2)
    return name


def to(endpoint, stream, more=""):
    return f"kinesis://{REGION}/{stream}?endpoint={endpoint}{more}"


def opened(endpoint, stream, more=""):
    return KinesisOutput(parse_broker_uri("to", to(endpoint, stream, more)))


def run(uri, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "producer", "--from", "synthetic", "--pace", "fast", "--to", uri, *arguments],
        check=False, cwd=REPOSITORY, capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip


def arrived(kinesis, stream):
    """The records' data by key, in the order of the stream."""
    found = defaultdict(list)
    for record in kinesis.records(stream):
        found[record["PartitionKey"]].append(record["Data"])
    return found


def sent(proxy):
    return [[record["PartitionKey"] for record in request] for request in proxy.requests]


@pytest.mark.servers
def test_every_record_arrives_once_and_in_order(kinesis, stream):
    done = run(to(kinesis.endpoint, stream), "--seconds", "6")
    assert done.stderr == "150 records sent, 150 acknowledged, 0 blocks dropped, 0 overflows\n"
    assert (done.returncode, done.stdout) == (0, "")
    found = arrived(kinesis, stream)
    assert list(found) == ["synthetic"]
    times = [json.loads(record)["event_time"] for record in found["synthetic"]]
    assert len(times) == 150
    assert times == sorted(set(times))


@pytest.mark.servers
def test_batch_goes_when_it_is_old_or_full(kinesis, stream, monkeypatch):
    monkeypatch.setattr(output, "MOST_RECORDS", 5)
    monkeypatch.setattr(output, "MOST_BYTES", 1000)
    monkeypatch.setattr(output, "INTERVAL", 60)
    with KinesisProxy(kinesis.endpoint) as proxy:
        out = opened(proxy.endpoint, stream)
        for _ in range(7):
            out.send(b"x", "a")
        assert sent(proxy) == [["a"] * 5]
        out.send(b"x" * 990, "b")  # the two before it and it are 995 bytes
        assert len(sent(proxy)) == 1
        out.send(b"x" * 9, "c")
        assert sent(proxy)[1:] == [["a", "a", "b"]]
        monkeypatch.setattr(output, "INTERVAL", 0.2)
        time.sleep(0.25)
        out.send(b"x", "d")
        assert sent(proxy)[2:] == [["c", "d"]]
        out.flush()
        assert len(sent(proxy)) == 3
    assert out.acknowledged == 10


def test_limits_are_those_of_the_service():
    assert (output.MOST_RECORDS, output.MOST_BYTES, output.INTERVAL) == (500, 5 * 1024 * 1024, 0.2)


@pytest.mark.servers
def test_record_larger_than_the_stream_takes_is_one_sentence(kinesis, stream):
    out = opened(kinesis.endpoint, stream)
    out.send(b"x" * ((1 << 20) - 4), "room")
    with pytest.raises(ProducerError) as error:
        out.send(b"x" * ((1 << 20) - 3), "room")
    assert str(error.value) == (
        f"A record of stream {stream!r} must have at most 1048576 bytes with its key, got 1048577."
    )
    out.flush()
    assert out.acknowledged == 1


@pytest.mark.servers
def test_what_failed_is_sent_alone_before_anything_newer(kinesis, stream):
    def refuse(requests, record):  # of the first request every third record, of the second every other
        return len(requests) < 3 and requests[-1].index(record) % (4 - len(requests)) == 0

    with KinesisProxy(kinesis.endpoint, refuse) as proxy:
        out = opened(proxy.endpoint, stream)
        for i in range(12):
            out.send(b"%03d" % i, "ab"[i % 2])
        out.flush()
        for i in range(12, 20):
            out.send(b"%03d" % i, "ab"[i % 2])
        out.flush()
    assert [len(request) for request in proxy.requests] == [12, 4, 2, 8]
    found = arrived(kinesis, stream)
    assert sorted(found["a"] + found["b"]) == [b"%03d" % i for i in range(20)]
    assert found["a"][6:] == [b"%03d" % i for i in range(12, 20, 2)]
    assert found["b"][6:] == [b"%03d" % i for i in range(13, 20, 2)]
    assert out.acknowledged == 20


@pytest.mark.servers
def test_ordered_keeps_every_key_in_order_whatever_fails(kinesis, stream):
    refused: set[str] = set()

    def refuse(requests, record):  # every third record of each key, the first time
        new = record["Data"] not in refused and len(refused) < len(requests) / 3
        refused.update([record["Data"]] if new else [])
        return new

    with KinesisProxy(kinesis.endpoint, refuse) as proxy:
        out = opened(proxy.endpoint, stream, "&ordered=true")
        for i in range(30):
            out.send(b"%03d" % i, "abc"[i % 3])
        out.flush()
    assert len(refused) > 2
    assert all(len(keys) == len(set(keys)) for keys in sent(proxy))
    assert arrived(kinesis, stream) == {key: [b"%03d" % i for i in range(n, 30, 3)] for n, key in enumerate("abc")}


@pytest.mark.servers
def test_throttled_request_is_sent_again(kinesis, stream):
    def fail(requests):
        return THROTTLED if len(requests) < 3 else None

    with KinesisProxy(kinesis.endpoint, fail=fail) as proxy:
        done = run(to(proxy.endpoint, stream), "--seconds", "0.2", "--quiet")
    assert done.stderr == "5 records sent, 5 acknowledged, 0 blocks dropped, 0 overflows\n"
    assert [len(request) for request in proxy.requests] == [5, 5, 5]
    assert len(arrived(kinesis, stream)["synthetic"]) == 5


@pytest.mark.servers
def test_endpoint_that_goes_away_is_waited_for(kinesis, stream):
    with KinesisProxy(kinesis.endpoint) as proxy:
        out = opened(proxy.endpoint, stream)
    out.send(b"x", "room")
    flush = threading.Thread(target=out.flush)
    flush.start()
    time.sleep(0.5)
    assert (flush.is_alive(), out.acknowledged) == (True, 0)
    with KinesisProxy(kinesis.endpoint, port=proxy.port):
        flush.join(20)
    assert (out.acknowledged, arrived(kinesis, stream)) == (1, {"room": [b"x"]})


@pytest.mark.servers
def test_patience_ends_with_the_records_that_are_missing(kinesis, stream, monkeypatch):
    monkeypatch.setattr(output, "PATIENCE", 0.5)
    with KinesisProxy(kinesis.endpoint, lambda requests, record: record["PartitionKey"] == "hot") as proxy:
        out = opened(proxy.endpoint, stream)
        for key in ("hot", "cold", "hot"):
            out.send(b"x", key)
        with pytest.raises(ProducerError) as error:
            out.flush()
    assert str(error.value) == (
        f"2 of 3 records were not acknowledged by Kinesis stream {stream!r} within 0.5 s: "
        f"the last error was {THROTTLED}."
    )
    out.flush()  # nothing is left
    assert (out.acknowledged, len(arrived(kinesis, stream)["cold"])) == (1, 1)


@pytest.mark.servers
def test_error_that_stays_ends_the_run_with_the_counts(kinesis, stream):
    with KinesisProxy(kinesis.endpoint, fail=lambda requests: "AccessDeniedException") as proxy:
        done = run(to(proxy.endpoint, stream), "--seconds", "0.2")
    assert done.returncode == 1
    assert done.stderr == (
        f"producer: 5 of 5 records were not acknowledged by Kinesis stream {stream!r}: the last error was "
        "AccessDeniedException.\n5 records sent, 0 acknowledged, 0 blocks dropped, 0 overflows\n"
    )


@pytest.mark.servers
@pytest.mark.parametrize("region", [REGION, "ap-northeast-1"])
def test_missing_stream_is_refused(kinesis, stream, region):
    name = "Missing" if region == REGION else stream
    with pytest.raises(RefusedError) as error:
        KinesisOutput(parse_broker_uri("to", f"kinesis://{region}/{name}?endpoint={kinesis.endpoint}"))
    assert str(error.value) == (
        f"There is no Kinesis stream {name!r} in {region}: create it (aws kinesis create-stream --region {region} "
        f"--stream-name {name}), or check name and region."
    )


@pytest.mark.servers
def test_writing_needs_no_permission_to_describe(kinesis, stream):
    with KinesisProxy(kinesis.endpoint, deny={"DescribeStreamSummary": "AccessDeniedException"}) as proxy:
        out = opened(proxy.endpoint, stream)
        out.send(b"x", "room")
        out.flush()
    assert arrived(kinesis, stream) == {"room": [b"x"]}


@pytest.mark.servers
def test_credentials_that_aws_refuses_are_refused(kinesis, stream):
    with (
        KinesisProxy(kinesis.endpoint, deny={"DescribeStreamSummary": "UnrecognizedClientException"}) as proxy,
        pytest.raises(RefusedError) as error,
    ):
        opened(proxy.endpoint, stream)
    assert str(error.value) == "AWS refuses the credentials: UnrecognizedClientException."


def test_endpoint_where_nobody_answers_is_refused():
    start = time.monotonic()
    done = run("kinesis://us-east-1/VolumeStream?endpoint=http://127.0.0.1:9")
    assert time.monotonic() - start < 15
    assert (done.returncode, done.stdout, done.stderr) == (
        2, "", "producer: No Kinesis answers at http://127.0.0.1:9: check region, endpoint and network "
        "(EndpointConnectionError).\n",
    )  # fmt: skip


def test_missing_credentials_are_refused(tmp_path):
    nothing = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "a"), "AWS_CONFIG_FILE": str(tmp_path / "b")}
    done = run("kinesis://us-east-1/VolumeStream", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", **nothing)
    assert (done.returncode, done.stderr) == (
        2, "producer: No AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "or run aws configure.\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("acks=all", "to: the options of kinesis are endpoint, profile and ordered, got acks"),
        ("ordered=yes", "to: ordered must be true or false, got 'yes'"),
        ("profile=nobody", "There is no AWS profile 'nobody'."),
        ("endpoint=localhost", "to: Invalid endpoint: localhost"),
    ],
)
def test_wrong_options_are_refused(options, text):
    with pytest.raises(RefusedError) as error:
        KinesisOutput(parse_broker_uri("to", f"kinesis://us-east-1/VolumeStream?{options}"))
    assert str(error.value) == text
