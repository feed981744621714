"""docker-compose.yml and its images: what can be known of them without Docker."""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from confluent_kafka.admin import AdminClient
from job_runs import until
from ruamel.yaml import YAML

from job import cli
from job.flink_client import free_port
from job.java import find_java
from job.local_cluster import flink_home
from job.processes import Started, end
from job.uris import SINKS, SOURCES, parse_uri
from producer.cli import build_parser

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILES = sorted((ROOT / "flink-conf").glob("*Dockerfile"))
COMPOSE = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"topics", "job"}


def _images() -> list[str]:
    bases = [line.split()[1] for file in DOCKERFILES for line in file.read_text().splitlines() if line[:5] == "FROM "]
    return bases + [service["image"] for service in SERVICES.values()]


@pytest.mark.parametrize("image", _images())
def test_every_image_has_an_exact_version(image: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", image), image


def test_nothing_runs_as_root() -> None:
    for service in SERVICES.values():
        assert service["user"] not in ("", "root", "0")
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    for file in DOCKERFILES:
        users = [line.split()[1] for line in file.read_text().splitlines() if line.startswith("USER ")]
        assert users and users[-1] != "root"


def test_ports_are_published_on_the_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert "ports" not in SERVICES["taskmanager"], "several cannot have the same one"
    assert not any("network_mode" in service or "privileged" in service for service in SERVICES.values())


def test_what_runs_for_long_has_a_health_check_and_what_needs_it_waits() -> None:
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name not in ONE_SHOT), name
        for needed, how in service.get("depends_on", {}).items():
            one_shot = needed in ONE_SHOT
            assert how == {"condition": "service_completed_successfully" if one_shot else "service_healthy"}


def test_there_are_no_passwords() -> None:
    said = (ROOT / "docker-compose.yml").read_text() + "".join(file.read_text() for file in DOCKERFILES)
    assert not re.search(r"passw|secret|access_key|token", said, re.IGNORECASE)


def test_containers_have_the_configuration_of_every_run() -> None:
    """What they change of it is addresses, memory, places, metrics."""
    assert "COPY flink-conf/config.yaml /opt/flink/conf/config.yaml" in (ROOT / "flink-conf" / "Dockerfile").read_text()
    configured = YAML(typ="safe").load(ROOT / "flink-conf" / "config.yaml")
    changed = {setting.partition("=")[0] for name in ("jobmanager", "taskmanager") for setting in _settings(name)}
    assert changed & set(configured) <= {
        "jobmanager.rpc.address",
        "jobmanager.bind-host",
        "rest.bind-address",
        "taskmanager.bind-host",
        "taskmanager.host",
    }
    assert not {name for name in changed if name.startswith("web.")}


def _settings(service: str) -> list[str]:
    """What follows -D, which Flink's scripts want as a word of its own."""
    command = SERVICES[service]["command"]
    words = shlex.split(command[2]) if command[0] == "bash" else command
    assert not [word for word in words if re.match("-D.", word)]
    return [words[n + 1] for n, word in enumerate(words) if word == "-D"]


def test_checkpoints_are_where_all_of_flink_reaches_them() -> None:
    assert "execution.checkpointing.dir=file:///checkpoints/checkpoints" in _settings("jobmanager")
    for name in ("jobmanager", "taskmanager", "job"):
        assert SERVICES[name]["volumes"] == ["checkpoints:/checkpoints"]
    assert set(COMPOSE["volumes"]) == {"checkpoints", "kafka"}


def test_commands_are_ours() -> None:
    python, flag, package, *arguments = SERVICES["producer"]["command"]
    assert (python, flag, package) == ("python", "-m", "producer")
    told = build_parser().parse_args(arguments)
    assert told.to == "kafka://kafka:9092/volume"
    python, flag, package, *arguments = SERVICES["job"]["command"]
    assert (python, flag, package) == ("python", "-m", "job")
    run = cli.parsers()[0].parse_args(arguments)
    assert parse_uri("source", run.source, SOURCES) == parse_uri("source", told.to, SOURCES)
    created = set(re.findall(r"^create (\w+) \d+$", SERVICES["topics"]["command"][2], re.MULTILINE))
    ends = [parse_uri("sink", uri, SINKS).broker for uri in (run.source, run.sink, run.errors)]
    assert {end.topic for end in ends if end} == created == {"volume", "scores", "errors"}


