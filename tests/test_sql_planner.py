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
AS_WHAT_IT_IS = "pump P: a text must be compared as what it is, or with CAST"
NOT_TAKEN = "pump P: Flink does not take its query: "
NOT_PLANNED = [
    ('SELECT STREAM "exact" FROM TABLE(', 'RANDOM_CUT_FOREST(CURSOR(SELECT STREAM "exact" FROM i)))',
     "values must be 1 to 30 numeric columns, each once, got 0"),
    ("SELECT STREAM 1 FROM TABLE(", f"RANDOM_CUT_FOREST(CURSOR(SELECT STREAM {MANY} FROM i)))",
     "values must be 1 to 30 numeric columns, each once, got C0, C1,"),
    ("SELECT STREAM ", '"flag" FROM i',
     "pump P: what goes into X of S must be of a type that becomes DOUBLE, got BOOLEAN"),
    ('SELECT STREAM "v" FROM (SELECT STREAM "v", 1 + (', '"name" * 2) AS n FROM i)', NOT_TAKEN),
    ('SELECT STREAM "v" FROM i WHERE "v" > 0 AND ', '"name" = 5', NOT_TAKEN),
    ('SELECT STREAM "v" FROM i UNION ALL SELECT STREAM 1 FROM i WHERE ', "\"name\" LIKE 'a!' ESCAPE '!'", NOT_TAKEN),
    ("SELECT STREAM COUNT(*) FROM i GROUP BY FLOOR(i.ROWTIME TO DAY) HAVING 1 < ", 'COUNT("v", "exact")', NOT_TAKEN),
    ('SELECT STREAM SUM("v") OVER w + SUM("name") ', "OVER w FROM i WINDOW w AS (ROWS 3 PRECEDING)", NOT_TAKEN),
    ('SELECT STREAM i."v" FROM i JOIN i AS j ON i."v" = j."v" AND i."v" > ', 'j."flag" + 1', NOT_TAKEN),
    ('SELECT STREAM 1 FROM TABLE(HOTSPOTS(CURSOR(SELECT STREAM "v", ', 'ABS("v", 1) FROM i), 100, 1, 2))', NOT_TAKEN),
    ('SELECT STREAM "v" FROM i ORDER BY FLOOR(i.ROWTIME TO HOUR), ', '"name" + 1', NOT_TAKEN),
    ('SELECT STREAM "v" FROM i WHERE "v" > 0 AND NOT ', '"name" BETWEEN 1 AND 2', AS_WHAT_IT_IS),
    ("SELECT STREAM CASE WHEN ", '"name" > i.ROWTIME THEN 1 END FROM i ORDER BY i.ROWTIME', AS_WHAT_IT_IS),
    ("SELECT STREAM COUNT(*) FROM i GROUP BY FLOOR(i.ROWTIME TO DAY) HAVING ", "SUM(\"v\") > 'much'", AS_WHAT_IT_IS),
]  # fmt: skip


def test_what_cannot_be_planned_is_refused(tmp_path: Path) -> None:
    columns = [("v", "DOUBLE"), ("exact", "DECIMAL(9,2)"), ("flag", "BOOLEAN"), ("name", "VARCHAR(9)")]
    schema = InputSchema(tuple(Column(name, kind, f"$.{name}") for name, kind in columns))
    write_lines(tmp_path / "in.jsonl", [])
    for before, refused_at, message in NOT_PLANNED:
        text = (
            "CREATE STREAM s (x DOUBLE);\n"
            'CREATE STREAM i ("v" DOUBLE, "exact" DECIMAL(9,2), "flag" BOOLEAN, "name" CHAR);\n'
            'CREATE PUMP o AS INSERT INTO i SELECT STREAM * FROM "SOURCE_SQL_STREAM_001";\n'
            f"CREATE PUMP p AS INSERT INTO s\n{before}{refused_at}"
        )
        application = read_application(text, schema)
        options, _ = application_run(tmp_path, application, schema)
        with pytest.raises((SqlError, RuntimeError)) as refused:
            explain(options, schema, "app.sql", planner(application, 0), [], [])
        assert str(refused.value).startswith(f"line 5, column {len(before) + 1}: {message}")
