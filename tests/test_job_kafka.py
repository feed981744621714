"""The job between Kafka topics, on a cluster of real processes, while those are killed."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from confluent_kafka import Producer
from feed import Feed, read
from job_runs import ROOT, command, options, process_group, rows, run_to_the_end, until
from ruamel.yaml import YAML

from job.flink_client import free_port
from job.local_cluster import LocalCluster
from job.uris import SOURCES, parse_uri
from udf.rcf import RandomCutForest

if TYPE_CHECKING:
    from kafka_broker import KafkaBroker

pytestmark = pytest.mark.cluster

PARTITIONS = 4
FOREST = ["--num-trees", 20, "--sample-size", 10, "--time-decay", 100]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    port = free_port()
    flink = LocalCluster(tmp_path_factory.mktemp("flink") / "cluster")
    try:
        flink.start(1, {"port": port, "slots": 1})
        yield flink
    finally:
        flink.stop()


def test_records_of_a_topic_are_scored_or_rejected_and_late_by_their_own_partition(
    tmp_path: Path, kafka: "KafkaBroker"
) -> None:
    kafka.create_topic("odd", 2)
    start = 1_790_000_000_000
    arrivals = round(time.time() * 1000)

    def record(second: float, volume: int) -> bytes:
        return json.dumps({"event_time": start + round(second * 1000), "volume": volume}).encode()

    given: list[tuple[int, bytes | None]] = [
        (0, record(0.1, 1)),
        (0, record(9.0, 2)),
        (0, record(8.9, 3)),  # late: partition 0 has been in second 9
        (1, record(1.0, 4)),  # not late: partition 1 has not
        (1, b'{\n "volume": 5,\n "event_time": %d\n}' % (start + 2000)),
        (1, b'{"volume": 6}'),  # has the time of its arrival
        (0, b'{"volume": 7, "event_time": 4000000000000}'),  # a wrong clock, which moves nothing
        (0, record(9.5, 8)),
        (0, b"\xff\x00\n\xe2\x90\xa4"),
        (0, None),
        (0, b'{"volume": 9, "event_time": "soon"}'),
    ]
    sender = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for partition, value in given:
        sender.produce("odd", value, partition=partition, timestamp=arrivals)
    sender.flush()
    told = options(
        tmp_path,
        parse_uri("source", f"kafka://{kafka.bootstrap}/odd", SOURCES),
        bounded=True, max_delay=0, quiet=2000,
    )  # fmt: skip
    summary = run_to_the_end(told)
    assert (summary.read, summary.scored, summary.rejected, summary.late) == (11, 6, 4, 1)
    assert sorted(row["volume"] for row in rows(tmp_path / "scores")) == [1, 2, 4, 5, 6, 8]
    (arrived,) = [row["second"] for row in rows(tmp_path / "scores") if row["volume"] == 6]
    assert arrived == datetime.fromtimestamp(arrivals // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert sorted((row["reason"], row["raw"], row["encoding"]) for row in rows(tmp_path / "errors")) == sorted(
        [
            ("late: its second was closed", record(8.9, 3).decode(), "UTF-8"),
            ("event_time is more than 86400 s ahead of its arrival", given[6][1].decode(), "UTF-8"),  # type: ignore[union-attr]
            ("event_time is not a time (ISO 8601, or epoch seconds or milliseconds)", given[10][1].decode(), "UTF-8"),  # type: ignore[union-attr]
            ("not a JSON object", "", "UTF-8"),
            ("not a JSON object", "\xff\x00\n\xe2\x90\xa4", "ISO-8859-1"),
        ]
    )


def test_a_machine_that_slept_has_not_heard_silence(kafka: "KafkaBroker") -> None:
    """A record that arrives while the job's processes are stopped, far longer than --quiet, is not late after it."""
    kafka.create_topic("asleep")
    kafka.create_topic("awake")
    sender = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})

    def send(*seconds: float) -> None:
        for second in seconds:
            sender.produce("asleep", b'{"event_time": %d, "volume": 1}' % (1_790_000_000_000 + round(second * 1000)))
        sender.flush()

    def scored_while_speaking() -> int:
        send(1.1)
        return len(kafka.records("awake"))

    send(0.1, 0.2)
    job = command(
        *("run", "--source", f"kafka://{kafka.bootstrap}/asleep", "--sink", f"kafka://{kafka.bootstrap}/awake"),
        *("--errors", "print:", "--checkpoint-interval", "1s", "--quiet", "3s", "--max-delay", "0s", *FOREST),
    )
    try:
        until(lambda: scored_while_speaking() == 2)
        os.killpg(job.pid, signal.SIGSTOP)
        send(1.2, 2.1)
        time.sleep(6)
        os.killpg(job.pid, signal.SIGCONT)
        sent = len(kafka.records("asleep"))
        scores = [json.loads(text)["second"][-3:] for text in read(kafka.bootstrap, "awake", sent)]
        job.send_signal(signal.SIGINT)
        out, err = job.communicate(timeout=120)
    finally:
        job.kill()
    assert scores == ["20Z"] * 2 + ["21Z"] * (sent - 3) + ["22Z"], out
    assert f"{sent:,} records read" in err
    sampled = int(re.search(r"of (\d+) records sampled", err)[1])  # type: ignore[index]
    assert 2 * sampled < sent, "what there was at the start, no more: Flink starts for longer than what samples"


