"""The command line: what `python -m job run …` and its sisters do."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from job.arguments import DEFAULTS, parsers
from job.discover_cli import discover
from job.flink_client import FlinkClient, StopFailedError
from job.options import Options, duration, errors_uri
from job.progress import Progress, counts, highest
from job.properties import expand
from job.run import run
from job.state import LeftJob, StateDirectory
from job.stop import Stop
from job.told import check_there, of_run, of_work
from job.uris import SINKS, SOURCES, parse_uri
from job.values import assume


def main(arguments: list[str]) -> int:
    """Run the command. Returns the exit code: 0 done, 1 the job failed, 2 a mistake in the arguments."""
    parser, run_parser = parsers()
    told = argparse.Namespace(command="run")
    try:
        if arguments[:1] == ["run"]:
            arguments = ["run", *expand(arguments[1:], run_parser)]
        told = parser.parse_args(arguments)
        return _COMMANDS[told.command](told)
    except ValueError as error:
        print(f"python -m job {told.command}: {error}", file=sys.stderr)
        return 2
    except (RuntimeError, OSError) as error:
        print(f"python -m job {told.command}: {error}", file=sys.stderr)
        return 1


def _demo(told: argparse.Namespace) -> int:
    from job.demo import demo  # noqa: PLC0415 - draws, which a service that only runs the job cannot

    return demo(told.output)


def _run(told: argparse.Namespace) -> int:
    options = _options(told)
    if told.value is None:
        options, assumed = assume(options)
        print(assumed, file=sys.stderr)
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


def _sql(told: argparse.Namespace) -> int:
    """Run a SQL application. Raises as `job.sql.command.sql`."""
    from job.sql.command import sql  # noqa: PLC0415 - sqlglot is a moment to import

    return sql(told)


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


def _export(told: argparse.Namespace) -> int:
    """Write a forest to a file. Raises as `job.model.export`."""
    from job.model import export  # noqa: PLC0415 - numba is half a second to import

    print("reading the state with Flink …", file=sys.stderr)
    forest = export(told.state, told.key)
    told.file.write_bytes(forest)
    print(f"{len(forest):,} bytes are in {told.file}", file=sys.stderr)
    return 0


def _import(told: argparse.Namespace) -> int:
    """Put a forest into a state. Raises as `job.model.put_in`."""
    from job.model import put_in  # noqa: PLC0415 - as above

    forest = put_in(told.state, told.key, told.file)
    whose = "all records" if told.key is None else f"the key {told.key!r}"
    print(f"the next run goes on with this forest of {forest.records_seen:,} records for {whose}", file=sys.stderr)
    return 0


def _estimate(told: argparse.Namespace) -> int:
    """Print what forests need.

    Raises:
        ValueError: an argument is out of its range.
    """
    from job.estimate import Estimate, check, table  # noqa: PLC0415 - numba is half a second to import
    from job.measure import measure  # noqa: PLC0415

    check(told.keys, told.rate)
    options = Options.without_ends(**_forests_and_work(told))
    progress = Progress()
    measured = measure(options, told.keys, progress.phase)
    progress.end()
    print(table(Estimate(options, told.keys, told.rate, measured)))
    return 0


def _forests_and_work(told: argparse.Namespace) -> dict[str, Any]:
    """The options that `run` and `estimate` share."""
    return {
        "values": tuple(told.value or DEFAULTS["values"]),
        "num_trees": told.num_trees,
        "sample_size": told.sample_size,
        "time_decay": told.time_decay,
        "shingle_size": told.shingle_size,
        **of_work(told),
    }


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
        **_forests_and_work(told),
        **of_run(told),
        key=told.key,
        time_zone=told.time_zone or _machine_time_zone(),
        shards=told.shards,
        grade=told.grade,
        explanation=told.explanation,
        every=duration("every", told.every),
        key_ttl=None if told.key_ttl is None else duration("key_ttl", told.key_ttl),
    )
    check_there(options, told.source)
    if options.sink.path is not None and options.sink.path.is_file():
        raise ValueError(f"sink must be a directory, got the file {told.sink!r}")
    return options


def _machine_time_zone() -> str:
    """The name of this machine's time zone, UTC where it does not say."""
    if os.environ.get("TZ"):
        return os.environ["TZ"].removeprefix(":")
    link = Path("/etc/localtime")
    name = str(link.resolve()) if link.is_symlink() else ""
    return name.partition("/zoneinfo/")[2] or "UTC"


_COMMANDS = {
    "run": _run,
    "discover": discover,
    "sql": _sql,
    "estimate": _estimate,
    "stop": _stop,
    "export": _export,
    "import": _import,
    "demo": _demo,
}
