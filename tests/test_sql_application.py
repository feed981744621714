"""What an application must be before anything starts: names, arguments, types, the way of its pumps."""

import argparse
import json
from pathlib import Path

import pytest

from job.arguments import add_sql
from job.sql import command
from job.sql.application import Application, read_application
from job.sql.command import input_schema, statements
from job.sql.options import SqlOptions
from job.sql.program import sql_options
from job.sql.queries import Queries
from job.sql.schema import Column, InputSchema
from job.sql.syntax import SqlError
from job.sql.types import SqlType, coercion
from job.state import StateDirectory
from job.uris import Uri

SCHEMA = InputSchema((Column("event_time", "VARCHAR(32)", "$.event_time"), Column("volume", "DOUBLE", "$.volume")))
SEED = Path(__file__).parent / "sql" / "seed.sql"
STREAMS = 'CREATE STREAM a ("x" INTEGER);\nCREATE STREAM b ("x" INTEGER);\n'
INPUT = '"SOURCE_SQL_STREAM_001"'


def application(text: str) -> Application:
    return read_application(STREAMS + text, SCHEMA)


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


def with_outputs(folder: Path, *outputs: str) -> SqlOptions:
    parser = argparse.ArgumentParser()
    add_sql(parser)
    told = parser.parse_args(["--source", f"file:{folder}", *(f"--output={output}" for output in outputs)])
    return sql_options(told, ["error_stream", "A b", "a", "A_b"], ["a"], {})


def test_a_stream_leaves_once_and_state_is_of_what_leaves(tmp_path: Path) -> None:
    assert list(with_outputs(tmp_path, "A_b=print:", "a=print:").outputs) == ["error_stream", "a", "A_b"]
    for again in ("a=file:two", "A b=print:"):
        with pytest.raises(ValueError) as refused:
            with_outputs(tmp_path, "a=file:one", "A_b=print:", again)
        assert str(refused.value) == f"output must be of a stream once, got {again!r} too"
    StateDirectory(tmp_path).claim(with_outputs(tmp_path, "A_b=print:", "a=print:"))
    StateDirectory(tmp_path).claim(with_outputs(tmp_path, "a=file:one", "A_b=print:"))
    with pytest.raises(ValueError) as refused:
        StateDirectory(tmp_path).claim(with_outputs(tmp_path, "a=file:one"))
    assert str(refused.value).startswith("outputs must be error_stream, a, A_b as in the state of")


def test_no_two_streams_go_to_one_place_and_none_to_the_source(tmp_path: Path) -> None:
    rows, topic = tmp_path / "rows", "kafka://localhost:9092/rows"
    for outputs, message in {
        (f"a=file:{rows}", f"A_b=file:{tmp_path}/x/../rows"): f"file:{tmp_path}/x/../rows for a and A_b",
        (f"a=file:{rows}", f"error_stream=file:{rows}"): f"file:{rows} for error_stream and a",
        (f"a=file:{rows}", f"A_b=file:{rows}-errors"): f"file:{rows}-errors for error_stream and A_b",
        (f"a={topic}", f"A_b={topic}?compression.type=zstd"): f"{topic} for a and A_b",
        (f"a=file:{tmp_path}",): f"file:{tmp_path} for the source and a",
    }.items():
        with pytest.raises(ValueError) as refused:
            with_outputs(tmp_path, *outputs)
        assert str(refused.value) == f"output must be a place of its own, got {message}"
    assert list(with_outputs(tmp_path, "a=print:", "A_b=print:").outputs) == ["error_stream", "a", "A_b"]


def test_state_is_of_its_time_zone(tmp_path: Path) -> None:
    def options(time_zone: str) -> SqlOptions:
        nowhere = Uri("print")
        return SqlOptions(Uri("file", tmp_path), nowhere, nowhere, time_zone=time_zone)

    StateDirectory(tmp_path).claim(options("Europe/Berlin"))
    with pytest.raises(ValueError) as refused:
        StateDirectory(tmp_path).claim(options("UTC"))
    assert str(refused.value).startswith("time_zone must be Europe/Berlin as in the state of")
    file = tmp_path / "options.json"
    before = json.loads(file.read_text())
    del before["time_zone"]
    file.write_text(json.dumps(before))
    StateDirectory(tmp_path).claim(options("UTC"))


