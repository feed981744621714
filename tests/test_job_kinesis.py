"""The seed's path: a producer with boto3, a Kinesis stream, and the job on Flink 1.20, which has the connector."""

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from feed import Feed
from job_runs import ROOT, command, rows, until
from kinesis_mock import REGION

from udf.rcf import RandomCutForest

if TYPE_CHECKING:
    from kinesis_mock import KinesisMock

pytestmark = pytest.mark.cluster

PYTHON = ROOT / ".venv-1.20" / "bin" / "python"


@pytest.mark.skipif(not PYTHON.exists(), reason="Flink 1.20 is not installed: run `make setup-1.20`")
def test_every_record_of_two_shards_is_scored_while_one_splits(
    tmp_path: Path, kinesis: "KinesisMock", monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in kinesis.environment.items():
        monkeypatch.setenv(name, value)
    kinesis.create_stream("VolumeStream", 2)
    kinesis.create_stream("errors", 1)
    source, errors = (f"kinesis://{REGION}/{s}?endpoint={kinesis.endpoint}" for s in ("VolumeStream", "errors"))
    job = command(
        "run", *("--source", source, "--sink", f"file:{tmp_path / 'scores'}", "--errors", errors),
        *("--value", "volume", "--quiet", "10s", "--num-trees", 20, "--sample-size", 10, "--time-decay", 100),
        python=PYTHON,
    )  # fmt: skip
    feed = Feed(source, records_per_second=30, keys=8)
    feed.start()
    until(lambda: len(rows(tmp_path / "scores")) > 100 or job.poll() is not None)
    shard = kinesis.client.list_shards(StreamName="VolumeStream")["Shards"][0]
    first, last = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
    kinesis.client.split_shard(
        StreamName="VolumeStream", ShardToSplit=shard["ShardId"], NewStartingHashKey=str((first + last) // 2)
    )
    time.sleep(15)
    feed.finish()
    until(lambda: len(rows(tmp_path / "scores")) >= len(feed.good) or job.poll() is not None)
    job.send_signal(signal.SIGINT)
    _, err = job.communicate(timeout=120)
    assert job.returncode == 0, err
    assert len(kinesis.client.list_shards(StreamName="VolumeStream")["Shards"]) == 4, "two, and the halves of one"

    scores = [row for row in rows(tmp_path / "scores") if row["number"] > 0]
    assert len(scores) == len(feed.good), "each once"
    rejected = [json.loads(record["Data"]) for record in kinesis.records("errors")]
    assert {row["reason"] for row in rejected} == {"volume is not a number"}
    assert len(rejected) == feed.bad
    expected = sorted(feed.good.values(), key=lambda record: (record["event_time"], record["volume"]))
    forest = RandomCutForest(1, num_trees=20, sample_size=10, time_decay=100)
    undisturbed = forest.score_and_learn(np.array([[record["volume"]] for record in expected]))
    assert {row["number"]: row["anomaly_score"] for row in scores} == dict(
        zip([record["number"] for record in expected], undisturbed.tolist(), strict=True)
    )
