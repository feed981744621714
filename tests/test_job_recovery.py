"""A job of many keys that is killed, cancelled, stopped and replayed: the scores of forests that never left memory."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from job_runs import kill_workers, options, rows, running, until, write_lines, written
from test_forests import Saved, Second, Worker
from test_job_forests import expected, records, scores

from job.flink_client import FlinkClient, free_port
from job.local_cluster import LocalCluster
from job.options import Options
from job.results import ResultFiles
from job.run import Run
from job.state import StateDirectory
from job.uris import SOURCES, parse_uri
from udf.random_cut_forest import RandomCutForestFunction
from udf.rcf import RandomCutForest
from udf.share_keys import KEY_GROUPS

if TYPE_CHECKING:
    from kafka_broker import KafkaBroker

pytestmark = pytest.mark.cluster

KEYS = [f"{'sensor-' * 250}{i}" for i in range(50)]
"""Long ones, since they are in the log: few records make it so large that it is folded."""
PER_SECOND = 100
SECONDS = 86


class Stream:
    """The input of a job, given to it some seconds at a time, and what has come out of all its runs."""

    def __init__(self, folder: Path, given: list[dict[str, Any]], flink: LocalCluster) -> None:
        self.source = folder / "spool"
        self.source.mkdir()
        self.seconds = 0
        self._sink = folder / "scores"
        self._given = given
        self._flink = flink
        self._results = ResultFiles(self._sink, "")
        self._rows = 0

    def give(self, seconds: int) -> None:
        start, end = self.seconds * PER_SECOND, (self.seconds + seconds) * PER_SECOND
        self.seconds += seconds
        write_lines(self.source / f"{self.seconds}.jsonl", self._given[start:end])

    def all_but_the_open_second(self) -> bool:
        """True when so much is committed."""
        self._rows += sum(1 for _ in self._results.new_lines())
        return self._rows >= (self.seconds - 1) * PER_SECOND

    def bring_out(self, job: Run) -> None:
        """Wait until all is committed but the open second. A TaskManager that has ended is replaced, as anywhere."""

        def done() -> bool:
            if len(self._flink.running) < 2:
                self._flink.start(1, {})
            return (job.poll() or job.summary.read > 0) and self.all_but_the_open_second()

        until(done)

    def begin(self, job: Run, seconds: int) -> range:
        """Bring out what was given; give more, and return when the first of its rows are written, the last not.

        A checkpoint that the job goes on from when it is ended now has learned one of the seconds returned last.
        """
        self.bring_out(job)
        before, last = written(self._sink), self.seconds - 2
        self.give(seconds)
        until(lambda: written(self._sink) > before)
        return range(last, self.seconds - 1)


def folds(given: list[dict[str, Any]], told: Options) -> list[list[int]]:
    """For each key group the seconds that make its log so large that it is folded, which are the same in any run.

    The job's own function tells them, on the state that tests/test_forests.py keeps in dictionaries.
    """
    from pyflink.java_gateway import get_gateway

    texts = get_gateway().jvm.org.apache.flink.table.data.binary.BinaryStringData
    group_of = {key: texts.fromString(key).hashCode() % KEY_GROUPS for key in KEYS}
    function = RandomCutForestFunction(told.forest, told.every, told.forest_memory_bytes, None, {})
    worker = Worker(function, Saved())
    found: dict[int, list[int]] = {group: [] for group in group_of.values()}
    for number, (_, of_second) in enumerate(groupby(given, lambda record: record["event_time"] // 1000)):
        learned: Second = {}
        for record in of_second:
            row = (record["key"], record["event_time"], [record["volume"]])
            learned.setdefault(group_of[record["key"]], []).append(row)
        list(worker.second(learned))
        for group in learned:
            if not worker.saved.states.get(("log", group)):
                found[group].append(number)
    return list(found.values())


def assert_between_append_and_fold(ended: range, folded: list[list[int]]) -> None:
    """Of the job that was ended with state of one of these seconds, some logs were long, some just folded, some about
    to be: for groups that are folded in none of these seconds it does not matter which."""
    first, last = ended[0], ended[-1]
    settled = [of_group for of_group in folded if not any(first < second <= last for second in of_group)]
    rows_in_log = sorted(first - max(second for second in of_group if second <= first) for of_group in settled)
    print(f"ended after second {first} to {last}: rows in logs over a snapshot {rows_in_log} to {last - first} more")
    assert rows_in_log[0] <= 3
    assert rows_in_log[-1] >= 15
    assert len(settled) < len(folded)


@contextmanager
def cluster(folder: Path, backend: str) -> Iterator[LocalCluster]:
    """One TaskManager of four slots, with the backend that the cluster's own configuration names."""
    flink = LocalCluster(folder)
    try:
        flink.start(0, {"port": free_port(), "slots": 4})
        file = folder / "conf" / "config.yaml"
        file.write_text(file.read_text().replace('"rocksdb"', f'"{backend}"'))
        flink.start(1, {})
        yield flink
    finally:
        flink.stop()


