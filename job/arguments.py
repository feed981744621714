"""What the commands of `python -m job` understand."""

import argparse
from pathlib import Path
from typing import Any

from job.discover_cli import add_discover
from job.options import Options

_RUN = """\
Score a stream of JSON records with a robust random cut forest, on Flink.

Reads JSON objects, one a line; scores each against the records before it; writes each as it came with two more
members, "second" and "anomaly_score", by second ascending and score descending. A record that cannot be scored goes
to the errors with its reason. The score is 0 until --sample-size records were seen, about 1 for what is ordinary, and
at most log2(sample-size).
"""
_SQL = """\
Run a SQL application of Kinesis Data Analytics, as it is, on Flink: its streams, pumps and functions.

What it has that cannot be run is refused before anything starts, with line and column. Rows that do not fit go to
error_stream. The forests are kept in --state across restarts. docs/kinesis-sql.md has the dialect.
"""
_ESTIMATE = """\
Tell what forests need before a job has them: memory, state, and the records a second that go through them.

Builds one forest, fills it with random numbers, and times it on this machine; takes some seconds. All figures are
about so much: state is that of noise, which compresses worst.
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

  once more from the beginning, with another sample size:
    python -m job run --source file:spool --sink file:scores-2 --sample-size 64 --state state --fresh
"""
_Group = argparse.ArgumentParser | argparse._ArgumentGroup
DEFAULTS: dict[str, Any] = {name: field.default for name, field in Options.__dataclass_fields__.items()}


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
    _add_model(commands)
    add_discover(commands)
    application = commands.add_parser(
        "sql",
        help="run a SQL application of Kinesis Data Analytics",
        description=_SQL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    application.add_argument("application", type=Path, metavar="APP.sql", help="the application as it is")
    application.add_argument(
        "--schema",
        type=Path,
        metavar="FILE",
        help="the input's columns, in the service's InputSchema (default: those that the state was made with, or else "
        "that the first records have, as `discover` finds them)",
    )
    application.add_argument(
        "--explain", action="store_true", help="run nothing; print the Python program of Flink tables that it becomes"
    )
    add_sql(application)
    estimate = commands.add_parser(
        "estimate",
        help="what forests will need: memory, state, time",
        description=_ESTIMATE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_value(estimate, "volume")
    _add_forest(estimate)
    estimate.add_argument("--keys", type=int, default=1, metavar="N", help="forests, one for each key (default 1)")
    estimate.add_argument("--rate", type=int, metavar="N", help="records a second that are to be scored")
    _add_work(estimate)
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
    _add_ends(told.add_argument_group("ends"))
    _add_record(told.add_argument_group("a record"))
    forest = told.add_argument_group("the forest")
    _add_forest(forest)
    forest.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed and records, same scores (default 0)"
    )
    _add_meaning(told.add_argument_group("what a score means"))
    _add_time(told.add_argument_group("time"))
    work = told.add_argument_group("work")
    _add_work(work)
    _add_shards(work)
    _add_place(work)
    return parser, told


def add_sql(parser: argparse.ArgumentParser) -> None:
    """The options of a run of streams, which are also those of a program that `sql --explain` has printed."""
    ends = parser.add_argument_group("ends")
    _add_source(ends)
    ends.add_argument(
        "--output",
        action="append",
        metavar="STREAM=URI",
        help="where a stream goes, as JSON objects: file:DIR, kafka://…, kinesis://… or print:; may be repeated "
        "(default: DESTINATION_SQL_STREAM, or what no pump reads, is printed; error_stream goes into DIR-errors beside "
        "the first DIR, or is printed too)",
    )
    _add_state(ends)
    time = parser.add_argument_group("time")
    time.add_argument(
        "--time",
        default="arrival",
        metavar="FIELD",
        help="of a record, to be its ROWTIME: ISO 8601, or epoch seconds or milliseconds (default: its arrival)",
    )
    time.add_argument("--time-zone", metavar="NAME", help="of such times without an offset (default UTC)")
    _add_lateness(time)
    work = parser.add_argument_group("work")
    work.add_argument("--seed", type=int, default=0, metavar="N", help="same seed and rows, same scores (default 0)")
    _add_work(work)
    _add_place(work)


def _add_model(commands: Any) -> None:
    for name, text, description in [
        (
            "export",
            "take a forest out of a job's state",
            "Write the forest of a key, as the last checkpoint or savepoint has it, to FILE. In Python it is "
            "RandomCutForest.from_bytes(open(FILE, 'rb').read()); into another job it comes with import.",
        ),
        (
            "import",
            "put a forest into a job's state",
            "Have the next run with this state go on with the forest in FILE for a key, from the key's next record on. "
            "The job must have been run with this state before, with the same parameters, and be stopped.",
        ),
    ]:
        model = commands.add_parser(name, help=text, description=description)
        model.add_argument("--state", type=Path, metavar="DIR", required=True, help="of the job")
        model.add_argument("--key", metavar="KEY", help="whose forest; left out where the job has one for all records")
        model.add_argument("file", type=Path, metavar="FILE")


def _add_ends(ends: _Group) -> None:
    _add_source(ends)
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
    _add_state(ends)


def _add_source(ends: _Group) -> None:
    ends.add_argument(
        "--source",
        required=True,
        metavar="URI",
        help="file:PATH, a JSON-lines file or a directory of them, read in order of name and watched for more; "
        "kafka://HOST:PORT[,HOST:PORT]/TOPIC[?OPTION=VALUE&…]; or kinesis://REGION/STREAM[?endpoint=URL&…]",
    )


def _add_state(ends: _Group) -> None:
    ends.add_argument(
        "--bounded",
        action="store_true",
        help="end when all that is there is read and its results are out (of a broker: when --quiet has passed without "
        "a record); nothing is late then. With --max-delay results come while it reads",
    )
    ends.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep forests and place here, and go on from them at the next start (default: every start is fresh)",
    )
    ends.add_argument(
        "--fresh",
        action="store_true",
        help="start over: what --state holds is moved aside, into DIR/replaced, and all that the source has is read "
        "again. For one start; left in a command that is repeated, it starts over each time",
    )


