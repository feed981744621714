"""A real Flink cluster on this machine: processes of their own for JobManager and TaskManagers, on loopback only.

The configuration is flink-conf/config.yaml, with what a cluster needs besides (`configuration`). What runs is written
into cluster.json of the cluster's directory, and is ended by those process ids. Its command is job/cluster_cli.py.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from job.flink_client import free_port
from job.java import find_java
from job.processes import Started, end

_ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_SECONDS = 180.0
DEFAULTS = {"port": 8081, "slots": 2, "flink_python": sys.executable, "prometheus": ""}


class LocalCluster:
    """The cluster in a directory. `settings` are port, rpc_port, slots, flink_python and prometheus, as it runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._file = self.directory / "cluster.json"
        saved = json.loads(self._file.read_text()) if self._file.exists() else {"settings": {}, "processes": []}
        self.settings: dict[str, Any] = saved["settings"]
        self.processes = [Started(**process) for process in saved["processes"]]

    @property
    def running(self) -> list[Started]:
        """JobManager and TaskManagers that live."""
        return [process for process in self.processes if process.alive()]

    @property
    def url(self) -> str:
        """Of the REST interface."""
        return f"http://127.0.0.1:{self.settings['port']}"

    def start(self, taskmanagers: int, told: dict[str, Any]) -> list[Started]:
        """Start what is missing of a JobManager and `taskmanagers` TaskManagers; return when all have registered.

        Raises:
            ValueError: a setting differs from those that the cluster runs with, or the port is taken.
            RuntimeError: there is no Java, or a process did not come up; what this call began is ended then.
        """
        running = self.running
        end([process for process in self.processes if process not in running])
        self.processes = running
        if self.processes:
            for name, value in told.items():
                if value != self.settings[name]:
                    raise ValueError(f"{name} must be {self.settings[name]!r} while the cluster runs, got {value!r}")
        else:
            self.settings = DEFAULTS | told | {"rpc_port": free_port(), "numbered": 0}
        missing = [] if any(process.name == "jobmanager" for process in self.processes) else ["jobmanager"]
        if missing:
            _check_free(self.settings["port"])
            self._write_configuration()
        for _ in range(taskmanagers - sum(process.name != "jobmanager" for process in self.processes)):
            # a number of its own: the JobManager may still believe in a killed one
            self.settings["numbered"] += 1
            missing.append(f"taskmanager-{self.settings['numbered']}")
        begun = []
        try:
            for name in missing:
                begun.append(self._launch(name))
                self.processes.append(begun[-1])
                self._save()
            self._wait_for_all()
        except BaseException:
            end(begun)
            raise
        return begun

    def stop(self) -> list[Started]:
        """End all processes; return those that lived. Logs, checkpoints and savepoints stay."""
        lived = self.running
        end(self.processes)
        self.processes = []
        if self._file.exists():
            self._save()
        shutil.rmtree(self.directory / "tmp", ignore_errors=True)
        return lived

    def taskmanagers(self) -> list[str]:
        """Names of the TaskManagers that the JobManager knows; none while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/taskmanagers", timeout=5) as answer:
                return [entry["id"] for entry in json.load(answer)["taskmanagers"]]
        except (OSError, ValueError):
            return []

    def _launch(self, name: str) -> Started:
        home = flink_home(self.settings["flink_python"])
        environment = os.environ | {
            # the Python of a job's workers is the first on the path, as in the image
            "PATH": os.pathsep.join([str(Path(self.settings["flink_python"]).parent), os.environ["PATH"]]),
            "JAVA_HOME": str(find_java()),
            "FLINK_HOME": str(home),
            "FLINK_CONF_DIR": str(self.directory / "conf"),
            "FLINK_LOG_DIR": str(self.directory / "logs"),
            "FLINK_PID_DIR": str(self.directory / "pids"),
            "FLINK_IDENT_STRING": name,
        }
        command = [str(home / "bin" / "jobmanager.sh"), "start-foreground"]
        if name != "jobmanager":
            command = [
                str(home / "bin" / "taskmanager.sh"),
                "start-foreground",
                "-D",
                f"taskmanager.resource-id={name}",
            ]
        return Started.begin(name, command, environment, self.directory / "logs" / f"{name}.out")

    def _wait_for_all(self) -> None:
        """Until the JobManager answers and knows all TaskManagers."""
        waiting = {process.name for process in self.processes} - {"jobmanager"}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not waiting <= set(self.taskmanagers()):
            for process in self.processes:
                if not process.alive():
                    raise RuntimeError(f"{process.name} ended while it started: see {self.directory / 'logs'}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Flink was not up after {_PATIENCE_SECONDS:.0f} s: see {self.directory / 'logs'}")
            print(".", end="", file=sys.stderr, flush=True)
            time.sleep(1)
        print(file=sys.stderr)

    def _write_configuration(self) -> None:
        for name in ("conf", "logs", "pids", "tmp", "checkpoints", "savepoints"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        lines = [
            f"{name}: {json.dumps(value)}\n" for name, value in configuration(self.directory, self.settings).items()
        ]
        (self.directory / "conf" / "config.yaml").write_text("".join(lines))
        logs = (_ROOT / "flink-conf" / "log4j-cli.properties").read_text()
        for name in ("log4j-console.properties", "log4j-cli.properties"):
            (self.directory / "conf" / name).write_text(logs)

    def _save(self) -> None:
        saved = {"settings": self.settings, "processes": [process.__dict__ for process in self.processes]}
        self._file.write_text(json.dumps(saved, indent=2))


def configuration(directory: Path, settings: dict[str, Any]) -> dict[str, str]:
    """flink-conf/config.yaml, and what a cluster in `directory` needs besides."""
    configured = YAML(typ="safe").load(_ROOT / "flink-conf" / "config.yaml")
    needed = {
        "rest.port": settings["port"],
        "jobmanager.rpc.port": settings["rpc_port"],
        "jobmanager.memory.process.size": "800m",
        "taskmanager.memory.process.size": "1728m",
        "taskmanager.numberOfTaskSlots": settings["slots"],
        # a killed TaskManager is missed after two of them
        "heartbeat.interval": "2000",
        "io.tmp.dirs": directory / "tmp",
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.dir": (directory / "checkpoints").as_uri(),
        "execution.checkpointing.savepoint-dir": (directory / "savepoints").as_uri(),
        "python.executable": settings["flink_python"],
        "python.client.executable": settings["flink_python"],
    }
    if settings["prometheus"]:
        needed |= {
            "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
            "metrics.reporter.prom.port": settings["prometheus"],
        }
    return {name: str(value) for name, value in (configured | needed).items()}


def flink_home(python: str) -> Path:
    """The distribution inside the PyFlink of an interpreter.

    Raises:
        ValueError: it has none.
    """
    find = "import importlib.util as u; print(u.find_spec('pyflink').submodule_search_locations[0])"
    try:
        said = subprocess.run([python, "-c", find], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"flink_python must be a Python that has apache-flink, got {python!r}") from error
    return Path(said.strip())


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ValueError(f"port must be one that nobody listens on, got {port!r}") from error
