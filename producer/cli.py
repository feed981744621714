"""The command line."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from producer.counts import Counts
from producer.errors import ProducerError, RefusedError
from producer.microphone import Microphone, list_devices
from producer.output import open_output
from producer.pace import Heard, Recording, play
from producer.progress import Progress
from producer.pump import pump
from producer.sound_file import SoundFile
from producer.stop import Stop
from producer.synthetic import SyntheticRoom

ABOUT = """\
Turns sound into a stream of volumes. Every block of sound (0.04 s) becomes a record, a line of JSON:

  {"event_time": "2022-10-11T16:16:04.614177+09:00", "volume": 1.556536853313446}

volume is the L2 norm of the block's samples, times the gain; event_time is when the block ended."""

EXAMPLES = """\
examples:
  Look at what your room sounds like, for ten seconds:
    python -m producer --from microphone --to - --seconds 10

  Play the recording that comes along (a quiet room, speech, a shout) into a directory that the job watches:
    python -m producer --from producer/recordings/shout.flac --to file:spool

  The same at once, without waiting for the minute to pass:
    python -m producer --from producer/recordings/shout.flac --to file:spool --pace fast

  No sound at all: a room made of numbers, with a shout at second 10, 25, 40 and 55:
    python -m producer --from synthetic --to -

  Your room into a Kinesis stream:
    python -m producer --from microphone --to kinesis://ap-northeast-1/VolumeStream

  The same into a Kafka topic that asks for a password (of KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD):
    python -m producer --from microphone --to 'kafka://broker:9092/volume?security.protocol=SASL_SSL&sasl.mechanism=PLAIN'

kafka://HOST:PORT[,HOST:PORT...]/TOPIC?NAME=VALUE&...
  Options are librdkafka's (compression.type=zstd, linger.ms=20). config=FILE names a file of NAME = VALUE lines.
  Secrets come from that file or from KAFKA_SASL_PASSWORD, KAFKA_SSL_KEY_PASSWORD, KAFKA_SSL_KEYSTORE_PASSWORD.
  Every record arrives once and in order; one that is not acknowledged in delivery.timeout.ms=60000 ends the run.
kinesis://REGION/STREAM?endpoint=URL&profile=NAME&ordered=true
  Credentials are found as the AWS command line finds them. Every record arrives at least once. A record that Kinesis
  refuses for a moment comes after the rest of its batch (0.2 s of sound); with ordered=true nothing is sent before it
  has arrived, at a round trip per record. No acknowledgement for 60 s ends the run.

Ctrl-C (or SIGTERM) sends what is left and ends; a second Ctrl-C ends at once.
The last line counts the records sent and those that the output has acknowledged.
Exit codes: 0 the sound ended or was stopped and all has arrived, 1 something failed on the way, 2 something was
refused."""


def number(name: str, rule: str, kind: type, holds: Callable[[float], bool]) -> Callable[[str], Any]:
    """A parser of one option's value. It raises RefusedError in the words of the rule."""

    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            raise RefusedError(f"{name} must be {rule}, got {text!r}") from None
        if not holds(value):
            raise RefusedError(f"{name} must be {rule}, got {text}")
        return value

    return parse


class ListDevices(argparse.Action):
    """--list-devices, which like --help does its work and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(list_devices())
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m producer",
        description=ABOUT,
        epilog=EXAMPLES,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--from",
        dest="source",
        required=True,
        metavar="microphone|PATH|synthetic",
        help="the sound: the microphone, a sound file (WAV, FLAC, OGG) or a synthetic room",
    )
    add(
        "--to",
        required=True,
        metavar="URI",
        help="the output: file:DIR (a directory of files that appear whole), kafka://HOST:PORT/TOPIC, "
        "kinesis://REGION/STREAM (both below) or - (standard output)",
    )
    add(
        "--pace",
        choices=("real", "fast"),
        default="real",
        help="real: as the sound plays (default); fast: at once, with event times as if it had just ended",
    )
    add(
        "--seconds",
        type=number("seconds", "above 0 and at most 1e8", float, lambda value: 0 < value <= 1e8),
        metavar="N",
        help="stop after so much sound (default: all of it; synthetic: 60)",
    )
    add(
        "--gain",
        type=number("gain", "above 0", float, lambda value: 0 < value < math.inf),
        default=15.0,
        metavar="N",
        help="factor between norm and volume (default 15)",
    )
    add(
        "--block",
        type=number("block", "above 0 and at most 10", float, lambda value: 0 < value <= 10),
        default=0.04,
        metavar="SECONDS",
        help="length of a block (default 0.04)",
    )
    add(
        "--seed",
        type=number("seed", "a whole number from 0", int, lambda value: value >= 0),
        default=0,
        metavar="N",
        help="which synthetic room (default 0)",
    )
    add(
        "--device",
        metavar="NAME",
        help="which microphone: number or part of the name (default: the system's)",
    )
    add("--list-devices", action=ListDevices, nargs=0, help="list the microphones and end")
    add("--quiet", action="store_true", help="no progress on standard error, only the last line")
    return parser


def open_sound(options: argparse.Namespace, counts: Counts, stop: Stop) -> tuple[str, Iterator[Heard]]:
    """The name of the sound that --from asks for, and its blocks."""
    if options.source == "microphone":
        if options.pace == "fast":
            raise RefusedError("pace must be real for the microphone, got 'fast'")
        microphone = Microphone(options.device, counts)
        return microphone.name, microphone.listen(options.block, options.seconds, stop)
    recording: Recording
    if options.source == "synthetic":
        recording = SyntheticRoom(options.seconds or 60, options.seed)
    else:
        recording = SoundFile(Path(options.source))
    return recording.name, play(recording, options.block, options.seconds, options.pace, stop)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. The last line on standard error tells the counts."""
    counts = Counts()
    try:
        options = build_parser().parse_args(arguments)
        with Stop() as stop:
            key, heard = open_sound(options, counts, stop)
            output = open_output(options.to)
            # Records on the very terminal that would show the progress are progress enough.
            quiet = options.quiet or (options.to == "-" and os.isatty(1))
            pump(heard, options.gain, output, key, counts, Progress(counts, quiet))
        print(counts, file=sys.stderr)
    except BrokenPipeError:  # whoever read the records has seen enough
        return 0
    except ProducerError as error:
        print(f"producer: {error}", file=sys.stderr)
        if error.exit_code == 1:  # it was on its way
            print(counts, file=sys.stderr)
        return error.exit_code
    return 0