def test_no_option_is_taken_that_says_nothing_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_sql(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--source", f"file:{tmp_path}", "--shards", "2"])
    assert "unrecognized arguments: --shards 2" in capsys.readouterr().err


STAGGER = "WINDOWED BY STAGGER (PARTITION BY FLOOR(\"volume\") RANGE INTERVAL '1' MINUTE)"
UNGROUPED = "a column must be in an aggregate or in PARTITION BY of WINDOWED BY STAGGER"
TRANSLATED = [
    (f'SELECT STREAM "volume" FROM {INPUT} ORDER BY ', '"volume"',
     "ORDER BY must begin with ROWTIME, or FLOOR or STEP of it, ascending"),
    (f'SELECT STREAM "volume" FROM {INPUT} AS i ORDER BY CEIL(', "i.ROWTIME TO SECOND)",
     "ORDER BY must begin with ROWTIME, or FLOOR or STEP of it, ascending"),
    (f'SELECT STREAM "volume" FROM {INPUT} AS i ORDER BY i.ROWTIME, ', '"volume" DESC NULLS FIRST',
     "NULL is sorted below all else; NULLS FIRST and LAST that differ are not supported"),
    (f'SELECT STREAM "volume" FROM {INPUT} AS i ORDER BY i.ROWTIME, ', '"volume" NULLS LAST',
     "NULL is sorted below all else; NULLS FIRST and LAST that differ are not supported"),
    (f'SELECT STREAM "volume" FROM {INPUT} AS i ORDER BY i.ROWTIME, ', "1 DESC",
     "ORDER BY must be by columns and expressions, not by their numbers"),
    (f'SELECT STREAM "volume" FROM {INPUT} HAVING ', '"volume" > 1', "HAVING must be with GROUP BY"),
    ('SELECT STREAM b."x" FROM b JOIN b AS c ON b."x" = c."x" HAVING ', 'c."x" > 1', "HAVING must be with GROUP BY"),
    (f'SELECT STREAM "volume" FROM {INPUT} AS i ORDER BY FLOOR(', "i.ROWTIME TO SECOND) DESC",
     "ORDER BY must begin with ROWTIME, or FLOOR or STEP of it, ascending"),
    (f"SELECT STREAM COUNT(*) FROM {INPUT} GROUP BY ", '"volume"',
     "GROUP BY must have one FLOOR or STEP of ROWTIME, got 0"),
    (f"SELECT STREAM COUNT(*) FROM {INPUT} AS i GROUP BY FLOOR(", "i.ROWTIME TO YEAR)",
     "a window must be of a SECOND, MINUTE, HOUR, DAY, got YEAR"),
    (f'SELECT STREAM COUNT(*) FROM {INPUT} GROUP BY ', f'"volume" {STAGGER}',
     "GROUP BY with WINDOWED BY STAGGER is not supported"),
    ('SELECT STREAM COUNT(*) FROM b ', f"JOIN b AS c ON TRUE {STAGGER}".replace('"volume"', 'b."x"'),
     "JOIN with WINDOWED BY STAGGER is not supported"),
    (f"SELECT STREAM SUM(1) OVER w FROM {INPUT} {STAGGER} WINDOW w AS ", "(ROWS 1 PRECEDING)",
     "WINDOW with WINDOWED BY STAGGER is not supported"),
    ("SELECT STREAM SUM(1) ", f"OVER (ROWS 1 PRECEDING) FROM {INPUT} {STAGGER}",
     "OVER with WINDOWED BY STAGGER is not supported"),
    ('SELECT STREAM FLOOR("volume") || ', f'"event_time" FROM {INPUT} {STAGGER}', f"{UNGROUPED}, got event_time"),
    (f"SELECT STREAM COUNT(*) FROM {INPUT} {STAGGER} HAVING MAX(1) < ", '"volume"', f"{UNGROUPED}, got volume"),
    (f"SELECT STREAM COUNT(*) FROM {INPUT} AS i {STAGGER} ORDER BY ", 'i."volume"',
     "ORDER BY must begin with ROWTIME, or FLOOR or STEP of it, ascending"),
    (f"SELECT STREAM COUNT(*) FROM {INPUT} AS i {STAGGER} ORDER BY FLOOR(i.ROWTIME TO SECOND), ", 'i."event_time"',
     f"{UNGROUPED}, got event_time"),
    ('SELECT STREAM AVG("volume") OVER ', f"w FROM {INPUT}", "a window must be one of none, got W"),
    ('SELECT STREAM b."x" FROM b JOIN b AS c ON b."x" = c."x" ', 'JOIN b AS d ON b."x" = d."x"',
     "a second JOIN is not supported; join into a stream of its own"),
    (f'SELECT STREAM "volume" FROM {INPUT} OVER ', "(RANGE INTERVAL '1' MINUTE PRECEDING)",
     "OVER of a stream is for JOIN"),
    ('SELECT STREAM "volume" / ', f"0 FROM {INPUT}", "a divisor must not be 0, got 0"),
    ('SELECT STREAM "volume" % ', f"0 FROM {INPUT}", "a divisor must not be 0, got 0"),
    ("SELECT STREAM FLOOR(", f'"volume", 2) FROM {INPUT}', "FLOOR must be of one number, got two"),
    ("SELECT STREAM STEP(", f"i.ROWTIME BY INTERVAL '1.5' SECOND) FROM {INPUT} AS i",
     "STEP must be by whole seconds here, got '1.5'"),
    ("SELECT STREAM 1 + ", f"TSDIFF(i.ROWTIME) FROM {INPUT} AS i", "TSDIFF must have 2 arguments, got 1"),
    ("SELECT STREAM ", f"REGEX_REPLACE(\"event_time\", 'a', 'b', 2, 0) FROM {INPUT}",
     "REGEX_REPLACE must be of all that matches: (text, regex, replacement, 1, 0)"),
    ("SELECT STREAM REGEX_REPLACE(\"event_time\", '(a)', ", f"'$1', 1, 0) FROM {INPUT}",
     "a replacement must be a text without $ and \\, got $1"),
    (f'SELECT STREAM "volume" FROM {INPUT} WHERE "event_time" SIMILAR TO ', "'(a'",
     "a pattern must be one of SQL: missing ), unterminated subpattern at position 0, got '(a'"),
    (f'SELECT STREAM "volume" FROM {INPUT} WHERE "event_time" SIMILAR TO ', '"event_time"',
     "SIMILAR TO must be of a pattern in quotes"),
    (f'SELECT STREAM "volume" FROM {INPUT} WHERE "event_time" LIKE ', "\"event_time\" ESCAPE '!'",
     "LIKE with ESCAPE must be of a pattern in quotes"),
    ("SELECT STREAM ", f'LAG("volume", 4) OVER (ROWS 3 PRECEDING) FROM {INPUT}',
     "LAG must be by rows that are in its window, got 4"),
    ('SELECT STREAM LAG("volume", ', f"0) OVER (ROWS 3 PRECEDING) FROM {INPUT}",
     "LAG must be by a whole number of rows from 1 on, got 0"),
    ("SELECT STREAM LAG(1) OVER ", f"(RANGE 3 PRECEDING) FROM {INPUT}",
     "a window must be RANGE INTERVAL … PRECEDING or ROWS n PRECEDING"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "refused_at", "message"), TRANSLATED, ids=[message for *_, message in TRANSLATED])
def test_what_has_no_counterpart_is_refused_with_its_place(before: str, refused_at: str, message: str) -> None:
    found = application(f"CREATE PUMP p AS INSERT INTO a\n{before}{refused_at}")
    with pytest.raises(SqlError) as refused:
        Queries(found.text, lambda source: source.name).sql(found.pumps[0].query, ["x"])
    assert str(refused.value) == f"line 4, column {len(before) + 1}: {message}"


def test_a_join_holds_the_watermark_back_by_whole_seconds() -> None:
    found = application(
        "CREATE PUMP p AS INSERT INTO a SELECT STREAM 1 FROM b OVER (RANGE INTERVAL '0.5' SECOND PRECEDING) AS l"
        " JOIN b AS r ON TRUE"
    )
    sql = Queries(found.text, lambda source: source.name).sql(found.pumps[0].query, ["x"])
    no, half, whole = (
        f"INTERVAL '0 00:00:{seconds}' DAY(3) TO SECOND(3)" for seconds in ("00.000", "00.500", "01.000")
    )
    assert f"`L`.ROWTIME BETWEEN `R`.ROWTIME - {whole} AND `R`.ROWTIME + {no}" in sql
    left, right = (f"CAST(`{side}`.ROWTIME AS TIMESTAMP(3))" for side in "LR")
    assert f"AND {left} BETWEEN {right} - {half} AND {right} + {no}" in sql


def test_state_of_another_application_is_refused_by_the_name_of_what_differs(tmp_path: Path) -> None:
    def options(text: str, schema: InputSchema = SCHEMA) -> SqlOptions:
        told = statements(read_application(text, schema), schema)
        nowhere = Uri("print")
        return SqlOptions(Uri("file", tmp_path), nowhere, nowhere, time="arrival", statements=told)

    seed = SEED.read_text()
    StateDirectory(tmp_path).claim(options(seed))
    StateDirectory(tmp_path).claim(
        options(seed.replace("--Creates", "-- a comment\n\n--Creates").replace("STREAM ", "stream  "))
    )
    refusals = {
        seed.replace(
            "100,\n           --subSampleSize", "50,\n           --subSampleSize"
        ): "pump STREAM_PUMP must be CREATE OR",
        seed.replace('"volume"        INTEGER', '"volume"        BIGINT', 1): "stream TEMP_STREAM must be CREATE OR",
        seed + 'CREATE STREAM "MORE" ("x" INTEGER);': "statements must be stream TEMP_STREAM, stream DESTINATION",
    }
    for text, message in refusals.items():
        assert text != seed
        with pytest.raises(ValueError) as refused:
            StateDirectory(tmp_path).claim(options(text))
        assert str(refused.value).startswith(message)
    with pytest.raises(ValueError) as refused:
        StateDirectory(tmp_path).claim(
            options(seed, InputSchema((*SCHEMA.columns[:1], Column("volume", "REAL", "$.volume"))))
        )
    assert str(refused.value).startswith("column volume must be DOUBLE $.volume as in the state of")


def test_columns_that_are_not_told_are_found_and_then_kept_with_the_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.jsonl").write_text('{"volume": 3, "event_time": "now"}\n')
    told = argparse.Namespace(schema=None, source=f"file:{tmp_path / 'in.jsonl'}", state=tmp_path / "s", fresh=False)
    found = input_schema(told)
    assert str(found) == '"volume" INTEGER, "event_time" VARCHAR(16)'
    assert str(found) in capsys.readouterr().err

    application = read_application(
        STREAMS + f'CREATE PUMP p AS INSERT INTO a SELECT STREAM "volume" FROM {INPUT}', found
    )
    nowhere = Uri("print")
    options = SqlOptions(Uri("file", tmp_path), nowhere, nowhere, statements=statements(application, found))
    StateDirectory(tmp_path / "s").claim(options)
    (tmp_path / "in.jsonl").write_text('{"volume": 3.5, "loud": true}\n')
    assert input_schema(told) == found
    told.fresh = True
    assert str(input_schema(told)) == '"volume" DOUBLE, "loud" BOOLEAN'
