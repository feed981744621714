"""A real input device where the machine has none: the monitor of a PulseAudio null sink.

    paplay ──▶ null sink "room" ──▶ room.monitor ──▶ PortAudio's device "pulse" ──▶ python -m producer

The daemon is this module's own: its own folder, reached through a Unix socket only, ended by its process id.
"""

import ctypes.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PACKAGES = ["pulseaudio", "pulseaudio-utils", "libportaudio2", "libasound2-plugins"]


def missing() -> list[str]:
    """What the device needs and this machine does not have."""
    programs = [name for name in ("pulseaudio", "paplay", "pactl") if not shutil.which(name)]
    return programs if ctypes.util.find_library("portaudio") else [*programs, "portaudio"]


def install() -> None:
    """Install what is missing as root with apt-get, or skip the test and say why."""
    if not missing():
        return
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip(f"needs {', '.join(missing())}; only root with apt-get can install that here")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *command], check=False, env=quiet, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"apt-get {command[0]} failed: {done.stderr.strip()[-300:]}")


class Room:
    """The device's environment, and a loudspeaker in the same room."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "native"
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SERVER": f"unix:{self.socket}",
        }

    def play(self, sound: Path) -> None:
        """Play a sound file to its end."""
        subprocess.run(["paplay", "--device=room", str(sound)], env=self.environment, check=True)


@contextmanager
def sound_device() -> Iterator[Room]:
    """A room that is silent unless something is played in it."""
    install()
    # Not pytest's folder: the path of a Unix socket has to be short.
    with tempfile.TemporaryDirectory(prefix="room-") as folder:
        room = Room(Path(folder))
        log = Path(folder, "log")
        modules = [
            f"--load=module-native-protocol-unix socket={room.socket} auth-anonymous=1",
            "--load=module-null-sink sink_name=room",
        ]
        with log.open("w") as errors:
            daemon = subprocess.Popen(
                ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", *modules],
                env={key: value for key, value in room.environment.items() if key != "PULSE_SERVER"},
                stderr=errors,
            )
        try:
            ready = ["pactl", "info"]
            while subprocess.run(ready, check=False, env=room.environment, capture_output=True).returncode:
                if daemon.poll() is not None:
                    pytest.skip(f"PulseAudio does not start here: {log.read_text()[-300:]}")
                time.sleep(0.05)
            yield room
        finally:
            daemon.terminate()
            daemon.wait()
