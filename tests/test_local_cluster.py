"""Flink processes on this machine: begun, reachable from here only, replaced after a kill, all ended."""

import os
import signal
import time
from pathlib import Path

import pytest
from job_runs import process_group

from job.cluster_cli import main
from job.flink_client import free_port
from job.local_cluster import DEFAULTS, LocalCluster, configuration, flink_home
from job.processes import Started, end

SETTINGS = DEFAULTS | {"rpc_port": 6123}
LOOPBACK = {"0100007F", "0" * 24 + "01000000", "0000000000000000FFFF00000100007F"}


def test_configuration_is_that_of_every_run_and_loopback(tmp_path: Path) -> None:
    settings = configuration(tmp_path, SETTINGS)
    for name in ("rest.bind-address", "jobmanager.bind-host", "taskmanager.bind-host"):
        assert settings[name] == "127.0.0.1"
    assert settings["web.submit.enable"] == "false"
    assert settings["execution.checkpointing.mode"] == "EXACTLY_ONCE"
    assert settings["execution.checkpointing.dir"] == f"file://{tmp_path}/checkpoints"
    assert not any(name.startswith("metrics.reporter") for name in settings)
    assert configuration(tmp_path, SETTINGS | {"prometheus": "9250-9260"})["metrics.reporter.prom.port"] == "9250-9260"


def test_a_python_without_flink_is_refused() -> None:
    with pytest.raises(ValueError) as refused:
        flink_home("/no/python")
    assert str(refused.value) == "flink_python must be a Python that has apache-flink, got '/no/python'"


def test_a_port_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["start", "--directory", str(tmp_path), "--port", str(port)]) == 2
    assert capsys.readouterr().err == f"local-cluster: port must be one that nobody listens on, got {port}\n"
    assert list(tmp_path.iterdir()) == []


def test_end_ends_what_a_dead_process_left_behind(tmp_path: Path) -> None:
    begun = Started.begin("leader", ["sh", "-c", "sleep 300 & echo $!; wait"], dict(os.environ), tmp_path / "out")
    orphan = _eventually(lambda: int((tmp_path / "out").read_text() or 0), 10)
    assert begun.alive()
    os.kill(begun.pid, signal.SIGKILL)
    assert _eventually(lambda: not begun.alive(), 10)
    assert _lives(orphan)
    end([begun])
    assert _eventually(lambda: not _lives(orphan), 10)


def test_end_spares_a_stranger_of_the_same_id(tmp_path: Path) -> None:
    begun = Started.begin("stranger", ["sleep", "300"], dict(os.environ), tmp_path / "out")
    end([Started("ours", begun.pid, "1")])
    assert begun.alive()
    end([begun])
    assert not begun.alive()


@pytest.mark.cluster
def test_a_cluster_is_reached_from_here_only_survives_a_kill_and_ends(tmp_path: Path) -> None:
    port = free_port()
    told = ["--directory", str(tmp_path / "c"), "--port", str(port)]
    assert main(["start", *told]) == 0
    cluster = LocalCluster(tmp_path / "c")
    try:
        assert [process.name for process in cluster.running] == ["jobmanager", "taskmanager-1"]
        # Idle: Beam's servers for Python workers listen on all interfaces while a job runs; nothing can be set there
        listening = {address for process in cluster.running for address in _listening(process.pid)}
        assert len(listening) >= 5
        assert {address for address, _ in listening} <= LOOPBACK

        killed = cluster.running[1]
        os.kill(killed.pid, signal.SIGKILL)
        assert _eventually(lambda: not killed.alive(), 10)
        assert main(["status", *told]) == 3
        assert main(["start", *told]) == 0
        cluster = LocalCluster(tmp_path / "c")
        assert [process.name for process in cluster.running] == ["jobmanager", "taskmanager-2"]
        assert main(["start", *told, "--slots", "7"]) == 2
    finally:
        pids = [process.pid for process in cluster.running]
        assert main(["stop", *told]) == 0
    assert len(pids) == 2
    assert _eventually(lambda: not any(process_group(pid) for pid in pids), 10)
    assert main(["status", *told]) == 3


def _listening(pid: int) -> list[tuple[str, int]]:
    """Addresses, as the kernel writes them, and ports on which a process listens."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(entry) if entry.is_symlink() else ""
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.append((address, int(port, 16)))
    return found


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _eventually(condition, seconds: float):
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value
