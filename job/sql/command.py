"""What `python -m job sql` does."""

import argparse
from collections.abc import Callable, Mapping
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
    application = read_application(told.application.read_text(encoding="utf-8-sig"), schema)
    streams, results = list(application.streams), application.results()
    options = sql_options(told, streams, results, statements(application, schema))

    plan = planner(application, options.seed)
    if told.explain:
        print(explain(options, schema, told.application.name, plan, results, streams), end="")
        return 0
    return run_views(options, schema, plan)


def planner(application: Application, seed: int) -> Callable[[Any, int], list[str]]:
    """What makes an application's views, and returns what it did (see `job.sql.planner`)."""

    def plan(t_env: Any, memory: int) -> list[str]:
        from job.sql.planner import Planner  # noqa: PLC0415 - PyFlink reads its environment when it is imported

        made = Planner(t_env, application, memory, seed)
        made.plan()
        return made.steps

    return plan


def statements(application: Application, schema: InputSchema) -> Mapping[str, str]:
    """What the state of a run depends on, by its name."""
    columns = {f"column {c.name}": f"{c.sql_type} {c.mapping}" for c in schema.columns}
    return {**application.statements, **columns}
