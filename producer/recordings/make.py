"""Makes shout.flac: a quiet room, somebody who talks and walks by, and later one shout.

Nobody was recorded: espeak-ng synthesises the speech and the shout; the room is filtered noise and a hum.

     0        15                  33           45 46.5            60 s
     |  quiet  |  speech: comes, goes |  quiet  |shout|   quiet     |

Needs espeak-ng (apt-get install espeak-ng). The same seed and the same espeak-ng give the same file:

    python producer/recordings/make.py producer/recordings/shout.flac
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE = 16_000
SECONDS = 60
SPEECH = (15.0, 33.0)
SHOUT = 45.0
TALK = (
    "The meeting is at ten o'clock, and after that we can look at the numbers together. "
    "I think the line went up a little since Monday, but nobody knows why. "
    "Would you like some coffee? I am going down to the kitchen anyway. "
    "Then I will bring two cups, and we can talk about the rest later."
)


def say(text: str, voice: str, pitch: int, speed: int) -> Sound:
    """What espeak-ng says, at RATE, with peak 1. pitch: 0 to 99; speed: words a minute."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "speech.wav")
        subprocess.run(
            ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(file), text], check=True
        )
        samples, rate = soundfile.read(file)
    spectrum = np.fft.rfft(samples)
    frames = round(len(samples) * RATE / rate)
    resampled = np.fft.irfft(spectrum[: frames // 2 + 1], frames)
    return resampled / np.abs(resampled).max()


def room(random: np.random.Generator) -> Sound:
    """Noise that falls with frequency, and a hum of 50 Hz, at levels of about 0.7 to 1.5.

    The level wanders from block to block but, as after a microphone's automatic gain, only so far.
    """
    frames = RATE * SECONDS
    frequency = np.fft.rfftfreq(frames, 1 / RATE)
    shape = 1 / (1 + (frequency / 60) ** 1.2) * (frequency > 15)
    noise = np.fft.irfft(np.fft.rfft(random.standard_normal(frames)) * shape, frames)
    sound = noise / noise.std() + 0.5 * np.sin(2 * np.pi * 50 * np.arange(frames) / RATE)
    window = np.hanning(round(0.04 * RATE))
    level = np.sqrt(np.convolve(sound**2, window / window.sum(), mode="same"))
    return sound / level * np.exp(0.35 * np.tanh(3 * np.log(level / np.median(level))))


def mix(random: np.random.Generator) -> Sound:
    """The whole minute, in [-1, 1]."""
    sound = 0.0031 * room(random)

    talk = say(TALK, "en-gb", pitch=40, speed=155)
    position = np.arange(len(talk)) / len(talk)
    walk = np.exp(-(((position - 0.5) / 0.22) ** 2))  # comes nearer, goes away: no sudden onset
    start = round(SPEECH[0] * RATE)
    sound[start : start + len(talk)] += 0.04 * walk * talk

    shout = np.tanh(3 * say("げんきですかー!", "ja", pitch=75, speed=150))  # a voice at its limit
    start = round(SHOUT * RATE)
    sound[start : start + len(shout)] += 0.4 * shout
    print(
        f"speech {SPEECH[0]} to {SPEECH[0] + len(talk) / RATE:.2f} s, shout {SHOUT} to "
        f"{SHOUT + len(shout) / RATE:.2f} s"
    )
    return np.clip(sound, -1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of the room's noise (default 0)")
    options = parser.parse_args()
    soundfile.write(options.path, mix(np.random.default_rng(options.seed)), RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