def _add_record(record: _Group) -> None:
    _add_value(record, "those that are numbers in the first records of the source; as before with --state")
    record.add_argument("--key", metavar="FIELD", help="a forest for each value of this field (default: one forest)")
    record.add_argument(
        "--key-ttl",
        metavar="TIME",
        help="forget a key that has had no record for this long, in event time; if it comes again, its forest starts "
        "anew (default: never). For keys without end, such as sessions",
    )
    record.add_argument(
        "--time",
        default="event_time",
        metavar="FIELD",
        help="ISO 8601, or epoch seconds or milliseconds; or the word arrival (default event_time; from a broker, a "
        "record without it has the time of its arrival there)",
    )
    record.add_argument("--time-zone", metavar="NAME", help="of times without an offset (default: this machine's)")


def _add_value(record: _Group, default: str) -> None:
    record.add_argument(
        "--value",
        action="append",
        metavar="FIELD",
        help="a numeric field to score, a name, or a JSON path that begins with $; may be repeated "
        f"(default: {default})",
    )


def _add_forest(forest: _Group) -> None:
    for name, text in [
        ("num_trees", "trees; more of them, less noise in the score (1 to 1000)"),
        ("sample_size", "records a tree remembers (10 to 16384)"),
        ("time_decay", "records after which one is as good as forgotten"),
        ("shingle_size", "consecutive records scored as one, for patterns in time (1 to 30)"),
    ]:
        forest.add_argument(
            f"--{name.replace('_', '-')}",
            type=int,
            default=DEFAULTS[name],
            metavar="N",
            help=f"{text} (default {DEFAULTS[name]})",
        )


def _add_meaning(meaning: _Group) -> None:
    meaning.add_argument(
        "--grade",
        action="store_true",
        help='add "probability", how often an ordinary record of its key scores as high, and "grade", 0 down to 1 in '
        "100, 0.5 at 1 in 10,000, 1 at 1 in a million: thresholds that hold for any key, --sample-size and data",
    )
    meaning.add_argument(
        "--explanation",
        action="store_true",
        help='add "explanation", for each field in which direction it is unusual and how much of the score is its own, '
        "in the form of RANDOM_CUT_FOREST_WITH_EXPLANATION",
    )


def _add_time(stream: _Group) -> None:
    stream.add_argument(
        "--every",
        default="1s",
        metavar="TIME",
        help="the second: what is scored and sorted together (default 1s)",
    )
    _add_lateness(stream)


def _add_lateness(stream: _Group) -> None:
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


def _add_work(work: _Group) -> None:
    work.add_argument("--parallelism", type=int, default=1, metavar="N", help="Flink's: so many workers (default 1)")
    work.add_argument(
        "--forest-memory",
        metavar="SIZE",
        help="memory of the forests in one worker, such as 512MB or 2GB; beyond it, those least recently used wait in "
        "state (default: half of what this machine or container has, shared by the workers)",
    )
    work.add_argument(
        "--checkpoint-interval",
        default="500ms",
        metavar="TIME",
        help="how often results become visible and state is written (default 500ms)",
    )


def _add_shards(work: _Group) -> None:
    work.add_argument(
        "--shards",
        type=int,
        default=1,
        metavar="N",
        help="deal the trees of every forest to N of the workers, for one key that is too much for one (default 1, at "
        "most 32); state is of N shards for ever",
    )


def _add_place(work: _Group) -> None:
    work.add_argument(
        "--cluster",
        metavar="HOST:PORT",
        help="submit to the Flink cluster with this REST interface (default: run here)",
    )
    work.add_argument(
        "--jar", type=Path, action="append", metavar="FILE", help="a connector that `make jars` does not bring"
    )
    work.add_argument(
        "--requirements",
        type=Path,
        metavar="FILE",
        help="what a cluster's workers install with pip before they start (default: their image has all)",
    )
