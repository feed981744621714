"""What a server in a process of its own needs: a port, a wait until it listens, and an end by its process id."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self


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


class Server:
    """What can be started and stopped, as a context manager."""

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
