"""Producer, Kafka and the job: records a second of each part over a real broker; print figures as one line of JSON."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from job.options import Options
from job.progress import Silent
from job.run import Run
from job.uris import SINKS, SOURCES, parse_uri
from producer.broker_uri import parse_broker_uri
from producer.kafka import KafkaOutput

_ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(_ROOT / "tests"))  # the broker of the tests is the broker of this benchmark
_KEYS = 64


class _SourceAlone(Run):
    """Flink's own Kafka source, as the job has it, read and dropped."""

    def _build(self, t_env: Any, found: Mapping[str, Any]) -> None:
        from job.sources import create_arrived  # noqa: PLC0415 - PyFlink reads its environment when it is imported

        create_arrived(t_env, self._options.source, found["source"])
        dropped = t_env.sql_query("SELECT partition_number FROM arrived WHERE partition_number < 0")
        t_env.to_data_stream(dropped).print()

    def read(self) -> int:
        """Records that have left the source."""
        assert self._flink is not None
        total = 0
        for vertex in self._flink.get("").get("vertices", []):
            place = f"/vertices/{vertex['id']}/subtasks/metrics"
            names = [metric["id"] for metric in self._flink.get(place)]
            for name in [n for n in names if n.startswith("Source__") and n.endswith("incoming.numRecordsIn")]:
                total += sum(int(metric["sum"]) for metric in self._flink.get(f"{place}?get={name}"))
        return total


def measure(file: Path, partitions: int = 4) -> dict[str, float]:
    """Records a second of the producer alone, of Flink's source alone, and of producer, Kafka and job together.

    The source alone finds a full topic: its records are sent before, in a transaction, and the clock starts when that
    is committed. For all together it starts with the producer, the job's workers being ready, and stops when the last
    score is committed, to Kafka, exactly once.
    """
    from kafka_broker import KafkaBroker  # noqa: PLC0415

    lines = file.read_bytes().splitlines()
    figures: dict[str, float] = {"records": len(lines)}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, KafkaBroker(Path(folder) / "kafka") as broker:
        for topic in ("produced", "alone", "live"):
            broker.create_topic(topic, partitions)
        for topic in ("scores-live", "errors"):
            broker.create_topic(topic)
        began = time.monotonic()
        _produce(f"kafka://{broker.bootstrap}/produced", lines)
        figures["producer"] = len(lines) / (time.monotonic() - began)

        with _ready(_SourceAlone, broker.bootstrap, "alone") as job, _sent(broker.bootstrap, "alone", lines) as commit:
            commit()
            began = time.monotonic()
            while job.read() < len(lines):
                time.sleep(0.1)
            figures["source_alone"] = len(lines) / (time.monotonic() - began)

        with _ready(Run, broker.bootstrap, "live") as job:
            began = time.monotonic()
            _produce(f"kafka://{broker.bootstrap}/live", lines)
            while job.summary.read < len(lines):
                time.sleep(0.2)
                job.poll()
            job.stop(drain=True)
            figures["seconds"] = time.monotonic() - began
            figures["records_per_second"] = len(lines) / figures["seconds"]
    return {name: round(figure) for name, figure in figures.items()}


@contextmanager
def _ready(kind: Any, bootstrap: str, topic: str) -> Iterator[Any]:
    """A job of some kind that waits for the records of a topic."""
    scored = kind is Run
    options = Options(
        source=parse_uri("source", f"kafka://{bootstrap}/{topic}", SOURCES),
        sink=parse_uri("sink", f"kafka://{bootstrap}/scores-{topic}" if scored else "print:", SINKS),
        errors=parse_uri("errors", f"kafka://{bootstrap}/errors" if scored else "print:", SINKS),
    )
    with kind(options, Silent()) as job:
        job.start()
        while not (job.ready() if kind is Run else job._flink.running()):
            time.sleep(0.2)
        yield job


@contextmanager
def _sent(bootstrap: str, topic: str, lines: list[bytes]) -> Iterator[Any]:
    """Records in a topic that nobody can read until the function is called that this gives."""
    settings = {"partitioner": "murmur2_random", "linger.ms": 5, "log_level": 0, "queue.buffering.max.messages": 10**6}
    sender = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic, **settings})
    sender.init_transactions()
    sender.begin_transaction()
    for number, line in enumerate(lines):
        sender.produce(topic, line, str(number % _KEYS))
        if number % 1000 == 0:
            sender.poll(0)
    sender.flush()
    yield sender.commit_transaction


def _produce(uri: str, lines: list[bytes]) -> None:
    output = KafkaOutput(parse_broker_uri("to", uri))
    for number, line in enumerate(lines):
        output.send(line, str(number % _KEYS))
    output.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.kafka_job", description=__doc__)
    parser.add_argument("input", type=Path, help="a JSON-lines file, see python -m bench.generate")
    print(json.dumps(measure(parser.parse_args().input)))
