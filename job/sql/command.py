"""What `python -m job sql` does."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any

from job.sql.application import Application, read_application
from job.sql.discover import discover
from job.sql.program import explain, run_views, sql_options
from job.sql.schema import Column, InputSchema
from job.state import StateDirectory
from job.uris import SOURCES, parse_uri

_COLUMN = "column "
_WAIT_SECONDS = 10.0


def sql(told: argparse.Namespace) -> int:
    """Run an application, or print the program that it is. Returns the exit code.

    Raises:
        ValueError: what it says cannot be run, with its place, or an argument is wrong.
        RuntimeError: as `job.run.run`.
    """
    schema = input_schema(told)
    application = read_application(told.application.read_text(encoding="utf-8-sig"), schema)
    if application.stopped:
        print(f"left out, since they are STOPPED: {', '.join(application.stopped)}", file=sys.stderr)
    streams, results = list(application.streams), application.results()
    options = sql_options(told, streams, results, statements(application, schema))

    plan = planner(application, options.seed)
    if told.explain:
        print(explain(options, schema, told.application.name, plan, results, streams), end="")
        return 0
    return run_views(options, schema, plan)


def input_schema(told: argparse.Namespace) -> InputSchema:
    """The columns of the input: as told, or, which is then said, as the state or else the first records have them.

    Raises:
        ValueError: the schema is none.
        RuntimeError: as `job.sql.discover.discover`.
    """
    if told.schema is not None:
        return InputSchema.read(told.schema)
    before = None if told.state is None or told.fresh else StateDirectory(told.state).told()
    if before is not None and (columns := _columns(before)):
        schema = InputSchema(columns)
        print(f"no --schema: columns as in the state of {told.state}: {schema}", file=sys.stderr)
        return schema
    source = parse_uri("source", told.source, SOURCES)
    if source.path is not None and not source.path.exists():
        raise ValueError(f"source must be a file or directory that is there, got {told.source!r}")
    try:
        schema = discover(source, wait=_WAIT_SECONDS)
    except RuntimeError as error:
        raise RuntimeError(f"{error}; --schema FILE says what columns there are") from error
    print(f"no --schema: columns as in the first records of {source}: {schema}", file=sys.stderr)
    return schema


def planner(application: Application, seed: int) -> Callable[[Any, int], list[str]]:
    """What makes an application's views, and returns what it did (see `job.sql.planner`)."""

    def plan(t_env: Any, memory: int) -> list[str]:
        from job.sql.planner import Planner  # noqa: PLC0415 - PyFlink reads its environment when it is imported

        return Planner(t_env, application, memory, seed).plan()

    return plan


def statements(application: Application, schema: InputSchema) -> Mapping[str, str]:
    """What the state of a run depends on, by its name."""
    columns = {f"{_COLUMN}{c.name}": f"{c.sql_type} {c.mapping}" for c in schema.columns}
    return {**application.statements, **columns}


def _columns(before: Mapping[str, Any]) -> tuple[Column, ...]:
    """The columns among what `statements` has told a state."""
    told = {name.removeprefix(_COLUMN): text for name, text in before.items() if name.startswith(_COLUMN)}
    return tuple(Column(name, *_type_and_path(text)) for name, text in told.items())


def _type_and_path(text: str) -> tuple[str, str]:
    sql_type, _, path = text.partition(" $")
    return sql_type, f"${path}"
