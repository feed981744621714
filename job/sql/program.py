"""An application as a Python program: written by `--explain`, and run by `main` once it is one."""

import argparse
import hashlib
import inspect
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from job.arguments import add_sql
from job.environment import start
from job.flink_client import free_port
from job.progress import Progress, counts
from job.run import no_garbage_collected, run, told_in_one_line
from job.sql.names import ERROR_STREAM
from job.sql.options import SqlOptions, output_name
from job.sql.run import Build, SqlRun, open_views
from job.sql.schema import InputSchema
from job.state import RestorePoint, StateDirectory
from job.stop import Stop
from job.told import check_there, of_run, of_work
from job.uris import SINKS, SOURCES, Uri, parse_uri

_PROGRAM = '''\
"""{title} as views of Flink, written by `python -m job sql --explain`.

Run it where the packages `job` and `udf` are: python {name}.py --source URI [--output STREAM=URI]… [--bounded] …
"""

import sys

from job.sql.program import main
from job.sql.schema import Column, InputSchema

SCHEMA = InputSchema(
    (
{columns}
    )
)
STREAMS = {streams!r}
RESULTS = {results!r}


def build(t_env, memory):
    """The views; `memory` is what forests may take in a worker, in bytes."""
    from job.sql.library import hotspots, random_cut_forest, stagger_windows
    from job.sql.rows import streamed

{steps}


if __name__ == "__main__":
    sys.exit(main(build, SCHEMA, STREAMS, RESULTS))
'''


def sql_options(
    told: argparse.Namespace, streams: Sequence[str], results: Sequence[str], statements: Mapping[str, str]
) -> SqlOptions:
    """Options from arguments. Where nothing is said, `results` are printed, and errors go beside the results.

    Raises ValueError: one is out of its range, or of a stream that is not one of `streams`.
    """
    outputs: dict[str, Uri] = {}
    for text in told.output or ():
        stream, is_given, uri = text.partition("=")
        if stream not in streams or not is_given:
            raise ValueError(f"output must be STREAM=URI of one of {', '.join(streams)}, got {text!r}")
        if output_name(stream) in map(output_name, outputs):
            raise ValueError(f"output must be of a stream once, got {text!r} too")
        outputs[stream] = parse_uri("output", uri, SINKS)
    if not set(outputs) - {ERROR_STREAM}:
        outputs = {stream: Uri("print") for stream in results} | outputs
    folders = [uri.path for uri in outputs.values() if uri.path is not None]
    beside = Uri("file", folders[0].with_name(folders[0].name + "-errors")) if folders else Uri("print")
    outputs.setdefault(ERROR_STREAM, beside)
    outputs = {stream: outputs[stream] for stream in streams if stream in outputs}
    source = parse_uri("source", told.source, SOURCES)
    _check_apart(source, outputs)
    options = SqlOptions(
        source=source,
        sink=Uri("print"),
        errors=Uri("print"),
        outputs=outputs,
        statements=statements,
        time_zone=told.time_zone or "UTC",
        **of_run(told),
        **of_work(told),
    )
    check_there(options, told.source)
    return options


def _check_apart(source: Uri, outputs: Mapping[str, Uri]) -> None:
    """Raise ValueError where rows of one stream would lie among those of another, or come back as records."""
    taken = {_place(source): "the source"}
    for stream, uri in outputs.items():
        if uri.scheme == "print":
            continue
        if other := taken.get(_place(uri)):
            raise ValueError(f"output must be a place of its own, got {uri} for {other} and {stream}")
        taken[_place(uri)] = stream


def _place(uri: Uri) -> str:
    return str(uri) if uri.path is None else str(uri.path.resolve())


def run_views(options: SqlOptions, schema: InputSchema, build: Build) -> int:
    """Run until the end, or until it is told to stop. Returns the exit code. Raises as `job.run.run`."""
    progress = Progress()
    with Stop() as stop:
        summary = run(options, progress, stop, partial(SqlRun, schema=schema, build=build))
    progress.end()
    print(f"submitted job {summary.job_id}" if summary.job_id else counts(summary), file=sys.stderr)
    return 0


def explain(
    options: SqlOptions,
    schema: InputSchema,
    title: str,
    planner: Callable[[Any, int], list[str]],
    results: Sequence[str],
    streams: Sequence[str],
) -> str:
    """The program of an application; `planner` makes its views and returns what it did."""
    steps: list[str] = []

    def build(t_env: Any, memory: int) -> None:
        steps.extend(planner(t_env, memory))

    work = Path(tempfile.mkdtemp(prefix="random-cut-forest-"))
    try:
        state = StateDirectory(work / "state")
        away = replace(options, outputs={}, cluster=None, state=None, fresh=False)
        _, t_env = start(away, work, state, RestorePoint(None, 0), free_port())
        t_env.execute_sql(
            "CREATE TEMPORARY TABLE nothing (`lines` STRING, arrival BIGINT, role INT)"
            " WITH ('connector' = 'datagen', 'number-of-rows' = '1')"
        )
        with told_in_one_line(), no_garbage_collected():
            open_views(t_env, options, schema, t_env.to_data_stream(t_env.from_path("nothing")), build)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    name = Path(title).stem
    return _PROGRAM.format(
        title=title,
        name=name,
        columns="\n".join(f"        Column({c.name!r}, {c.sql_type!r}, {c.mapping!r})," for c in schema.columns),
        streams=list(streams),
        results=list(results),
        steps="\n".join(f"    {step}" for step in steps),
    )


def main(build: Build, schema: InputSchema, streams: Sequence[str], results: Sequence[str]) -> int:
    """Run a program that `explain` has written, with the options of `python -m job sql`. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Run the views of this program on Flink.")
    add_sql(parser)
    told = parser.parse_args()
    try:
        # State depends on all that the views are made of
        program = hashlib.sha256(f"{inspect.getsource(build)}{schema}".encode()).hexdigest()
        return run_views(sql_options(told, streams, results, {"program": program}), schema, build)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
