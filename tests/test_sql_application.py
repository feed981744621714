"""What an application must be before anything starts: names, arguments, types, the way of its pumps."""

import argparse
import json
from pathlib import Path

import pytest
from sql_applications import INPUT, SCHEMA, SEED, application

from job.sql import command
from job.sql.application import read_application
from job.sql.schema import InputSchema
from job.sql.syntax import SqlError
from job.sql.types import SqlType, coercion


def test_the_seed_has_its_streams_and_pumps() -> None:
    seed = read_application(SEED.read_text(), SCHEMA)
    assert [(p.name, p.stream, p.columns) for p in seed.pumps] == [
        ("STREAM_PUMP", "TEMP_STREAM", ("volume", "ANOMALY_SCORE")),
        ("OUTPUT_PUMP", "DESTINATION_SQL_STREAM", ("volume", "ANOMALY_SCORE")),
    ]
    assert seed.streams["TEMP_STREAM"].columns == {"volume": SqlType("INTEGER"), "ANOMALY_SCORE": SqlType("DOUBLE")}
    assert seed.results() == ["DESTINATION_SQL_STREAM"]


def test_pumps_come_behind_those_that_fill_what_they_read() -> None:
    found = application(
        'CREATE PUMP last AS INSERT INTO b SELECT STREAM "x" FROM a;'
        f'CREATE PUMP one AS INSERT INTO a SELECT STREAM "volume" FROM {INPUT};'
        f'CREATE PUMP two AS INSERT INTO a SELECT STREAM "volume" FROM {INPUT} AS s WHERE s."volume" > 1'
    )
    order = [pump.name for pump in found.pumps]
    assert sorted(order) == ["LAST", "ONE", "TWO"] and order[-1] == "LAST"
    assert [pump.name for pump in found.pumps_into("A")] == [name for name in order if name != "LAST"]
    assert found.results() == ["B"]


def test_columns_that_are_not_told_are_left_out() -> None:
    found = read_application(
        'CREATE STREAM s ("x" INTEGER, "y" DOUBLE);'
        f'CREATE PUMP p AS INSERT INTO s ("y") SELECT STREAM "volume" FROM {INPUT}',
        SCHEMA,
    )
    assert found.pumps[0].columns == ("y",)


def test_the_error_stream_is_found_in_either_case_and_what_reads_it_is_known() -> None:
    text = "CREATE STREAM e (m VARCHAR(100));CREATE STREAM f (m VARCHAR(10));"
    for name in ('"error_stream"', "error_stream"):
        found = read_application(
            f"{text}CREATE PUMP p AS INSERT INTO e SELECT STREAM MESSAGE FROM {name};"
            "CREATE PUMP q AS INSERT INTO f SELECT STREAM m FROM e",
            SCHEMA,
        )
        assert found.pumps[0].reads == {"error_stream"}
        assert found.after_errors() == {"P", "Q"}


def test_a_star_is_without_the_arrival_of_the_input_but_with_columns_called_so() -> None:
    found = read_application(
        "CREATE STREAM s (APPROXIMATE_ARRIVAL_TIME TIMESTAMP, y DOUBLE);CREATE STREAM t (a TIMESTAMP, y DOUBLE);"
        f'CREATE PUMP p AS INSERT INTO s SELECT STREAM APPROXIMATE_ARRIVAL_TIME, "volume" FROM {INPUT};'
        "CREATE PUMP q AS INSERT INTO t SELECT STREAM * FROM s",
        SCHEMA,
    )
    assert [item.name for item in found.pumps[1].query.expressions] == ["APPROXIMATE_ARRIVAL_TIME", "Y"]
    text = f"CREATE PUMP p AS INSERT INTO error_stream (MESSAGE, DATA_ROW) SELECT STREAM * FROM {INPUT}"
    (pump,) = application(text).pumps
    assert [item.name for item in pump.query.expressions] == ["event_time", "volume"]


