"""What Flink, asked while an application is planned, does not take."""

from pathlib import Path

import pytest
from job_runs import write_lines
from sql_applications import application_run

from job.sql.application import read_application
from job.sql.command import planner
from job.sql.program import explain
from job.sql.schema import Column, InputSchema
from job.sql.syntax import SqlError

pytestmark = pytest.mark.cluster


MANY = ", ".join(f"1.0E0 AS c{n}" for n in range(31))
NOT_PLANNED = [
    ('SELECT STREAM "exact" FROM TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM "exact" FROM i)))',
     "line 4, column 65: values must be 1 to 30 numeric columns, each once, got 0"),
    (f"SELECT STREAM 1 FROM TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM {MANY} FROM i)))",
     "line 4, column 59: values must be 1 to 30 numeric columns, each once, got C0, C1,"),
    ('SELECT STREAM "flag" FROM i',
     "line 4, column 46: pump P: what goes into X of S must be of a type that becomes DOUBLE, got BOOLEAN"),
    ('SELECT STREAM "name" * 2 FROM i', "line 4, column 32: pump P: Flink does not take its query: "),
    ('SELECT STREAM "v" FROM i WHERE "v" > 0 AND NOT "name" BETWEEN 1 AND 2',
     "line 4, column 32: pump P: a text must be compared as what it is, or with CAST(… AS BIGINT), got it as BIGINT"),
    ('SELECT STREAM CASE WHEN "name" > i.ROWTIME THEN 1 END FROM i ORDER BY i.ROWTIME',
     "line 4, column 32: pump P: a text must be compared as what it is, or with CAST(… AS TIMESTAMP), got it as"),
]  # fmt: skip


def test_what_cannot_be_planned_is_refused(tmp_path: Path) -> None:
    columns = [("v", "DOUBLE"), ("exact", "DECIMAL(9,2)"), ("flag", "BOOLEAN"), ("name", "VARCHAR(9)")]
    schema = InputSchema(tuple(Column(name, kind, f"$.{name}") for name, kind in columns))
    write_lines(tmp_path / "in.jsonl", [])
    for query, message in NOT_PLANNED:
        text = (
            "CREATE STREAM s (x DOUBLE);\n"
            'CREATE STREAM i ("v" DOUBLE, "exact" DECIMAL(9,2), "flag" BOOLEAN, "name" CHAR);\n'
            'CREATE PUMP o AS INSERT INTO i SELECT STREAM * FROM "SOURCE_SQL_STREAM_001";\n'
            f"CREATE PUMP p AS INSERT INTO s {query}"
        )
        application = read_application(text, schema)
        options, _ = application_run(tmp_path, application, schema)
        with pytest.raises((SqlError, RuntimeError)) as refused:
            explain(options, schema, "app.sql", planner(application, 0), [], [])
        assert str(refused.value).startswith(message), query
