"""The command line: `python -m job run …` and `python -m job demo`."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from job.flink_client import FlinkClient, StopFailedError
from job.options import Options, duration, errors_uri
from job.progress import Progress, counts, highest
from job.properties import expand
from job.run import run
from job.state import LeftJob, StateDirectory
from job.stop import Stop
from job.uris import SINKS, SOURCES, parse_uri

_RUN = """\
Score a stream of JSON records with a robust random cut forest, on Flink.

Reads JSON objects, one a line; scores each against the records before it; writes each as it came with two more
members, "second" and "anomaly_score", by second ascending and score descending. A record that cannot be scored goes
to the errors with its reason. The score is 0 until --sample-size records were seen, about 1 for what is ordinary, and
at most log2(sample-size).
"""
_EXAMPLES = """\
examples:
  score the volumes that a producer writes into a directory, for as long as it does:
    python -m job run --source file:spool --sink file:scores --value volume

  score a file and end, and look at the result:
    python -m job run --bounded --source file:log.jsonl --sink print: --value latency --value bytes

  from one Kafka topic to another, exactly once:
    python -m job run --source kafka://localhost:9092/volume --sink kafka://localhost:9092/scores \\
        --errors kafka://localhost:9092/errors --state state

  a forest for each sensor, kept across restarts:
    python -m job run --source file:spool --sink file:scores --key sensor --value temperature --state state
