"""Runs of the real job for tests: in this process, or as the command that a user types."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from job.options import Options
from job.progress import Silent
from job.run import Run, Summary
from job.stop import Stop
from job.uris import Uri

ROOT = Path(__file__).resolve().parents[1]


def options(folder: Path, source: Path | Uri, **changed: Any) -> Options:
    """Options that read `source` and write into `folder`."""
    return Options(
        **{
            "source": Uri("file", source) if isinstance(source, Path) else source,
            "sink": Uri("file", folder / "scores"),
            "errors": Uri("file", folder / "errors"),
            "num_trees": 20,
            "sample_size": 10,
            "time_decay": 100,
            **changed,
        }
    )


def run_to_the_end(
    told: Options, meanwhile: Callable[[Run], None] = lambda job: None, open_run: Callable[..., Run] = Run
) -> Summary:
    """A bounded run in this process; `meanwhile` is called after every poll."""
    from job.run import POLL_SECONDS
    from job.state import StateDirectory

    if told.state is not None:
        StateDirectory(told.state).claim(told)
    with Stop(), open_run(told, Silent()) as job:
        job.start()
        while not job.poll():
            meanwhile(job)
            time.sleep(POLL_SECONDS)
        job.stop(drain=True)
        return job.summary


@contextmanager
def running(told: Options, open_run: Callable[..., Run] = Run) -> Iterator[Run]:
    """A run in this process that goes on from its state; it is cancelled where the caller has not stopped it."""
    from job.state import StateDirectory

    assert told.state is not None
    StateDirectory(told.state).claim(told)
    with open_run(told, Silent()) as job:
        job.start()
        yield job


def run_to_a_savepoint(
    told: Options,
    count: int,
    scored: Callable[[Run], int] = lambda job: job.summary.scored,
    open_run: Callable[..., Run] = Run,
) -> None:
    """A run in this process that is stopped, its last second not closed, when `count` records were scored."""
    from job.run import POLL_SECONDS

    with running(told, open_run) as job:
        while scored(job) < count:
            job.poll()
            time.sleep(POLL_SECONDS)
        job.stop(drain=False)


def command(*arguments: object, python: Path = Path(sys.executable)) -> subprocess.Popen[str]:
    """`python -m job …` as a process of its own."""
    return subprocess.Popen(
        [str(python), "-m", "job", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(true: Callable[[], bool], seconds: float = 300) -> None:
    """Wait for a condition; `seconds` only ends a test that would hang."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "what the test waits for did not come"
        time.sleep(0.05)


def write_lines(file: Path, lines: Iterable[bytes | str | dict[str, Any]]) -> None:
    """A file of lines that appears whole; objects become JSON."""
    hidden = file.with_name("." + file.name)
    texts = [json.dumps(line, ensure_ascii=False) if isinstance(line, dict) else line for line in lines]
    hidden.write_bytes(b"".join((t.encode() if isinstance(t, str) else t) + b"\n" for t in texts))
    hidden.rename(file)


def lines(folder: Path) -> list[str]:
    """The lines of a sink's visible files, in the order of the files."""
    from udf.blocks import natural_order

    names = sorted((f.name for f in folder.glob("[!._]*")), key=natural_order) if folder.is_dir() else []
    return [line for name in names for line in (folder / name).read_text().splitlines()]


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a sink's visible files."""
    return [json.loads(line) for line in lines(folder)]


def written(folder: Path) -> int:
    """Bytes that a sink has written into its files, committed or not."""
    return sum(file.stat().st_size for file in folder.iterdir()) if folder.is_dir() else 0


def workers() -> list[int]:
    """Process ids of the Python workers that Flink has started under this process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command_line = (entry / "cmdline").read_bytes()
                if b"fn_execution.beam" in command_line and _descends(int(entry.name), os.getpid()):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def kill_workers() -> int:
    """SIGKILL every Python worker; how many there were."""
    found = workers()
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return len(found)


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        pid = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return False


def process_group(leader: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found