def of_compose(service: str, **places: str) -> list[str]:
    """The arguments of a service in docker-compose.yml, with other places than its network's."""
    command = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"][service]["command"]
    arguments = " ".join(command[command.index("-m") + 2 :])
    for name, place in places.items():
        assert name.replace("_", ":") in arguments
        arguments = arguments.replace(name.replace("_", ":"), place)
    return arguments.split()


def expected(volume: list[dict[str, Any]]) -> Counter[tuple[float, float]]:
    """Volume and score of records, by the forest alone: all of a second together, in order of their time and volume."""
    ordered = sorted((millis(record["event_time"]), record["volume"]) for record in volume)
    forest = RandomCutForest(1, num_trees=20, sample_size=10, time_decay=100)
    scores = forest.score_and_learn(np.array([[level] for _, level in ordered]))
    return Counter(zip([level for _, level in ordered], scores.tolist(), strict=True))


def millis(time: float | str) -> int:
    if isinstance(time, str):
        return math.floor(datetime.fromisoformat(time).timestamp() * 1000 + 1e-3)
    return round(time) if time > 1e11 else round(time * 1000)


def test_every_record_is_scored_once_across_a_killed_taskmanager_and_a_broker_restart(
    tmp_path: Path, cluster: LocalCluster
) -> None:
    """The job has the arguments that docker-compose.yml gives it."""
    from kafka_broker import KafkaBroker

    with KafkaBroker(tmp_path / "kafka") as broker:
        broker.create_topic("volume", PARTITIONS)
        broker.create_topic("scores")
        broker.create_topic("errors")
        feed = Feed(f"kafka://{broker.bootstrap}/volume", records_per_second=200, keys=2 * PARTITIONS)
        feed.start()
        state = tmp_path / "state"
        told = of_compose(
            "job",
            kafka_9092=broker.bootstrap,
            jobmanager_8081=f"127.0.0.1:{cluster.settings['port']}",
            **{"/checkpoints/job": str(state)},
        )
        submitted = command(*told, "--quiet", "60s", "--max-delay", "0s", *FOREST)
        _, err = submitted.communicate(timeout=180)
        assert submitted.returncode == 0, err
        assert f"python -m job stop --state {state}" in err

        assert len(read(broker.bootstrap, "scores", 500)) >= 500
        (killed,) = (process for process in cluster.running if process.name != "jobmanager")
        workers = process_group(killed.pid)
        assert len(workers) > 1, "Python workers"
        os.kill(killed.pid, signal.SIGKILL)
        until(lambda: not killed.alive())
        cluster.start(1, {})
        assert process_group(killed.pid) == [], "its workers outlived it"
        time.sleep(3)
        broker.stop()
        time.sleep(2)
        broker.start()
        time.sleep(3)
        feed.finish()

        texts = [message.value() or b"" for message in broker.records("volume")]
        records = [record for record in map(json.loads, texts) if record.get("number") != -1]
        good = [record for record in records if record["volume"] != "loud"]
        assert len(records) == len(feed.good) + feed.bad
        scores = [json.loads(text) for text in read(broker.bootstrap, "scores", len(good), seconds=180)]
        errors = [json.loads(text) for text in read(broker.bootstrap, "errors", feed.bad)]
        stopped = command("stop", "--state", state)
        assert "stopped; its state is in" in stopped.communicate(timeout=120)[1]
        assert stopped.returncode == 0
    print(f"{len(good)} good and {feed.bad} bad records")
    assert {row["reason"] for row in errors} == {"volume is not a number"}
    assert len(errors) == feed.bad
    assert len(scores) == len(good), "each once"
    order = [(row["second"], -row["anomaly_score"]) for row in scores]
    assert order == sorted(order)
    assert Counter((row["volume"], row["anomaly_score"]) for row in scores) == expected(good)


def test_composes_producer_sends_until_it_is_ended(kafka: "KafkaBroker") -> None:
    kafka.create_topic("volume", PARTITIONS)
    room = subprocess.Popen(
        [sys.executable, "-m", "producer", *of_compose("producer", kafka_9092=kafka.bootstrap)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: len(kafka.records("volume")) >= 50)
    room.terminate()
    counts = room.communicate(timeout=60)[1].splitlines()[-1]
    sent = re.match(r"(\d+) records sent, \1 acknowledged", counts)
    assert sent, counts
    assert len(kafka.records("volume")) == int(sent[1])
