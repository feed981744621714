"""The command line, as a real process: pipelines, signals, errors."""

import fcntl
import json
import re
import signal
import subprocess
import sys
import termios
import time
from datetime import datetime
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
OUTPUTS = "file:DIR, kafka://HOST:PORT[,HOST:PORT…]/TOPIC, kinesis://REGION/STREAM or - (standard output)"
PRODUCER = [sys.executable, "-m", "producer"]


def run(*arguments, **options):
    return subprocess.run(
        [*PRODUCER, *arguments], check=False, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True,
        **{"stdout": subprocess.PIPE, **options},
    )  # fmt: skip


def start(*arguments):
    return subprocess.Popen([*PRODUCER, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def handled(process, number):
    """Whether the process has a handler of its own for the signal."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def full(pipe):
    """Whether something waits in the pipe, and nothing more comes."""
    before = waiting_bytes(pipe)
    time.sleep(0.5)
    return 0 < before == waiting_bytes(pipe)


def waiting_bytes(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def wait_until(process, holds):
    while not holds():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def records(spool):
    return [json.loads(line) for file in sorted(spool.glob("*.jsonl")) for line in file.read_text().splitlines()]


def test_synthetic_to_standard_output_is_json_lines():
    done = run("--from", "synthetic", "--to", "-", "--pace", "fast", "--seconds", "12")
    assert (done.returncode, done.stderr) == (0, "300 records sent, 300 acknowledged, 0 blocks dropped, 0 overflows\n")
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(heard) == 300
    assert all(list(record) == ["event_time", "volume"] for record in heard)
    assert max(heard, key=lambda record: record["volume"]) in heard[250:275]
    times = [datetime.fromisoformat(record["event_time"]) for record in heard]
    assert times == sorted(times)
    assert times[-1] <= datetime.now().astimezone()


def test_gain_block_and_seed_take_effect():
    def volumes(*arguments):
        done = run("--from", "synthetic", "--to", "-", "--pace", "fast", "--seconds", "2", *arguments)
        return [json.loads(line)["volume"] for line in done.stdout.splitlines()]

    plain = volumes()
    assert volumes("--gain", "30") == pytest.approx([2 * level for level in plain])
    assert len(volumes("--block", "0.1")) == 20
    assert volumes("--seed", "0") == plain != volumes("--seed", "1")


def test_recording_to_spool_keeps_every_record(tmp_path):
    recording = "producer/recordings/shout.flac"
    done = run("--from", recording, "--to", f"file:{tmp_path}", "--pace", "fast", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    heard = records(tmp_path)
    assert len(heard) == 1500
    assert done.stderr == "1500 records sent, 1500 acknowledged, 0 blocks dropped, 0 overflows\n"
    assert max(heard, key=lambda record: record["volume"]) in heard[1125:1163]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_flushes_and_exits_cleanly(tmp_path, number):
    # Blocks so short that there is always something in memory when the signal comes.
    process = start("--from", "synthetic", "--to", f"file:{tmp_path}", "--block", "0.002")
    wait_until(process, lambda: any(tmp_path.glob("*.jsonl")))
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 0
    heard = records(tmp_path)
    assert heard
    assert errors.decode() == (f"{len(heard)} records sent, {len(heard)} acknowledged, 0 blocks dropped, 0 overflows\n")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads signal handlers from /proc")
def test_second_interrupt_ends_at_once():
    # Nobody reads: the producer is stuck in a full pipe, where the first Ctrl-C cannot reach the loop.
    process = start("--from", "synthetic", "--to", "-", "--pace", "fast", "--seconds", "100000")
    wait_until(process, lambda: full(process.stdout))
    process.send_signal(signal.SIGINT)
    wait_until(process, lambda: not handled(process, signal.SIGINT))
    process.send_signal(signal.SIGINT)
    assert process.wait() == -signal.SIGINT


def test_reader_that_leaves_ends_the_producer_quietly():
    process = start("--from", "synthetic", "--to", "-", "--pace", "fast", "--seconds", "1000", "--quiet")
    assert json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.wait() == 0
    assert process.stderr.read() == b""


def test_full_standard_output_is_one_sentence():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        done = run("--from", "synthetic", "--to", "-", "--pace", "fast", stdout=full)
    assert done.returncode == 1
    assert done.stderr == (
        "producer: Standard output cannot be written: No space left on device.\n"
        "0 records sent, 0 acknowledged, 0 blocks dropped, 0 overflows\n"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--gain", "-1"], "gain must be above 0, got -1"),
        (["--gain", "nan"], "gain must be above 0, got nan"),
        (["--gain", "loud"], "gain must be above 0, got 'loud'"),
        (["--seconds", "0"], "seconds must be above 0 and at most 1e8, got 0"),
        (["--block", "11"], "block must be above 0 and at most 10, got 11"),
        (["--seed", "1.5"], "seed must be a whole number from 0, got '1.5'"),
        (["--seed", "-1"], "seed must be a whole number from 0, got -1"),
        (["--from", "no.wav"], "There is no sound file 'no.wav'."),
        (["--from", "microphone", "--pace", "fast"], "pace must be real for the microphone, got 'fast'"),
        (["--to", "s3://room"], f"to must be {OUTPUTS}, got 's3://room'"),
    ],
)  # fmt: skip
def test_bad_values_are_refused_before_anything_starts(arguments, text):
    done = run("--from", "synthetic", "--to", "-", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"producer: {text}\n")


def test_help_teaches_by_example():
    done = run("--help")
    assert done.returncode == 0
    for example in re.findall(r"^    python -m producer (.+)$", done.stdout, re.M):
        assert "--from" in example and "--to" in example
    assert done.stdout.count("    python -m producer") == 6
