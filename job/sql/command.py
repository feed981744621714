"""What `python -m job sql` does."""

import argparse
from collections.abc import Mapping
from typing import Any

from job.sql.application import Application, read_application
from job.sql.program import explain, run_views, sql_options
from job.sql.schema import InputSchema


def sql(told: argparse.Namespace) -> int:
    """Run an application, or print the program that it is. Returns the exit code.

    Raises:
        ValueError: what it says cannot be run, with its place, or an argument is wrong.
        RuntimeError: as `job.run.run`.
    """
    schema = InputSchema.read(told.schema)
    application = read_application(told.application.read_text(encoding="utf-8"), schema)
    streams, results = list(application.streams), application.results()
    options = sql_options(told, streams, results, _statements(application, schema))

    def build(t_env: Any, memory: int) -> list[str]:
        from job.sql.planner import Planner  # noqa: PLC0415 - PyFlink reads its environment when it is imported

        planner = Planner(t_env, application, memory, options.seed)
        planner.plan()
        return planner.steps

    if told.explain:
        print(explain(options, schema, told.application.name, build, results, streams), end="")
        return 0
    return run_views(options, schema, lambda t_env, memory: _done(build(t_env, memory)))


def _done(_: list[str]) -> None: ...


def _statements(application: Application, schema: InputSchema) -> Mapping[str, str]:
    columns = {f"column {c.name}": f"{c.sql_type} {c.mapping}" for c in schema.columns}
    return {**application.statements, **columns}