"""
_DEFAULTS: dict[str, Any] = {name: field.default for name, field in Options.__dataclass_fields__.items()}


def main(arguments: list[str]) -> int:
    """Run the command. Returns the exit code: 0 done, 1 the job failed, 2 a mistake in the arguments."""
    parser, run_parser = parsers()
    told = argparse.Namespace(command="run")
    try:
        if arguments[:1] == ["run"]:
            arguments = ["run", *expand(arguments[1:], run_parser)]
        told = parser.parse_args(arguments)
        if told.command == "demo":
            from job.demo import demo  # noqa: PLC0415 - draws, which a service that only runs the job cannot

            return demo(told.output)
        if told.command == "stop":
            return _stop(told)
        return _run(_options(told))
    except ValueError as error:
        print(f"python -m job {told.command}: {error}", file=sys.stderr)
        return 2
    except (RuntimeError, OSError) as error:
        print(f"python -m job {told.command}: {error}", file=sys.stderr)
        return 1


def _run(options: Options) -> int:
    progress = Progress()
    with Stop() as stop:
        summary = run(options, progress, stop)
    progress.end()
    if summary.job_id:
        print(_left(options, summary.job_id), file=sys.stderr)
        return 0
    if options.sink.scheme != "print":
        print(counts(summary), file=sys.stderr)
    if summary.highest:
        print(f"highest scores:\n{highest(summary)}", file=sys.stderr)
    return 0


def _left(options: Options, job_id: str) -> str:
    """What to say of a job that runs on without this process."""
    if options.cluster is None:
        return f"submitted job {job_id}"
    how = f"--state {options.state}" if options.state else f"--cluster {options.cluster} --job {job_id}"
    return f"job {job_id} runs on http://{options.cluster}; to stop it: python -m job stop {how}"


def _stop(told: argparse.Namespace) -> int:
    """Stop a job on a cluster with everything out.

    Raises:
        ValueError: it is not said which.
        RuntimeError: it does not stop, or is not there.
    """
    left = StateDirectory(told.state).job() if told.state else LeftJob(told.cluster, told.job, 0)
    if left is None or not left.cluster or not left.job_id:
        raise ValueError("state must be of a job that was left on a cluster; else give --cluster HOST:PORT --job ID")
    client = FlinkClient(left.cluster, left.job_id)
    if not client.running():
        raise RuntimeError(f"the job {left.job_id} on {left.cluster} is not running ({client.state()})")
    savepoints = StateDirectory(told.state).savepoints(left.epoch, drained=False) if told.state else None
    print("stopping with a savepoint …", file=sys.stderr)
    try:
        place = client.stop(savepoints.absolute().as_uri() if savepoints else None, drain=not told.state)
    except StopFailedError as error:
        raise RuntimeError(f"the job did not stop: {error}") from error
    print(f"stopped; its state is in {place}", file=sys.stderr)
    return 0


def _options(told: argparse.Namespace) -> Options:
    """Options from arguments.

    Raises:
        ValueError: one is out of its range, or the source is not there.
    """
    sink = parse_uri("sink", told.sink, SINKS)
    options = Options(
        source=parse_uri("source", told.source, SOURCES),
        sink=sink,
        errors=errors_uri(told.errors, sink),
        values=tuple(told.value or _DEFAULTS["values"]),
        key=told.key,
        time=told.time,
        time_zone=told.time_zone or _machine_time_zone(),
        num_trees=told.num_trees,
        sample_size=told.sample_size,
        time_decay=told.time_decay,
        shingle_size=told.shingle_size,
        seed=told.seed,
        every=duration("every", told.every),
        max_delay=None if told.max_delay is None else duration("max_delay", told.max_delay),
        max_ahead=duration("max_ahead", told.max_ahead),
        quiet=None if told.quiet is None else duration("quiet", told.quiet),
        parallelism=told.parallelism,
        bounded=told.bounded,
        state=told.state,
        checkpoint_interval=duration("checkpoint_interval", told.checkpoint_interval),
        cluster=told.cluster,
        jars=tuple(jar.absolute() for jar in told.jar or ()),
        requirements=told.requirements.absolute() if told.requirements else None,
    )
    if options.source.path is not None and not options.source.path.exists():
        raise ValueError(f"source must be a file or directory that is there, got {told.source!r}")
    for name, files in [("jar", options.jars), ("requirements", filter(None, [options.requirements]))]:
        for file in files:
            if not file.is_file():
                raise ValueError(f"{name} must be a file that is there, got {str(file)!r}")
    if options.sink.path is not None and options.sink.path.is_file():
        raise ValueError(f"sink must be a directory, got the file {told.sink!r}")
    return options


def parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The parser, and that of `run` in it."""
    parser = argparse.ArgumentParser(prog="python -m job", description="Random Cut Forest anomaly scores on Flink.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shown = commands.add_parser("demo", help="score a recording of a room as it plays, and show it here")
    shown.add_argument(
        "--output",
        type=Path,
        default=Path("demo-output"),
        help="directory for scores and picture (default demo-output)",
    )
    stop = commands.add_parser("stop", help="stop a job that runs on a cluster, with all its results out")
    stop.add_argument("--state", type=Path, metavar="DIR", help="of the job; it can go on from there")
    stop.add_argument("--cluster", metavar="HOST:PORT", help="where it runs; without --state its last second is closed")
    stop.add_argument("--job", metavar="ID", help="which one, on that cluster")
    told = commands.add_parser(
        "run",
        help="score a stream",
        description=_RUN,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    told.add_argument(
        "--properties",
        metavar="FILE",
        help="take options from this file, in the form of Amazon's managed service (see flink-conf/"
        "application_properties.json); those given here win",
    )
    ends = told.add_argument_group("ends")
    ends.add_argument(
        "--source",
        required=True,
        metavar="URI",
        help="file:PATH, a JSON-lines file or a directory of them, read in order of name and watched for more; "
        "kafka://HOST:PORT[,HOST:PORT]/TOPIC[?OPTION=VALUE&…]; or kinesis://REGION/STREAM[?endpoint=URL&…]",
    )
    ends.add_argument(
        "--sink",
        required=True,
        metavar="URI",
        help="file:DIR, JSON-lines files that appear when they are whole; kafka://…, exactly once, in one partition; "
        "kinesis://…, at least once; or print:",
    )
    ends.add_argument(
        "--errors",
        metavar="URI",
        help="rejected and late records, an end like the sink (default: DIR-errors beside it, or print:)",
    )
    ends.add_argument(
        "--bounded",
        action="store_true",
        help="end when all that is there is scored (of a broker: when --quiet has passed without a record); nothing is "
        "late then. With --max-delay it scores while it reads",
    )
    ends.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep forests and place here, and go on from them at the next start (default: start fresh)",
    )
    record = told.add_argument_group("a record")
    record.add_argument(
        "--value",
        action="append",
        metavar="FIELD",
        help="a numeric field to score; may be repeated (default volume). A name, or a JSON path that begins with $",
    )
    record.add_argument("--key", metavar="FIELD", help="a forest for each value of this field (default: one forest)")
    record.add_argument(
        "--time",
        default="event_time",
        metavar="FIELD",
        help="ISO 8601, or epoch seconds or milliseconds; or the word arrival (default event_time; from a broker, a "
        "record without it has the time of its arrival there)",
    )
    record.add_argument("--time-zone", metavar="NAME", help="of times without an offset (default: this machine's)")
    forest = told.add_argument_group("the forest")
    for name, text in [
        ("num_trees", "trees; more of them, less noise in the score (1 to 1000)"),
        ("sample_size", "records a tree remembers (10 to 16384)"),
        ("time_decay", "records after which one is as good as forgotten"),
        ("shingle_size", "consecutive records scored as one, for patterns in time (1 to 30)"),
    ]:
        forest.add_argument(
            f"--{name.replace('_', '-')}",
            type=int,
            default=_DEFAULTS[name],
            metavar="N",
            help=f"{text} (default {_DEFAULTS[name]})",
        )
    forest.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed and records, same scores (default 0)"
    )
    stream = told.add_argument_group("time and work")
    stream.add_argument(
        "--every",
        default="1s",
        metavar="TIME",
        help="the second: what is scored and sorted together (default 1s)",
    )
    stream.add_argument(
        "--max-delay",
        metavar="TIME",
        help="how much later than its successors a record may come (default 0s for files, 1s for brokers)",
    )
    stream.add_argument(
        "--max-ahead",
        default="1d",
        metavar="TIME",
        help="a record this far in the future has a wrong clock and is rejected (default 1d)",
    )
    stream.add_argument(
        "--quiet",
        metavar="TIME",
        help="after this time without records the last second is closed, and a partition is not waited for "
        "(default 1s for files, 5s for brokers)",
    )
    stream.add_argument("--parallelism", type=int, default=1, metavar="N", help="Flink's (default 1)")
    stream.add_argument(
        "--cluster",
        metavar="HOST:PORT",
        help="submit to the Flink cluster with this REST interface (default: run here)",
    )
    stream.add_argument(
        "--jar", type=Path, action="append", metavar="FILE", help="a connector that `make jars` does not bring"
    )
    stream.add_argument(
        "--requirements",
        type=Path,
        metavar="FILE",
        help="what a cluster's workers install with pip before they start (default: their image has all)",
    )
    stream.add_argument(
        "--checkpoint-interval",
        default="500ms",
        metavar="TIME",
        help="how often results become visible (default 500ms)",
    )
    return parser, told


def _machine_time_zone() -> str:
    """The name of this machine's time zone, UTC where it does not say."""
    if os.environ.get("TZ"):
        return os.environ["TZ"].removeprefix(":")
    link = Path("/etc/localtime")
    name = str(link.resolve()) if link.is_symlink() else ""
    return name.partition("/zoneinfo/")[2] or "UTC"
