"""The demonstration, as a newcomer runs it: to its end, and ended by Ctrl-C."""

import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from job_runs import command, until

pytestmark = pytest.mark.cluster

SECOND = re.compile(r"^\d\d:\d\d:\d\d +\d+\.\d\d +\d\.\d\d  █*$", re.MULTILINE)
COUNTS = re.compile(r"^([\d,]+) records read, ([\d,]+) scored, (\d+) rejected, (\d+) late$", re.MULTILINE)


def assert_none_left(session: int, output: Path) -> None:
    """No process of the session lives, nor one that was told `output`. (The dead may wait for an init to bury them.)"""

    def living() -> list[str]:
        arguments = ["ps", "-e", "-ww", "-o", "sid=,stat=,args="]
        listed = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        processes = [line.split(maxsplit=2) for line in listed.splitlines()]
        return [
            " ".join(process)
            for process in processes
            if not process[1].startswith("Z") and (process[0] == str(session) or f"file:{output}" in process[2])
        ]

    until(lambda: not living(), 20)


def assert_picture(output: Path, out: str) -> None:
    [picture] = output.glob("*/volume-and-score.png")
    assert f"picture: {picture}\n" in out
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82"), "whole"


def test_demo_plays_the_recording_to_its_end(tmp_path: Path) -> None:
    process = command("demo", "--output", tmp_path)
    try:
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    print(out[-900:], err[-900:])
    assert process.returncode == 0
    [sums] = COUNTS.findall(out)
    assert sums == ("1,500", "1,500", "0", "0")
    shown = SECOND.findall(out)
    assert 60 <= len(shown) <= 62
    volumes = [(float(line.split()[1]), float(line.split()[2])) for line in shown]
    loudest = max(range(len(volumes)), key=lambda i: volumes[i][1])
    assert 44 <= loudest <= 47, "the shout's second has the highest score of all"
    assert volumes[loudest][1] > 1.8
    assert "highest scores:\n" in out
    latency = re.search(r"^event to committed, sorted row: p50 (\d+\.\d\d) s, p99 (\d+\.\d\d) s$", out, re.M)
    assert latency
    print(latency[0])
    assert_picture(tmp_path, out)
    assert_none_left(process.pid, tmp_path)


def test_ctrl_c_ends_the_demo_with_all_that_was_played(tmp_path: Path) -> None:
    process = command("demo", "--output", tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    came: list[str] = []
    errors: list[str] = []
    readers = [
        threading.Thread(target=lambda: came.extend(iter(process.stdout.readline, ""))),  # type: ignore[union-attr]
        threading.Thread(target=lambda: errors.extend(iter(process.stderr.readline, ""))),  # type: ignore[union-attr]
    ]
    for reader in readers:
        reader.start()
    try:
        until(lambda: len(SECOND.findall("".join(came))) >= 4 or process.poll() is not None)
        producers = [line for line in _running() if f"file:{tmp_path}" in line]
        assert len(producers) == 1, "the producer plays"
        process.send_signal(signal.SIGINT)
        process.wait(timeout=120)
    finally:
        process.kill()
        for reader in readers:
            reader.join()
    out = "".join(came)
    print(out, "".join(errors))
    assert process.returncode == 0
    [(read, scored, rejected, late)] = COUNTS.findall(out)
    sent = sum(len(file.read_text().splitlines()) for file in tmp_path.glob("*/spool/*.jsonl"))
    assert (int(read.replace(",", "")), scored, rejected, late) == (sent, read, "0", "0")
    assert 25 <= sent < 1500
    assert_picture(tmp_path, out)
    assert_none_left(process.pid, tmp_path)


def _running() -> list[str]:
    """The command lines of all processes."""
    listed = subprocess.run(["ps", "-e", "-ww", "-o", "args="], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()
