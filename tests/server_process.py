"""What a server in a process of its own needs: a port, a wait until it listens, and an end by its process id."""

import contextlib
import random
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

_given: set[int] = set()


def free_port() -> int:
    """A loopback port that nobody listens on, another one each time, below those that outgoing connections get.

    A client that tries again and again to reach a stopped server at an ephemeral port may connect to itself.
    """
    for _ in range(100):
        port = random.randrange(12_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
    raise RuntimeError("no free port on 127.0.0.1")


def start_server(
    command: list[str], port: int, log: Path, seconds: float = 60, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A process that listens on 127.0.0.1:port. Raises RuntimeError, with the end of its log, if it does not."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment, start_new_session=True
        )
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process
        time.sleep(0.05)
    end_server(process)
    raise RuntimeError(f"{command[0]} does not listen on port {port}:\n{log.read_text(errors='replace')[-2000:]}")


def end_server(process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    """SIGTERM, and SIGKILL for one that does not end."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
