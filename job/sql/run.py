"""A run of views: opens the input, has the views made, and writes those that are asked for."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from job.options import Options
from job.run import Display, Run
from job.sql.names import ERROR_STREAM, HIDDEN, ROWTIME, SOURCE_STREAM
from job.sql.options import SqlOptions, output_name
from job.sql.schema import InputSchema

Build = Callable[[Any, int], object]
"""Makes the views, in a StreamTableEnvironment, with so many bytes of memory for forests in a worker."""


class SqlRun(Run):
    """Runs the views that `build` makes of an input with the columns of `schema`."""

    def __init__(self, options: SqlOptions, display: Display, schema: InputSchema, build: Build) -> None:
        super().__init__(options, display)
        self._sql_options = options
        self._schema = schema
        self._make_views = build

    def _compile(self) -> None:
        """Not here: only the views tell what there is to compile, so `job.sql.library` does."""

    def _build(self, t_env: Any, found: Mapping[str, Any]) -> None:
        from job.pipeline import texts  # noqa: PLC0415 - PyFlink reads its environment when it is imported
        from job.sinks import Sinks  # noqa: PLC0415
        from job.sources import open_source  # noqa: PLC0415

        options = self._sql_options
        open_views(
            t_env,
            options,
            self._schema,
            open_source(t_env, options, self._restore.epoch, found.get("source")),
            self._make_views,
        )
        rows = {stream: texts(t_env, json_rows(t_env, stream)) for stream in options.outputs}
        t_env.use_database("default_database")  # views there are ours alone
        sinks = Sinks(t_env, options, self._name, self._state.identity())
        printed = [s for s, uri in options.outputs.items() if uri.scheme == "print" and s != ERROR_STREAM]
        for stream, uri in options.outputs.items():
            name = output_name(stream)
            # In a task of its own a sink keeps its maximum parallelism, which is in its state; a sort's is 1
            label = stream if len(printed) > 1 or stream == ERROR_STREAM else ""
            sinks.attach(rows[stream].rebalance(), uri, name, found.get(name), label)


def open_views(t_env: Any, options: Options, schema: InputSchema, blocks: Any, build: Build) -> None:
    """The views of an application over a source's blocks, in a database of their own, which is used then."""
    from job.sql.source import open_input  # noqa: PLC0415 - as above

    t_env.execute_sql("CREATE DATABASE application")
    t_env.use_database("application")
    open_input(t_env, options, schema, SOURCE_STREAM, blocks)
    build(t_env, options.forest_memory_bytes)


def json_rows(t_env: Any, stream: str) -> str:
    """The query of a stream's rows as JSON objects, their members in the order of its columns."""
    from job.parse import literal  # noqa: PLC0415 - as above
    from job.sql.flink_sql import quoted  # noqa: PLC0415
    from job.sql.planner import ALL_ERRORS  # noqa: PLC0415
    from job.sql.rows import columns_of  # noqa: PLC0415

    view = quoted(ALL_ERRORS if stream == ERROR_STREAM else stream)
    members = []
    for column in columns_of(t_env.from_path(view)):
        if column.name in (HIDDEN if stream == SOURCE_STREAM else (ROWTIME,)):
            continue
        value = quoted(column.name)
        if column.root.startswith(("TIME", "DATE")):
            value = f"CAST({value} AS STRING)"
        # Not JSON_OBJECT, which sorts its members
        members.append(f"{literal(json.dumps(column.name) + ':')} || COALESCE(JSON_STRING({value}), 'null')")
    return "SELECT '{' || " + " || ',' || ".join(members) + f" || '}}' AS line FROM {view}"
