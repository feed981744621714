"""Kafka as output, against a real broker: what arrives, what is refused, and what a broker that goes away does."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from itertools import count
from pathlib import Path

import pytest
from kafka_broker import KafkaBroker

from producer import kafka as output
from producer.broker_uri import parse_broker_uri
from producer.errors import ProducerError, RefusedError
from producer.kafka import KafkaOutput

REPOSITORY = Path(__file__).parents[1]
PRODUCER = [sys.executable, "-m", "producer", "--from", "synthetic", "--quiet"]
NUMBERS = count()
# org.apache.kafka.common.utils.Utils.murmur2 of the broker's own jar says so
MURMUR2 = {"synthetic": 186843523, "microphone": -481017244, "shout.flac": -76881587, "21": -973932308}
LOGIN = {"user": "eve", "password": "right-word"}
SASL = "security.protocol=SASL_PLAINTEXT&sasl.mechanism=PLAIN"


@pytest.fixture
def topic(kafka: KafkaBroker) -> str:
    name = f"volume-{next(NUMBERS)}"
    kafka.create_topic(name, 7)
    return name


@pytest.fixture(scope="module")
def locked(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory):
    """A broker that wants a password, with a topic."""
    with KafkaBroker(tmp_path_factory.mktemp("locked"), sasl=LOGIN) as broker:
        broker.create_topic("volume")
        yield broker


def opened(servers, topic, options=""):
    return KafkaOutput(parse_broker_uri("to", f"kafka://{servers}/{topic}?{options}".rstrip("?")))


def run(uri, *arguments, **environment):
    return subprocess.run(
        [*PRODUCER, "--pace", "fast", "--to", uri, *arguments], env=os.environ | environment,
        check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def started(kafka, topic):
    """A producer of a long sound that has begun to send."""
    command = [*PRODUCER, "--seconds", "600", "--to", f"kafka://{kafka.bootstrap}/{topic}"]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    while not kafka.records(topic):
        assert process.poll() is None, process.communicate()
    return process


def arrived(kafka, topic):
    """The records' values by (partition, key), in the order of the topic."""
    found = defaultdict(list)
    for message in kafka.records(topic):
        found[message.partition(), message.key().decode()].append(message.value())
    return found


def partition(key):
    """Java's choice among seven."""
    return (MURMUR2[key] & 0x7FFFFFFF) % 7


@pytest.mark.servers
def test_every_record_arrives_once_in_order_in_one_partition(kafka, topic):
    done = run(f"kafka://{kafka.bootstrap}/{topic}?compression.type=zstd&linger.ms=20")
    assert done.stderr == "1500 records sent, 1500 acknowledged, 0 blocks dropped, 0 overflows\n"
    assert (done.returncode, done.stdout) == (0, "")
    found = arrived(kafka, topic)
    assert list(found) == [(partition("synthetic"), "synthetic")]
    (records,) = found.values()
    times = [json.loads(record)["event_time"] for record in records]
    assert len(times) == 1500
    assert times == sorted(set(times))


@pytest.mark.servers
def test_key_chooses_the_partition_that_java_would(kafka, topic):
    out = opened(kafka.bootstrap, topic)
    for i in range(20):
        for key in MURMUR2:
            out.send(b"%02d" % i, key)
    out.flush()
    assert out.acknowledged == 80
    assert arrived(kafka, topic) == {(partition(key), key): [b"%02d" % i for i in range(20)] for key in MURMUR2}


@pytest.mark.servers
def test_full_queue_is_waited_for(kafka, topic):
    done = run(f"kafka://{kafka.bootstrap}/{topic}?queue.buffering.max.messages=10", "--seconds", "20")
    assert done.stderr == "500 records sent, 500 acknowledged, 0 blocks dropped, 0 overflows\n"
    assert len(kafka.records(topic)) == 500


@pytest.mark.servers
def test_broker_that_crashes_and_comes_back_loses_and_doubles_nothing(kafka, topic):
    out = opened(kafka.bootstrap, topic)

    def send(numbers):
        for i in numbers:
            out.send(b"%04d" % i, "21")
            time.sleep(0.001)

    send(range(500))
    kafka.kill()
    send(range(500, 1000))
    back = threading.Thread(target=kafka.start)
    back.start()
    send(range(1000, 1500))
    assert out.acknowledged < 1500
    out.flush()
    back.join()
    assert out.acknowledged == 1500
    assert arrived(kafka, topic) == {(partition("21"), "21"): [b"%04d" % i for i in range(1500)]}


@pytest.mark.servers
def test_broker_that_stays_away_ends_the_run_with_the_counts(kafka, topic):
    out = opened(kafka.bootstrap, topic, "delivery.timeout.ms=5000")
    out.send(b"before", "21")
    out.flush()
    with kafka.frozen():
        for _ in range(3):
            out.send(b"after", "21")
        for _ in range(2):  # nothing is left for the second
            with pytest.raises(ProducerError) as error:
                out.flush()
            assert str(error.value) == (
                f"3 of 4 records were not acknowledged by Kafka at {kafka.bootstrap}: delivery.timeout.ms is over."
            )
        with pytest.raises(ProducerError):
            out.send(b"later", "21")
    assert out.acknowledged == 1


