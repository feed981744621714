"""Run the benchmark's Java peer: the same job in Java, with AWS's randomcutforest-core, a record at a time.

The peer runs on the Flink distribution inside the installed pyflink wheel, with the Java and the JVM options
that PyFlink itself would use: only the job differs.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from pyflink.pyflink_gateway_server import (
    find_java_executable,
    get_jvm_opts,
    prepare_environment_variables,
)

from bench.java_build import PeerUnavailableError, built_classpath

FLINK_VERSION = "2.3.0"  # also in java/pom.xml
MAIN_CLASS = "bench.RandomCutForestJob"


class PeerResult(TypedDict):
    """What a run of the peer measured."""

    records: int  # scored
    seconds: float  # net run time of the job, by Flink: without the start of the JVM and of the mini cluster
    records_per_second: float  # over the whole run, the JIT's warming up included
    records_per_second_second_half: float  # from the middle record to the last; 0 below 20,000 records
    cpu_seconds: float  # of all threads and the JVM's start: tells a busy machine from a slow job


def run_java_peer(input: Path, output: Path, heap: str = "2g") -> PeerResult:
    """Score the file `input` into JSON files in the new or empty directory `output`; return the figures.

    `heap` is the JVM's -Xmx; other options come from JVM_ARGS and Flink's configuration, as for PyFlink.

    Raises:
        ValueError: if `input` is no file or `output` is not empty.
        PeerUnavailableError: if the peer cannot be built, or Java is missing, or the job fails.
    """
    if not input.is_file():
        raise ValueError(f"input must be a file, got {str(input)!r}")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"output must be a new or empty directory, got {str(output)!r}")
    java = _java_command(heap)
    output.mkdir(parents=True, exist_ok=True)
    # Checkpoints go to files, as ours do, and are of no use after the run.
    with tempfile.TemporaryDirectory(prefix="java-peer-checkpoints-") as checkpoints:
        before = _cpu_seconds_of_children()
        try:
            done = subprocess.run(
                [*java, MAIN_CLASS, str(input.resolve()), str(output.resolve()), checkpoints],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise PeerUnavailableError(
                f"The Java peer needs Java 17 or newer, found by JAVA_HOME or on the PATH: {error}."
            ) from error
        cpu_seconds = round(_cpu_seconds_of_children() - before, 3)
    if done.returncode != 0:
        # Of Java's trace the causes only, the deepest last: the frames in between hide them.
        causes = [line for line in done.stderr.splitlines() if line and not line[0].isspace()]
        raise PeerUnavailableError("\n".join([f"The Java peer failed, exit code {done.returncode}:", *causes[-8:]]))
    figures = json.loads(done.stdout.splitlines()[-1])
    return PeerResult(
        records=figures["records"],
        seconds=figures["seconds"],
        records_per_second=figures["records_per_second"],
        records_per_second_second_half=figures["records_per_second_second_half"],
        cpu_seconds=cpu_seconds,
    )


def _java_command(heap: str) -> list[str]:
    installed = metadata.version("apache-flink")
    if installed != FLINK_VERSION:
        raise PeerUnavailableError(
            f"The Java peer is written for apache-flink {FLINK_VERSION}, and {installed} is installed."
        )
    # PyFlink's own functions find Java, the distribution and the options: that keeps the two runs alike.
    env = dict(os.environ)
    prepare_environment_variables(env)
    flink = sorted(Path(env["FLINK_LIB_DIR"]).glob("*.jar"))
    classpath = os.pathsep.join(str(jar) for jar in [*built_classpath(), *flink])
    return [
        find_java_executable(),
        *env.get("JVM_ARGS", "").split(),
        f"-Xmx{heap}",
        "-XX:+IgnoreUnrecognizedVMOptions",
        *get_jvm_opts(env),
        "-cp",
        classpath,
    ]


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run the peer once and print its figures as one line of JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.java_peer",
        description="Score a file with the Java peer (one to two minutes a million records) and print one "
        "line of JSON: records, seconds of the job, records per second overall and in the second half, CPU "
        "seconds of the JVM.",
    )
    parser.add_argument("--input", type=Path, required=True, help="file written by python -m bench.generate")
    parser.add_argument("--output", type=Path, required=True, help="new or empty directory for the scored rows")
    parser.add_argument("--heap", default="2g", help="the JVM's -Xmx; give both jobs the same (default: %(default)s)")
    args = parser.parse_args()
    try:
        result = run_java_peer(args.input, args.output, args.heap)
    except (ValueError, PeerUnavailableError) as error:
        sys.exit(str(error))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
