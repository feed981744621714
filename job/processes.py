"""Processes that outlive the command that began them, known and ended by their ids."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Started:
    """A process in a session of its own. `born` tells it from a later process of the same id: clock ticks since boot,
    empty on a machine without /proc."""

    name: str
    pid: int
    born: str

    @classmethod
    def begin(cls, name: str, command: list[str], environment: dict[str, str], output: Path) -> "Started":
        """Start `command`, what it prints appended to `output`.

        Raises:
            OSError: the command cannot be run.
        """
        with output.open("ab") as stream:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.returncode = 0  # it is meant to live on: no warning when this object goes
        return cls(name, process.pid, _status(process.pid)[1])

    def alive(self) -> bool:
        """True while it runs; a process that has ended but was not waited for does not."""
        try:
            os.kill(self.pid, 0)
        except OSError:
            return False
        state, born = _status(self.pid)
        return state != "Z" and born == self.born


def end(processes: list[Started]) -> None:
    """Ask all that live to end, kill what is left after 10 s, and with each, dead or not, what it had started.

    Python workers outlive a TaskManager that was killed; they are of its group.
    """
    living = [process for process in processes if process.alive()]
    for process in living:
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while any(process.alive() for process in living) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in processes:
        # a group keeps its id from being given away while it has members: another process of this id, no group of ours
        if _status(process.pid)[1] in ("", process.born):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _status(pid: int) -> tuple[str, str]:
    """State and time of birth as Linux tells them."""
    try:
        # after the name in parentheses, which may hold anything: fields 3 and 22
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]
