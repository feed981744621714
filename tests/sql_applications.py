"""Applications for the tests of SQL."""

from functools import partial
from pathlib import Path
from typing import Any

from job.sql.application import Application, read_application
from job.sql.command import planner, statements
from job.sql.names import SOURCE_STREAM
from job.sql.options import SqlOptions
from job.sql.run import SqlRun
from job.sql.schema import Column, InputSchema
from job.uris import Uri

SCHEMA = InputSchema((Column("event_time", "VARCHAR(32)", "$.event_time"), Column("volume", "DOUBLE", "$.volume")))
SEED = Path(__file__).parent / "sql" / "seed.sql"
STREAMS = 'CREATE STREAM a ("x" INTEGER);\nCREATE STREAM b ("x" INTEGER);\n'
INPUT = '"SOURCE_SQL_STREAM_001"'


def application(text: str) -> Application:
    return read_application(STREAMS + text, SCHEMA)


def application_run(folder: Path, application: Application, schema: InputSchema, **told: Any) -> Any:
    """The options of a run whose streams go into files, and what opens it."""
    options = SqlOptions(
        sink=Uri("print"),
        errors=Uri("print"),
        statements=statements(application, schema),
        **{
            "outputs": {name: Uri("file", folder / name) for name in application.streams if name != SOURCE_STREAM},
            "time": "time",
            "source": Uri("file", folder / "in.jsonl"),
            "bounded": True,
            **told,
        },
    )
    return options, partial(SqlRun, schema=schema, build=planner(application, options.seed))