REFUSED = [
    ("CREATE STREAM a (y INTEGER)", "1: there must be one stream A, got another"),
    ("CREATE STREAM c (y MULTISET)", "20: type must be one of BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, REAL, FLOAT,"
     " DOUBLE, DATE, TIME, TIMESTAMP, CHAR, VARCHAR, VARBINARY, DECIMAL, got MULTISET"),
    ("CREATE STREAM c (ROWTIME TIMESTAMP)", "18: a column must have a name of its own, got ROWTIME"),
    ("CREATE STREAM c (y INTEGER, y INTEGER)", "29: a column must have a name of its own, got Y"),
    ("CREATE PUMP p AS INSERT INTO c SELECT STREAM 1 FROM a",
     "30: a stream must be one of SOURCE_SQL_STREAM_001, error_stream, A, B, got C"),
    ('CREATE PUMP p AS INSERT INTO "a" SELECT STREAM 1 FROM a',
     "30: a stream must be one of SOURCE_SQL_STREAM_001, error_stream, A, B, got a"),
    (f"CREATE PUMP p AS INSERT INTO {INPUT} SELECT STREAM 1 FROM a",
     "30: a pump must not insert into the input, got SOURCE_SQL_STREAM_001"),
    ('CREATE PUMP p AS INSERT INTO a ("z") SELECT STREAM 1 FROM a',
     "1: a column to insert into must be one of A, got z"),
    ('CREATE PUMP p AS INSERT INTO a ("x", "x") SELECT STREAM 1, 2 FROM b',
     "1: columns to insert into must be each once, got x, x"),
    (f'CREATE PUMP p AS INSERT INTO a SELECT STREAM "x" FROM (SELECT STREAM "volume" AS "x", 1 AS "x" FROM {INPUT})',
     "56: columns must have names of their own, got x, x"),
    ('CREATE PUMP p AS INSERT INTO a SELECT STREAM "x" FROM (SELECT STREAM b.ROWTIME, "x" FROM b)',
     "56: a query that is read by another has ROWTIME; it must not be among its columns, too"),
    ('CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM TABLE(RANDOM_CUT_FOREST(CURSOR('
     'SELECT STREAM "x" AS ANOMALY_SCORE FROM b)))',
     "59: a column of the cursor must not be called as what RANDOM_CUT_FOREST adds, ANOMALY_SCORE"),
    ('CREATE PUMP p AS INSERT INTO a SELECT STREAM "x", 2 FROM b',
     "1: pump P must insert as many columns as A takes, 1, got 2: x, EXPR$1"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM x FROM b",
     '46: a column must be one of x, ROWTIME, got X; unquoted names are in upper case, did you mean "x"?'),
    ('CREATE PUMP p AS INSERT INTO a SELECT STREAM c."x" FROM b', "46: a table must be one of B, got C"),
    ('CREATE PUMP p AS INSERT INTO a SELECT STREAM "x" FROM b JOIN b AS c ON b."x" = c."x"',
     "46: a column must be of one table, got x of B and C"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM a AS t JOIN b AS t ON TRUE",
     "65: a source must have a name of its own, got T twice"),
    (f"CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM {INPUT};"
     f"CREATE PUMP p AS INSERT INTO b SELECT STREAM 1 FROM {INPUT}", "77: there must be one pump P, got another"),
    (f"CREATE PUMP p STOPPED AS INSERT INTO a SELECT STREAM y FROM {INPUT}",
     "54: a column must be one of event_time, volume, ROWTIME, APPROXIMATE_ARRIVAL_TIME, got Y"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM COUNT(*) FROM b", "46: COUNT must be with GROUP BY or OVER"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM LAG(1) FROM b GROUP BY FLOOR(b.ROWTIME TO DAY)",
     "46: LAG must be with OVER"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM b HAVING COUNT(*) > 1",
     "62: COUNT must be with GROUP BY or OVER"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM b WHERE 1 < COUNT(*)",
     "65: COUNT must be among the columns or in HAVING"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM b WHERE AVG(1) OVER (ROWS 1 PRECEDING) > 1",
     "68: OVER must be among the columns of a query without GROUP BY"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 + AVG(1) OVER w FROM b GROUP BY FLOOR(b.ROWTIME TO DAY)"
     " WINDOW w AS (ROWS 1 PRECEDING)", "57: OVER must be among the columns of a query without GROUP BY"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM SUM(AVG(1) OVER (ROWS 1 PRECEDING)) OVER (ROWS 1 PRECEDING) FROM b",
     "57: OVER must not be within another"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM ABS(1) OVER (ROWS 1 PRECEDING) FROM b",
     "53: OVER must be behind an aggregate function"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM SUM(ABS(MAX(1))) FROM b GROUP BY FLOOR(b.ROWTIME TO DAY)",
     "54: MAX must not be within another aggregate function"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM ABS(*) FROM b", "50: * must be a column of its own, or in COUNT(*)"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM ABS(DISTINCT 1) FROM b",
     "59: DISTINCT must be in an aggregate function"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM b WINDOW w AS (ROWS 1 PRECEDING), w AS (ROWS 2 PRECEDING)",
     "67: a window must have a name of its own, got W, W"),
    ("CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM b" + " UNION ALL SELECT STREAM 1 FROM b" * 3000,
     "1: UNION ALL must not be of so many queries"),
    ('CREATE PUMP p AS INSERT INTO a SELECT STREAM "x" FROM b UNION ALL SELECT STREAM "x", 1 FROM b',
     "57: UNION ALL must have as many columns on both sides, got 1, 2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_names_that_are_of_nothing_and_clauses_out_of_place_are_refused_with_their_place(
    text: str, message: str
) -> None:
    with pytest.raises(SqlError) as refused:
        application(text)
    assert str(refused.value) == f"line 3, column {message}"


def test_a_stopped_pump_is_left_out() -> None:
    found = application(
        f'CREATE PUMP p STOPPED AS INSERT INTO b SELECT STREAM "x" FROM a;'
        f'CREATE PUMP q AS INSERT INTO a SELECT STREAM "volume" FROM {INPUT}'
    )
    assert ([pump.name for pump in found.pumps], found.stopped) == (["Q"], ("P",))
    assert found.results() == ["A", "B"]
    with pytest.raises(SqlError) as refused:
        application(f"CREATE PUMP p STOPPED AS INSERT INTO a SELECT STREAM 1 FROM {INPUT}")
    assert str(refused.value) == "an application must have a pump, got only STOPPED ones"


def test_circles_are_refused() -> None:
    with pytest.raises(SqlError) as refused:
        application(
            'CREATE PUMP p AS INSERT INTO a SELECT STREAM "x" FROM b;'
            'CREATE PUMP q AS INSERT INTO b SELECT STREAM "x" FROM a'
        )
    assert str(refused.value) == "line 3, column 1: pumps must not go in a circle, got P → Q → P"


ARGUMENTS = [
    ("RANDOM_CUT_FOREST", "0", "numberOfTrees must be 1 to 1000, got 0"),
    ("RANDOM_CUT_FOREST", "1001", "numberOfTrees must be 1 to 1000, got 1001"),
    ("RANDOM_CUT_FOREST", "1.5", "numberOfTrees must be 1 to 1000, got 1.5"),
    ("RANDOM_CUT_FOREST", "-1", "numberOfTrees must be 1 to 1000, got -1"),
    ("RANDOM_CUT_FOREST", "100, 9", "subSampleSize must be 10 to 1000, got 9"),
    ("RANDOM_CUT_FOREST", "100, 1001", "subSampleSize must be 10 to 1000, got 1001"),
    ("RANDOM_CUT_FOREST", "100, 256, 256", "subSampleSize must be below timeDecay, got 256 and 256"),
    ("RANDOM_CUT_FOREST", "100, 256, 2147483648", "timeDecay must be 1 to 2147483647, got 2147483648"),
    ("RANDOM_CUT_FOREST", "100, 256, 1000, 31", "shingleSize must be 1 to 30, got 31"),
    ("RANDOM_CUT_FOREST", "100, 256, 1000, 1, TRUE",
     "RANDOM_CUT_FOREST must have at most the arguments numberOfTrees, subSampleSize, timeDecay, shingleSize, got 5"),
    ("RANDOM_CUT_FOREST_WITH_EXPLANATION", "100, 256, 1000, 1, 2", "withDirectionality must be TRUE or FALSE, got 2"),
    ("HOTSPOTS", "1000", "HOTSPOTS must have the arguments windowSize, scanRadius,"
     " minimumNumberOfPointsInAHotspot, got 1"),
    ("HOTSPOTS", "99, 0.2, 17", "windowSize must be 100 to 1000, got 99"),
    ("RANDOM_CUT_FOREST", "-'100'", "numberOfTrees must be 1 to 1000, got -'100'"),
    ("HOTSPOTS", "1000, '1', 17", "scanRadius must be above 0, got '1'"),
    ("HOTSPOTS", "1000, 1e999, 17", "scanRadius must be above 0, got inf"),
    ("HOTSPOTS", "1000, 0, 17", "scanRadius must be above 0, got 0"),
    ("HOTSPOTS", "100, 0.2, 101", "minimumNumberOfPointsInAHotspot must be 2 to 100, got 101"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arguments", "message"), ARGUMENTS, ids=[m for *_, m in ARGUMENTS])
def test_arguments_have_the_limits_of_the_service(function: str, arguments: str, message: str) -> None:
    with pytest.raises(SqlError) as refused:
        application(
            "CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM TABLE("
            f"{function}(CURSOR(SELECT STREAM * FROM {INPUT}), {arguments}))"
        )
    assert str(refused.value) == f"line 3, column 59: {message}"


def test_a_text_becomes_no_flag() -> None:
    with pytest.raises(ValueError) as refused:
        coercion("x", "INTEGER", SqlType("BOOLEAN"))
    assert str(refused.value) == "must be of a type that becomes BOOLEAN, got INTEGER"


def test_the_schema_is_the_services_own(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps({"RecordColumns": [{"Name": "volume", "SqlType": "DOUBLE", "Mapping": "$.volume"}]}))
    assert InputSchema.read(file).columns == SCHEMA.columns[1:]


def test_an_application_of_windows_begins_with_its_text(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"RecordColumns": [{"Name": "v", "SqlType": "DOUBLE", "Mapping": "$.v"}]}')
    (tmp_path / "app.sql").write_bytes("CREATE STREAM a (x INTEGER);\r\n".encode("utf-8-sig"))
    with pytest.raises(ValueError) as refused:
        command.sql(argparse.Namespace(schema=tmp_path / "schema.json", application=tmp_path / "app.sql"))
    assert str(refused.value) == "an application must have a pump, got none"