@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
def test_no_kill_no_cancel_and_no_parallelism_changes_a_score(tmp_path: Path, backend: str) -> None:
    """TaskManager and worker are killed at parallelism 1; a savepoint leads to 4, and a drained one to 2; there the
    job is cancelled."""
    given = records(KEYS, SECONDS * PER_SECOND, seed=31)
    state = StateDirectory(tmp_path / "state")

    def told(parallelism: int) -> Options:
        return options(
            tmp_path,
            stream.source,
            key="key",
            num_trees=5,
            forest_memory=15 * RandomCutForest.estimate_bytes(dimensions=1, num_trees=5, sample_size=10),
            state=tmp_path / "state",
            parallelism=parallelism,
            checkpoint_interval=1000,
            quiet=600_000,
            cluster=f"127.0.0.1:{flink.settings['port']}",
        )

    def restores_from() -> str:
        path = state.restore_point().path
        return path.name.partition("-")[0] if path else ""

    with cluster(tmp_path / "cluster", backend) as flink:
        stream = Stream(tmp_path, given, flink)
        stream.give(58)
        with running(told(1)) as job:
            killed = stream.begin(job, 8)
            os.kill(flink.running[1].pid, signal.SIGKILL)
            until(lambda: len(flink.running) == 1)
            assert not stream.all_but_the_open_second(), "all was out before the kill"
            stream.begin(job, 8)
            job.stop(drain=False)
        assert restores_from() == "savepoint"
        with running(told(4)) as job:
            stream.begin(job, 4)
            job.stop(drain=True)
        assert restores_from() == "savepoint"
        with running(told(2)) as job:
            stream.begin(job, 2)  # before the next ones begin, these are in a checkpoint of this run
            cancelled = stream.begin(job, 6)
        client = FlinkClient(told(2).cluster or "", job.summary.job_id)
        until(lambda: client.state() == "CANCELED")
        assert restores_from() == "chk"
        with running(told(2)) as job:
            stream.bring_out(job)
            job.stop(drain=True)
        logs = [file.read_text() for file in (tmp_path / "cluster" / "logs").glob("*taskmanager*.log")]
    assert all(("loads the state backend as HashMap" in log) == (backend == "hashmap") for log in logs)
    assert scores(tmp_path) == expected(given, told(1))
    assert rows(tmp_path / "errors") == []
    folded = folds(given, told(1))
    assert_between_append_and_fold(killed, folded)
    assert_between_append_and_fold(cancelled, folded)


def test_no_interleaving_of_partitions_changes_a_score(tmp_path: Path, kafka: "KafkaBroker") -> None:
    """A turn sends a fifth of a partition, when all before it is read. In the middle of that after ! is a crash."""
    turns = "33333 11111 00000 22!222"
    from confluent_kafka import Producer

    topic = f"interleaved-{turns[:4]}"
    kafka.create_topic(topic, 4)
    sender = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    given = records(KEYS[:12], 4000, seed=32, every=5)
    partitions = np.random.default_rng(33).integers(4, size=len(given)).tolist()  # of a key in all of them
    waiting = [[r for r, of in zip(given, partitions, strict=True) if of == partition] for partition in range(4)]
    told = options(
        tmp_path,
        parse_uri("source", f"kafka://{kafka.bootstrap}/{topic}", SOURCES),
        key="key",
        num_trees=5,
        state=tmp_path / "state",
        max_delay=0,
        quiet=600_000,
    )
    sent = 0

    def send(partition: int, count: int) -> None:
        nonlocal sent
        for record in waiting[partition][:count]:
            sender.produce(topic, json.dumps(record), partition=partition)
        sent += len(waiting[partition][:count])
        del waiting[partition][:count]
        sender.flush()

    def crash(job: Run, partition: int) -> None:
        before = written(tmp_path / "scores")
        send(partition, 100)
        until(lambda: written(tmp_path / "scores") > before)
        assert kill_workers() > 0
        job.poll()
        assert job.summary.scored < len(given), "all was out before the kill"

    with running(told) as job:
        for turn in re.findall("!?[0-3]", turns):
            partition = int(turn[-1])
            if turn[0] == "!":
                crash(job, partition)
            send(partition, 110 if turn[0] == "!" else 210)
            until(lambda: (job.poll(), job.summary.read)[1] == sent)
        job.stop(drain=True)
    assert sent == len(given)
    assert scores(tmp_path) == expected(given, told)
    assert rows(tmp_path / "errors") == []