def test_what_the_images_copy_is_in_their_context() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for file in DOCKERFILES:
        for line in file.read_text().splitlines():
            if line.startswith("COPY ") and "--from" not in line:
                for source in line.split()[1:-1]:
                    assert any(Path(source).is_relative_to(path) for path in allowed), source
                    assert (ROOT / source).exists() or source.startswith("build/"), source


def test_compose_accepts_the_file() -> None:
    command = _compose()
    done = subprocess.run(
        [*command, "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _compose() -> list[str]:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            told = subprocess.run([*command, "version"], capture_output=True, timeout=60, check=False)
            if told.returncode == 0:
                return command
    pytest.skip("neither docker compose nor docker-compose is installed")


def test_the_parsers_refuse_what_is_not_theirs() -> None:
    """So that the test of the commands can fail."""
    with pytest.raises((SystemExit, argparse.ArgumentError, ValueError)):
        cli.parsers()[0].parse_args([*SERVICES["job"]["command"][3:], "--no-such-option"])


@pytest.mark.cluster
def test_flink_s_commands_and_health_checks_run_here(tmp_path: Path) -> None:
    """The same arguments, with this machine's addresses, ports, places. Prometheus, which listens anywhere, is off."""
    rest, rpc, task = free_port(), free_port(), free_port()
    here = {
        "0.0.0.0": "127.0.0.1",
        "$$(hostname -i)": "127.0.0.1",
        "rpc.address=jobmanager": "rpc.address=localhost",
        "taskmanager.rpc.port=6122": f"taskmanager.rpc.port={task}",
        "socket.gethostname(), 6122": f"'127.0.0.1', {task}",
        "localhost:8081": f"localhost:{rest}",
        "file:///checkpoints": tmp_path.as_uri(),
    }

    def moved(words: list[str]) -> list[str]:
        return [_moved(word, here) for word in words]

    home = flink_home(sys.executable)
    environment = os.environ | {
        "JAVA_HOME": str(find_java()),
        "PATH": f"{home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FLINK_CONF_DIR": str(tmp_path / "conf"),
        "FLINK_LOG_DIR": str(tmp_path),
        "FLINK_PID_DIR": str(tmp_path),
    }
    shutil.copytree(ROOT / "flink-conf", tmp_path / "conf")
    shutil.copy(home / "conf" / "log4j-console.properties", tmp_path / "conf")
    ports = ["-D", f"rest.port={rest}", "-D", f"jobmanager.rpc.port={rpc}"]
    commands = {
        "jobmanager": [*moved(_without_prometheus(SERVICES["jobmanager"]["command"])), *ports],
        "taskmanager": shlex.split(moved(SERVICES["taskmanager"]["command"])[2].removeprefix("exec ")),
    }
    commands["taskmanager"] = [*_without_prometheus(commands["taskmanager"]), "-D", f"jobmanager.rpc.port={rpc}"]
    processes = [Started.begin(name, words, environment, tmp_path / name) for name, words in commands.items()]
    try:
        until(lambda: all(_healthy(moved(SERVICES[name]["healthcheck"]["test"]), environment) for name in commands))
        until(lambda: _taskmanagers(rest) == 1)
    finally:
        end(processes)


@pytest.mark.cluster
def test_kafka_s_settings_and_health_check_and_the_script_of_topics_run_here(tmp_path: Path) -> None:
    """The settings that the image makes of its environment, with this machine's addresses and places."""
    from kafka_broker import format_storage, java

    inside, controller, machine = free_port(), free_port(), free_port()
    here = {
        "INSIDE://:9092": f"INSIDE://127.0.0.1:{inside}",
        "CONTROLLER://:9093": f"CONTROLLER://127.0.0.1:{controller}",
        "MACHINE://:9094": f"MACHINE://127.0.0.1:{machine}",
        "localhost:9094": f"localhost:{machine}",
        "localhost:9092": f"127.0.0.1:{inside}",
        "kafka:9092": f"127.0.0.1:{inside}",
        "kafka:9093": f"127.0.0.1:{controller}",
        "/var/lib/kafka/data": f"{tmp_path}/data",
        "/opt/kafka/bin": f"{tmp_path}",
    }
    environment = SERVICES["kafka"]["environment"]
    settings = {name.removeprefix("KAFKA_").lower().replace("_", "."): value for name, value in environment.items()}
    properties = tmp_path / "server.properties"
    properties.write_text(_moved("".join(f"{name}={value}\n" for name, value in settings.items()), here))
    for script, name in (("kafka-topics", "TopicCommand"), ("kafka-broker-api-versions", "BrokerApiVersionsCommand")):
        file = tmp_path / f"{script}.sh"
        file.write_text(f'#!/bin/sh\nexec {shlex.join([*java(), f"org.apache.kafka.tools.{name}"])} "$@"\n')
        file.chmod(0o755)
    check = [_moved(word, here) for word in SERVICES["kafka"]["healthcheck"]["test"]]
    format_storage(properties)
    broker = Started.begin("kafka", [*java(), "kafka.Kafka", str(properties)], dict(os.environ), tmp_path / "kafka")
    try:
        until(lambda: _healthy(check, os.environ))
        for _ in range(2):  # Compose may run it again
            command = [_moved(word, here).replace("$$", "$") for word in SERVICES["topics"]["command"]]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        topics = AdminClient({"bootstrap.servers": f"127.0.0.1:{machine}"}).list_topics(timeout=30).topics
        partitions = {name: len(topic.partitions) for name, topic in topics.items()}
        assert partitions == {"volume": 4, "scores": 1, "errors": 1}
    finally:
        end([broker])


@pytest.mark.servers
def test_the_kinesis_mock_s_command_and_health_check_run_here(tmp_path: Path) -> None:
    """As its Dockerfile has it, with this machine's ports; kinesis-mock alone would listen on all addresses."""
    from install_servers import PINS, find_node, kinesis_mock_main

    main = kinesis_mock_main()
    said = (ROOT / "flink-conf" / "kinesis.Dockerfile").read_text()
    told = dict(line.split(maxsplit=1) for line in said.splitlines() if line.startswith(("CMD", "ENV")))
    command, fixed = json.loads(told["CMD"]), dict(re.findall(r"(\w+)=(\S+)", told["ENV"]))
    tls, plain = free_port(), free_port()
    here = {"localhost": "127.0.0.1", "4568": f"{plain}", "/mock": str(main.parents[2])}
    environment = os.environ | {name: _moved(value, here) for name, value in fixed.items()}
    environment |= SERVICES["kinesis"]["environment"]
    environment |= {"KINESIS_MOCK_TLS_PORT": f"{tls}", "KINESIS_MOCK_PLAIN_PORT": f"{plain}"}
    assert command[0] == SERVICES["kinesis"]["healthcheck"]["test"][1] == "node"
    node = [str(find_node()), "--require", str(PINS / "loopback.js")]
    check = ["CMD", *node, *(_moved(word, here) for word in SERVICES["kinesis"]["healthcheck"]["test"][2:])]
    mock = Started.begin("kinesis", [*node, str(main.parents[2] / command[1])], environment, tmp_path / "kinesis")
    try:
        until(lambda: _healthy(check, os.environ))
        client = boto3.client(
            "kinesis", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{plain}",
            aws_access_key_id="mock", aws_secret_access_key="mock",
        )  # fmt: skip
        until(lambda: sorted(client.list_streams()["StreamNames"]) == ["errors", "scores", "volume"])
    finally:
        end([mock])


def _moved(word: str, here: dict[str, str]) -> str:
    """A word of a command, with what a container has where this machine has something else."""
    for place, local in here.items():
        word = word.replace(place, local)
    return word


def _without_prometheus(words: list[str]) -> list[str]:
    kept = list(words)
    for word in words:
        if word.startswith("metrics.reporter.prom."):
            at = kept.index(word)
            del kept[at - 1 : at + 1]
    return kept


def _healthy(check: list[str], environment: Mapping[str, str]) -> bool:
    assert check[0] == "CMD"
    return subprocess.run(check[1:], env=environment, capture_output=True, timeout=60, check=False).returncode == 0


def _taskmanagers(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/taskmanagers", timeout=5) as answer:
        return len(json.load(answer)["taskmanagers"])
