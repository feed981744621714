"""The microphone, on a real PortAudio device that hears what is played in its room."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_device import Room, sound_device

REPOSITORY = Path(__file__).parents[1]
RECORDING = REPOSITORY / "producer/recordings/shout.flac"
PRODUCER = [sys.executable, "-m", "producer"]


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with sound_device() as device:
        yield device


def volumes(spool: Path) -> np.ndarray:
    lines = [line for file in sorted(spool.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return np.array([json.loads(line)["volume"] for line in lines])


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PRODUCER, *arguments], check=False, cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )


def start(room: Room, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PRODUCER, "--from", "microphone", "--device", "pulse", *arguments],
        cwd=REPOSITORY,
        env=room.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pipesize=4096,
    )


def counts(errors: str) -> tuple[int, int, int]:
    """Records sent, blocks dropped and overflows, as the last line tells them."""
    sent, acknowledged, dropped, overflows = (int(part.split()[0]) for part in errors.splitlines()[-1].split(", "))
    assert acknowledged == sent
    return sent, dropped, overflows


def test_without_a_device_the_error_names_package_and_other_inputs():
    nobody = {**os.environ, "PULSE_SERVER": "unix:/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent"}
    done = run(nobody, "--list-devices")
    if done.returncode == 0:
        pytest.skip("this machine has an input device")
    otherwise = "without a microphone, use --from PATH (a sound file) or --from synthetic.\n"
    assert done.returncode == 2
    assert done.stderr in (
        "producer: The microphone needs the PortAudio library: install libportaudio2 (Debian, Ubuntu) "
        f"or portaudio (macOS, Homebrew); {otherwise}",
        f"producer: There is no input device; {otherwise}",
    )


def test_devices_are_listed_and_an_unknown_one_is_refused(room):
    done = run(room.environment, "--list-devices")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pulse" in done.stdout
    done = run(room.environment, "--from", "microphone", "--device", "violin", "--to", "-")
    assert done.returncode == 2
    assert done.stderr.startswith("producer: device must be one of --list-devices, got 'violin'; ")


def test_seconds_of_sound_are_recorded(room, tmp_path):
    recorder = start(room, "--seconds", "1", "--to", f"file:{tmp_path}")
    _, errors = recorder.communicate()
    assert recorder.returncode == 0, errors
    sent, dropped, _ = counts(errors)
    assert sent + dropped == 25
    assert len(volumes(tmp_path)) == sent


def test_full_queue_drops_blocks_and_counts_them(room):
    """Nobody reads standard output for a while: pipe and queue fill up, PortAudio's thread goes on."""
    recorder = start(room, "--to", "-", "--block", "0.002")
    assert recorder.stdout
    select.select([recorder.stdout], [], [])  # the first record is there
    time.sleep(2)  # 1000 blocks, where pipe and queue hold some 300
    recorder.send_signal(signal.SIGINT)
    lines, errors = recorder.communicate()
    assert recorder.returncode == 0, errors
    sent, dropped, _ = counts(errors)
    assert dropped > 0
    assert len(lines.splitlines()) == sent


def test_volumes_follow_what_is_played(room, tmp_path):
    samples, rate = soundfile.read(RECORDING, start=43 * 16_000, stop=48 * 16_000)
    played = tmp_path / "played.wav"
    soundfile.write(played, samples, rate)
    spool = tmp_path / "spool"
    recorder = start(room, "--to", f"file:{spool}")
    while not (spool.exists() and any(spool.glob("*.jsonl"))):
        assert recorder.poll() is None, recorder.communicate()
        time.sleep(0.05)
    room.play(played)
    recorder.send_signal(signal.SIGINT)
    _, errors = recorder.communicate()
    assert recorder.returncode == 0, errors

    heard = volumes(spool)
    assert counts(errors)[0] == len(heard)
    # The device is stereo at 44.1 kHz, the recording mono at 16 kHz: more samples in a block, a greater norm.
    heard /= np.sqrt(2 * 44_100 / 16_000)
    expected = np.array([np.linalg.norm(samples[i : i + 640]) * 15 for i in range(0, len(samples), 640)])
    assert heard.max() == pytest.approx(expected.max(), rel=0.15)
    assert (heard > 10).sum() == pytest.approx((expected > 10).sum(), abs=4)
    onset, expected_onset = np.argmax(heard > 10), np.argmax(expected > 10)
    before = heard[onset - expected_onset + 5 : onset - 2]
    assert np.median(before) == pytest.approx(np.median(expected[:expected_onset]), rel=0.15)
