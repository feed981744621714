"""What the README shows is what happens: its commands for a stream of one's own, and its Python."""

import doctest
import json
import os
import re
import shutil
import subprocess
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from job_runs import until

from job.flink_client import free_port
from job.sql.schema import InputSchema
from udf.rcf import RandomCutForest

if TYPE_CHECKING:
    from kafka_broker import KafkaBroker

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def test_readme_python_runs() -> None:
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert tried >= 5
    assert failed == 0


def shown(mark: str) -> str:
    """The commands of the README that are marked so."""
    (commands,) = re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)
    return str(commands)


def typed(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Commands as a user types them, in a folder that has what they name."""
    for name in (".venv", "flink-conf", "job"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done


needs_a_shell = pytest.mark.skipif(shutil.which("bash") is None, reason="the README's commands are for a shell")


@needs_a_shell
@pytest.mark.cluster
def test_readme_commands_for_brokers_and_a_cluster_run(tmp_path: Path, kafka: "KafkaBroker") -> None:
    for topic in ("readme-volume", "readme-scores", "readme-errors"):
        kafka.create_topic(topic)
    places = {"localhost:9092/": f"{kafka.bootstrap}/readme-", "localhost:8081": f"localhost:{(port := free_port())}"}
    places["local-cluster start"] = f"local-cluster start --port {port}"
    *commands, last = (shown("test: kafka") + shown("test: cluster")).strip().splitlines()
    try:
        done = typed(reduce(lambda text, place: text.replace(*place), places.items(), "\n".join(commands)), tmp_path)
        assert "500 records sent, 500 acknowledged" in done.stderr
        assert "500 records read" in done.stderr
        assert "stopped; its state is in" in done.stderr
        assert "submitted job" in done.stdout
        # The second of the three jobs may have been stopped before it had read anything
        until(lambda: len(kafka.records("readme-scores")) >= 1000)
        assert [message.value() for message in kafka.records("readme-errors")] == []
    finally:
        assert "ended" in typed(last, tmp_path).stdout


@needs_a_shell
@pytest.mark.cluster
def test_readme_commands_run(tmp_path: Path) -> None:
    done = typed(shown("test"), tmp_path)
    assert "500 records read, 500 scored, 0 rejected, 0 late" in done.stderr
    first = done.stdout.splitlines()[0]
    assert re.fullmatch(r'\{"event_time":.*"volume":.*,"second":"[^"]+Z","anomaly_score":[0-9.]+\}', first), first
    assert RandomCutForest.from_bytes((tmp_path / "room.forest").read_bytes()).records_seen == 500


@needs_a_shell
@pytest.mark.cluster
def test_readme_commands_explain(tmp_path: Path) -> None:
    done = typed(shown("test: explained"), tmp_path)
    assert "--value not given: scoring the numeric field volume of 1000 records sampled" in done.stderr
    assert done.stdout
    for line in done.stdout.splitlines():
        assert re.fullmatch(
            r'\{"event_time":.*,"second":"[^"]+Z","probability":[0-9.e-]+,"grade":0.[1-9]\d*,"explanation":\{"volume":'
            r'\{"DIRECTION":"(HIGH|LOW)","STRENGTH":"[01].\d{4}","ATTRIBUTION_SCORE":"\d.\d{4}"\}\},"anomaly_score":[\d.]+\}',
            line,
        ), line


@needs_a_shell
@pytest.mark.cluster
def test_readme_command_runs_a_sql_application(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    volumes = [*range(20), 99, *range(19)]
    records = ({"event_time": 1767225600000 + 100 * i, "volume": volume} for i, volume in enumerate(volumes))
    (tmp_path / "spool" / "1.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    done = typed(shown("test: sql"), tmp_path)
    assert len(done.stdout.splitlines()) == 3
    rows = [
        json.loads(line) for file in (tmp_path / "loudest").glob("[!._]*") for line in file.read_text().splitlines()
    ]
    assert sorted(row["volume"] for row in rows) == sorted(volumes)
    assert max(rows, key=lambda row: row["ANOMALY_SCORE"])["volume"] == 99


@needs_a_shell
def test_readme_command_discovers(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "1.jsonl").write_text('{"event_time": "2026-11-21T20:32:22.310+00:00", "volume": 19.95}\n')
    done = typed(shown("test: discover"), tmp_path)
    assert done.stdout.startswith("1 records sampled\n\ncolumn ")
    schema = InputSchema.read(tmp_path / "volume.schema.json")
    assert str(schema) == '"event_time" TIMESTAMP, "volume" DOUBLE'


@needs_a_shell
def test_readme_command_estimates(tmp_path: Path) -> None:
    done = typed(shown("test: estimate"), tmp_path)
    assert done.stdout.startswith("10,000 forests of 100 trees × 10 records of 1 value, 1 worker\n")


def test_readme_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text())
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