@pytest.mark.servers
def test_second_interrupt_ends_at_once_without_a_broker(kafka, topic):
    process = started(kafka, topic)
    with kafka.frozen():
        time.sleep(0.3)  # for a record that is not acknowledged
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == -signal.SIGINT
    assert process.communicate()[1] == ""


@pytest.mark.servers
def test_interrupt_sends_what_is_left(kafka, topic):
    process = started(kafka, topic)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    sent = len(kafka.records(topic))
    assert (process.returncode, errors) == (
        0, f"{sent} records sent, {sent} acknowledged, 0 blocks dropped, 0 overflows\n",
    )  # fmt: skip


@pytest.mark.servers
def test_missing_topic_is_refused(kafka):
    start = time.monotonic()
    done = run(f"kafka://{kafka.bootstrap}/volum")
    assert time.monotonic() - start < 15
    assert (done.returncode, done.stdout, done.stderr) == (
        2, "", f"producer: There is no topic 'volum' at {kafka.bootstrap}: create it (kafka-topics.sh "
        f"--bootstrap-server {kafka.bootstrap} --create --topic volum), or check the name.\n",
    )  # fmt: skip


def test_missing_broker_is_refused_within_fifteen_seconds():
    start = time.monotonic()
    done = run("kafka://127.0.0.1:9/volume")
    assert time.monotonic() - start < 15
    sentence, _, reason = done.stderr.partition(" (")
    assert (done.returncode, sentence) == (
        2, "producer: No Kafka broker answers at 127.0.0.1:9: check host and port, that it runs, and that "
        "security.protocol is its own",
    )  # fmt: skip
    assert "Connection refused" in reason
    assert reason.count("\n") == 1


@pytest.mark.servers
def test_wrong_credentials_are_refused_and_not_repeated(locked):
    wrong = {"KAFKA_SASL_USERNAME": "eve", "KAFKA_SASL_PASSWORD": "wrong-word"}
    done = run(f"kafka://{locked.bootstrap}/volume?{SASL}", **wrong)
    assert (done.returncode, done.stdout, done.stderr) == (
        2, "", f"producer: Kafka at {locked.bootstrap} refuses the credentials: check KAFKA_SASL_USERNAME, "
        "KAFKA_SASL_PASSWORD and sasl.mechanism.\n",
    )  # fmt: skip


@pytest.mark.servers
def test_wrong_security_protocol_is_refused(locked, monkeypatch):
    monkeypatch.setattr(output, "PATIENCE", 1)
    with pytest.raises(RefusedError, match=r"^No Kafka broker answers at .* security\.protocol is its own \(.+\)\.$"):
        opened(locked.bootstrap, "volume")


@pytest.mark.servers
def test_credentials_come_from_the_environment_or_from_a_file(locked, tmp_path, monkeypatch):
    file = tmp_path / "client.properties"
    file.write_text(
        "# Java's form\nbootstrap.servers=elsewhere:9092\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism: PLAIN\n"
        "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\\n"
        '  username="eve" password="right-word";\n'
    )
    before = len(locked.records("volume"))
    out = opened(locked.bootstrap, "volume", f"config={file}")
    out.send(b"1", "21")
    out.flush()
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "eve")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "right-word")
    out = opened(locked.bootstrap, "volume", SASL)
    out.send(b"2", "21")
    out.flush()
    assert len(locked.records("volume")) == before + 2


@pytest.mark.servers
def test_record_that_is_too_large_is_one_sentence(kafka, topic):
    out = opened(kafka.bootstrap, topic, "message.max.bytes=1000")
    out.send(b"x" * 500, "21")
    with pytest.raises(ProducerError) as error:
        out.send(b"x" * 1001, "21")
    assert str(error.value) == "A record of 1001 bytes cannot be sent to Kafka: Broker: Message size too large."
    out.flush()
    assert out.acknowledged == 1


@pytest.mark.servers
def test_record_that_the_broker_finds_too_large_ends_the_run(kafka):
    kafka.create_topic("small", **{"max.message.bytes": "80"})
    done = run(f"kafka://{kafka.bootstrap}/small", "--seconds", "0.04")
    assert (done.returncode, done.stderr) == (
        1, f"producer: 1 of 1 records were not acknowledged by Kafka at {kafka.bootstrap}: Broker: Message size too "
        "large.\n1 records sent, 0 acknowledged, 0 blocks dropped, 0 overflows\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("foo=1", 'No such configuration property: "foo"'),
        ("compression.type=zst", 'Invalid value "zst" for configuration property "compression.codec"'),
        ("acks=0", "Failed to create producer: `acks` must be set to `all` when `enable.idempotence` is true"),
    ],
)
def test_options_that_librdkafka_refuses_are_refused(options, text):
    with pytest.raises(RefusedError) as error:
        opened("127.0.0.1:9", "volume", options)
    assert str(error.value) == f"to: the Kafka client refuses an option: {text}"


def test_login_without_a_password_is_refused(tmp_path):
    file = tmp_path / "client.properties"
    file.write_text("sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true;\n")
    with pytest.raises(RefusedError) as error:
        opened("127.0.0.1:9", "volume", f"config={file}")
    assert str(error.value) == 'to: sasl.jaas.config must have username="…" and password="…", or not be there'
