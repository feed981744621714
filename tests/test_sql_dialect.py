"""The dialect of the service: what is taken, as what, and where the rest is refused."""

from pathlib import Path

import pytest
from sqlglot import exp

from job.sql.dialect import parse
from job.sql.syntax import Cast, CreatePump, CreateStream, Frame, Over, Query, SqlError, Step, TableFunction, millis_of
from job.sql.types import SqlType

SEED = Path(__file__).parent / "sql" / "seed.sql"


def query(text: str) -> Query:
    (pump,) = parse(f"CREATE PUMP p AS INSERT INTO s {text}")
    found = pump.args["query"]
    assert isinstance(found, Query)
    return found


def test_the_seed_is_two_streams_and_two_pumps() -> None:
    statements = parse(SEED.read_text())
    assert [type(s) for s in statements] == [CreateStream, CreateStream, CreatePump, CreatePump]
    assert [s.name for s in statements] == ["TEMP_STREAM", "DESTINATION_SQL_STREAM", "STREAM_PUMP", "OUTPUT_PUMP"]
    assert [(c.name, c.args["kind"]) for c in statements[0].expressions] == [
        ("volume", SqlType("INTEGER")),
        ("ANOMALY_SCORE", SqlType("DOUBLE")),
    ]
    forest = statements[2].find(TableFunction)
    assert forest is not None
    assert [argument.name for argument in forest.expressions] == ["100", "10", "100", "1"]
    floor, score = statements[3].args["query"].args["order"]
    assert isinstance(floor.this, exp.Floor) and floor.this.text("to") == "SECOND"
    assert score.args["desc"] and score.this.name == "ANOMALY_SCORE"


def test_unquoted_names_are_in_upper_case_and_quoted_ones_as_they_are() -> None:
    found = query('SELECT STREAM volume, "volume", t."Mixed" AS b FROM temp_stream AS t')
    assert [item.alias_or_name for item in found.expressions] == ["VOLUME", "volume", "B"]
    assert found.expressions[2].this.table == "T"
    assert found.args["source"].this.name == "TEMP_STREAM"


def test_stream_and_all_are_words_and_no_columns_but_quoted_ones_are() -> None:
    for text in ('SELECT STREAM "volume" FROM s', 'SELECT "volume" FROM s', 'SELECT STREAM ALL "volume" FROM s'):
        assert [item.name for item in query(text).expressions] == ["volume"]
    found = query('SELECT "STREAM", "FROM", "CASE" FROM "WHERE" "ORDER"')
    assert [item.name for item in found.expressions] == ["STREAM", "FROM", "CASE"]
    assert (found.args["source"].this.name, found.args["source"].args["alias"].name) == ("WHERE", "ORDER")
    query("""SELECT TRIM("to"), POSITION('x' IN 'from') FROM s""")


def test_a_pump_says_whether_it_is_stopped_and_expedite_says_nothing() -> None:
    pumps = parse(
        "CREATE PUMP a STOPPED AS INSERT EXPEDITE INTO s SELECT STREAM 1 FROM b;"
        "CREATE PUMP c STARTED DESCRIPTION 'x' AS INSERT INTO s SELECT STREAM 1 FROM b"
    )
    assert [(pump.name, pump.args["stopped"]) for pump in pumps] == [("A", True), ("C", False)]


def test_types_have_the_names_and_sizes_of_the_service() -> None:
    types = "CHARACTER VARYING(3), b CHAR VARYING(4), c DOUBLE PRECISION, d DEC(38, 38), e BINARY(3), f REAL"
    (stream,) = parse(f"CREATE STREAM s (a {types})")
    kinds = [str(column.args["kind"]) for column in stream.expressions]
    assert kinds == ["VARCHAR(3)", "VARCHAR(4)", "DOUBLE", "DECIMAL(38, 38)", "VARBINARY(3)", "REAL"]
    casts = query(f"SELECT STREAM {', '.join(f'CAST(x AS {kind})' for kind in kinds)}, DATE '2026-01-31' FROM s")
    assert [str(cast.args["kind"]) for cast in casts.find_all(Cast, bfs=False)] == [*kinds, "DATE"]


def test_comments_go_everywhere() -> None:
    text = 'SELECT -- a, b\n STREAM /* c\n d */ "volume" -- e\n FROM /* f */ s -- g'
    assert [item.name for item in query(text).expressions] == ["volume"]
    text = 'SELECT // a\n STREAM /*+ b /* c */ "volume" FROM s'
    assert [item.name for item in query(text).expressions] == ["volume"]
    text = "CREATE STREAM a (x INTEGER); -- first\nCREATE STREAM b (x INTEGER); /* second */\n-- last"
    assert [statement.name for statement in parse(text)] == ["A", "B"]


def test_nothing_between_semicolons_is_nothing() -> None:
    assert [s.name for s in parse(";; CREATE STREAM s (a INTEGER);\n-- the end\n;;")] == ["S"]


def test_a_forest_has_its_query_its_keys_and_its_arguments() -> None:
    found = query(
        'SELECT STREAM * FROM TABLE(RANDOM_CUT_FOREST_WITH_EXPLANATION(CURSOR(SELECT STREAM "a" FROM s)'
        ' PARTITION BY "sensor", room, 10, 20, -30, 4, TRUE)) AS t'
    ).find(TableFunction)
    assert found is not None
    assert found.this == "RANDOM_CUT_FOREST_WITH_EXPLANATION"
    assert [key.name for key in found.args["partition_by"]] == ["sensor", "ROOM"]
    assert [a.sql() for a in found.expressions] == ["10", "20", "-30", "4", "TRUE"]


def test_floor_step_and_their_intervals() -> None:
    found = query("SELECT STREAM COUNT(*) FROM s GROUP BY FLOOR(s.ROWTIME TO HOUR), STEP(x BY INTERVAL '1.5' SECOND)")
    for text in ("STEP((x) BY INTERVAL '1.5' SECOND)", "(STEP(x BY INTERVAL '1.5' SECOND))"):
        assert query(f"SELECT STREAM 1 FROM s GROUP BY {text}").args["group"] == [found.args["group"][1]]
    assert query("SELECT STREAM 1 FROM s GROUP BY FLOOR((s.ROWTIME) TO HOUR)").args["group"] == [found.args["group"][0]]
    (key,) = query("SELECT STREAM 1 FROM s ORDER BY (FLOOR((s.ROWTIME) TO HOUR)) DESC").args["order"]
    assert (key.this, key.args["desc"]) == (found.args["group"][0], True)
    older = "FLOOR((s.ROWTIME - TIMESTAMP '1970-01-01 00:00:00') SECOND{} / 10 TO SECOND)"
    for text in (older.format(""), older.format("(4)")):
        (step,) = query(f"SELECT STREAM 1 FROM s GROUP BY {text}").args["group"]
        assert isinstance(step, Step) and (step.this.sql(), millis_of(step.args["interval"])) == (
            '"S"."ROWTIME"',
            10_000,
        )
    floor, step = found.args["group"]
    assert floor.text("to") == "HOUR"
    assert isinstance(step, Step) and millis_of(step.args["interval"]) == 1500


@pytest.mark.parametrize(
    ("frame", "unit", "preceding"),
    [
        ("(PARTITION BY a RANGE INTERVAL '10' MINUTE PRECEDING)", "RANGE", "INTERVAL '10' MINUTE"),
        ("(RANGE BETWEEN INTERVAL '2' HOUR PRECEDING AND CURRENT ROW)", "RANGE", "INTERVAL '2' HOUR"),
        ("(ROWS 10 PRECEDING)", "ROWS", "10"),
        ("(ROWS UNBOUNDED PRECEDING)", "ROWS", ""),
    ],
)
def test_windows_reach_back(frame: str, unit: str, preceding: str) -> None:
    in_place = query(f"SELECT STREAM AVG(x) OVER {frame} FROM s").find(Frame)
    named = query(f"SELECT STREAM AVG(x) OVER w FROM s WINDOW w AS {frame}").args["windows"][0]
    for found in (in_place, named):
        assert found is not None
        assert found.text("unit") == unit or found.args["unit"] == unit
        assert (found.args["preceding"].sql() if found.args.get("preceding") else "") == preceding


def test_the_first_value_is_of_all_rows_or_of_those_without_null() -> None:
    over = "OVER (ROWS 1 PRECEDING) AS a FROM s"
    for nulls, functions in {"": 2, "RESPECT NULLS": 2, "IGNORE NULLS": 1}.items():
        (item,) = query(f"SELECT STREAM FIRST_VALUE(a) {nulls} {over}").expressions
        assert len(list(item.find_all(Over))) == functions, nulls


def test_several_windows_have_names() -> None:
    found = query(
        "SELECT STREAM MIN(p) OVER w1, MAX(p) OVER w2 FROM s"
        " WINDOW w1 AS (RANGE INTERVAL '1' MINUTE PRECEDING), w2 AS (PARTITION BY t ROWS 5 PRECEDING)"
    )
    assert [over.args["window"].name for over in found.find_all(Over)] == ["W1", "W2"]
    assert [frame.args["name"].name for frame in found.args["windows"]] == ["W1", "W2"]


def test_streams_join_over_windows() -> None:
    found = query(
        "SELECT STREAM o.a FROM orders OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS o"
        " LEFT OUTER JOIN trades AS t OVER (RANGE INTERVAL '10' SECOND PRECEDING) ON o.id = t.id WHERE o.a > 1"
    )
    source, join = found.args["source"], found.args["joins"][0]
    assert (source.this.name, source.args["alias"].name) == ("ORDERS", "O")
    assert (join.this.this.name, join.this.args["alias"].name, join.args["side"]) == ("TRADES", "T", "LEFT")
    assert millis_of(join.this.args["window"].args["preceding"]) == 10_000


def test_stagger_windows_are_read() -> None:
    window = "WINDOWED BY STAGGER (PARTITION BY FLOOR(t TO MINUTE), k RANGE INTERVAL '1' MINUTE)"
    for clauses in (f"{window} HAVING COUNT(*) > 2", f"HAVING COUNT(*) > 2 {window}"):
        found = query(f"SELECT STREAM COUNT(*) FROM s WHERE a > 1 {clauses}")
        stagger = found.args["stagger"]
        assert [key.sql() for key in stagger.args["partition_by"]] == ['FLOOR("T" TO MINUTE)', '"K"']
        assert millis_of(stagger.args["interval"]) == 60_000
        assert found.args["having"].sql() == "COUNT(*) > 2"


REFUSED = [
    ("CREATE FUNCTION f(a INT) RETURNS INT", "line 1, column 1: CREATE FUNCTION is not supported"),
    ("CREATE OR REPLACE VIEW v AS SELECT 1", "line 1, column 1: CREATE VIEW is not supported"),
    ("\n  DROP PUMP p", "line 2, column 3: DROP is not supported"),
    ("WITH a AS (SELECT 1) SELECT 2", "line 1, column 1: WITH is not supported"),
    ("CREATE STREAM s (a INTEGER NOT NULL)", "line 1, column 28: expecting ), got 'NOT'"),
    ("CREATE SENTINEL x", "line 1, column 1: CREATE SENTINEL is not supported"),
    ("CREATE", "line 1, column 1: CREATE must be CREATE STREAM or CREATE PUMP, got 'CREATE'"),
    ("CREATE STREAM s (a", "line 1, column 18: a type must have a name, got 'a'"),
    ("CREATE STREAM s (a VARCHAR(1.5))", "line 1, column 28: a size must be a whole number, got '1.5'"),
    ("CREATE STREAM s (a VARCHAR())", "line 1, column 20: type must have a size in its brackets, got VARCHAR()"),
    ("CREATE STREAM s (a DECIMAL(60))",
     "line 1, column 20: type must be of 1 to 38 digits, and a scale of at most these, got DECIMAL(60)"),
    ("CREATE STREAM s (a DECIMAL(2, 3))",
     "line 1, column 20: type must be of 1 to 38 digits, and a scale of at most these, got DECIMAL(2, 3)"),
    ("CREATE STREAM s (a VARCHAR(0))",
     "line 1, column 20: type must be of a size from 1 to 2147483647, got VARCHAR(0)"),
    ("CREATE STREAM s (a INTEGER) DESCRIPTION b", "line 1, column 41: DESCRIPTION must have a text, got 'b'"),
    ('CREATE STREAM "" (a INTEGER)', "line 1, column 15: a name must have a character, got none"),
    ("CREATE STREAM s (a INTEGER,)", "line 1, column 28: a column must have a name, got ')'"),
    ("CREATE STREAM s (a INTEGER); /* b", "line 1, column 30: a comment must end with */"),
    ('CREATE STREAM "s (a INTEGER)', 'line 1, column 15: a name must end with "'),
    ("CREATE STREAM s (a INTEGER)\nDESCRIPTION 'b; -- '' ", "line 2, column 13: a text must end with '"),
    ("CREATE STREAM a.s (a INTEGER)", "line 1, column 15: a stream in a schema is not supported"),
    ("CREATE PUMP p AS SELECT STREAM a FROM b", "line 1, column 18: a pump must be AS INSERT INTO, got 'SELECT'"),
]  # fmt: skip
REFUSED_QUERIES = [
    ("VALUES (1)", "1: a query must be SELECT STREAM, got 'VALUES'"),
    ("SELECT STREAM GROUP_RANK(a) FROM b", "15: GROUP_RANK is not supported"),
    ("SELECT STREAM REGEX_LOG_PARSE(a, 'b') FROM b", "15: REGEX_LOG_PARSE is not supported"),
    ("SELECT STREAM * FROM TABLE(TOP_K_ITEMS_TUMBLING(CURSOR(SELECT STREAM * FROM b), 'a', 1, 2))",
     "28: TOP_K_ITEMS_TUMBLING is not supported"),
    ("SELECT STREAM DISTINCT a FROM b", "15: SELECT STREAM DISTINCT is not supported"),
    ("SELECT STREAM a FROM b WHERE", "24: WHERE must have an expression, got 'WHERE'"),
    ("SELECT STREAM a FROM b GROUP BY", "24: GROUP BY must have an expression, got 'GROUP BY'"),
    ("SELECT STREAM a FROM b ORDER BY", "24: ORDER BY must have an expression, got 'ORDER BY'"),
    ("SELECT STREAM * EXCEPT (a) FROM b", "15: * with EXCEPT, REPLACE or RENAME is not supported"),
    ("SELECT STREAM STEP(a) FROM b", "21: STEP must be STEP(time BY INTERVAL …), got ')'"),
    ("SELECT STREAM a FROM b LIMIT 3", "24: LIMIT is not supported here"),
    ("SELECT STREAM a FROM b, c", "23: , is not supported here"),
    ("SELECT STREAM a FROM b JOIN c", "24: JOIN without ON is not supported"),
    ("SELECT STREAM a FROM b UNION SELECT STREAM a FROM c", "24: UNION without ALL is not supported"),
    ("SELECT STREAM a FROM b AS c d", "29: d is not supported here"),
    ("SELECT STREAM a FROM b c d", "26: d is not supported here"),
    ("SELECT STREAM a FROM b AS", "24: a source must have a name, got 'AS'"),
    ("SELECT STREAM FROM b", "15: SELECT must have an expression, got 'FROM'"),
    ("SELECT STREAM a, FROM b", "16: a comma must be between two others, got ','"),
    ("SELECT STREAM a FROM b WHERE a IN (1,, 2)", "37: a comma must be between two others, got ','"),
    ("SELECT STREAM a FROM b WHERE a IN ()", "32: IN must have values, got 'IN'"),
    ("SELECT STREAM a FROM b WHERE a IN (SELECT STREAM 1 FROM c)", "36: a query in an expression is not supported"),
    ("SELECT STREAM a FROM b WHERE EXISTS (SELECT STREAM 1 FROM c)", "38: a query in an expression is not supported"),
    ("SELECT STREAM a FROM b WHERE a BETWEEN 1 2", "42: BETWEEN must have AND, got '2'"),
    ("SELECT STREAM a FROM b JOIN c ON", "31: ON must have an expression, got 'ON'"),
    ("SELECT STREAM 0x41 FROM b", "15: a number must be such as 10, 1.5 or 1E3, got 0x41"),
    ("SELECT STREAM 1e FROM b", "15: a number must be such as 10, 1.5 or 1E3, got 1e"),
    ("SELECT STREAM ? FROM b", "15: ? is not supported"),
    ("SELECT STREAM a::INTEGER FROM b", "16: :: is not supported"),
    ("SELECT STREAM IF(a, 1, 2) FROM b", "15: IF is not supported"),
    ("SELECT STREAM CURRENT_TIME FROM b", "15: CURRENT_TIME is not supported"),
    ("SELECT STREAM * AS c FROM b", "15: a name must be of a column, got c"),
    ("SELECT STREAM ABS(1 AS c) FROM b", "19: a name must be of a column, got c"),
    ("SELECT STREAM DATE 'x' FROM b", "20: DATE must be of a text such as '2026-01-31', got \"'x'\""),
    ("SELECT STREAM DATE '2026-02-30' FROM b", "20: DATE must be of a text such as '2026-01-31', got \"'2026-02-30'\""),
    ("SELECT STREAM TIME '1:00' FROM b", "20: TIME must be of a text such as '23:59:00', got \"'1:00'\""),
    ("SELECT STREAM TIMESTAMP '2026-01-01' FROM b",
     "25: TIMESTAMP must be of a text such as '2026-01-31 23:59:00', got \"'2026-01-01'\""),
    ("SELECT STREAM CAST(a AS INT8) FROM b",
     "25: type must be one of BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, REAL, FLOAT,"
     " DOUBLE, DATE, TIME, TIMESTAMP, CHAR, VARCHAR, VARBINARY, DECIMAL, got INT8"),
    ("SELECT STREAM CAST(a AS VARCHAR FORMAT 'x') FROM b", "33: a function must end with ), got 'FORMAT'"),
    ("SELECT STREAM POSITION('a', b, 2) FROM b", "27: POSITION must be POSITION(text IN text), got ','"),
    ("SELECT STREAM POSITION('a' IN b FROM 2) FROM b", "33: a function must end with ), got 'FROM'"),
    ("SELECT STREAM FLOOR(a TO DAY FROM b", "30: a function must end with ), got 'FROM'"),
    ("SELECT STREAM EXTRACT(DAY FROM) FROM b", "31: an expression must be whole, got ')'"),
    ("SELECT STREAM EXTRACT(EPOCH FROM a) FROM b",
     "23: EXTRACT must be of YEAR, MONTH, DAY, HOUR, MINUTE, SECOND FROM a time, got 'EPOCH'"),
    ("SELECT STREAM EXTRACT(DAY, a) FROM b", "26: EXTRACT must have FROM, got ','"),
    ("SELECT STREAM SUBSTRING(a FROM 1 FOR) FROM b", "37: an expression must be whole, got ')'"),
    ("SELECT STREAM FLOOR(a TO) FROM b", "25: an expression must be whole, got ')'"),
    ("SELECT STREAM CEIL() FROM b", "20: an expression must be whole, got ')'"),
    ("SELECT STREAM a + FROM b", "19: an expression must be whole, got 'FROM'"),
    ("SELECT STREAM a IS FROM b", "17: IS must be IS [NOT] NULL, TRUE, FALSE or UNKNOWN, got 'IS'"),
    ("SELECT STREAM a IS NOT 2 FROM b", "17: IS must be IS [NOT] NULL, TRUE, FALSE or UNKNOWN, got 'IS'"),
    ("SELECT STREAM a IS DISTINCT FROM 2 FROM b",
     "17: IS must be IS [NOT] NULL, TRUE, FALSE or UNKNOWN, got 'IS'"),
    ("SELECT STREAM a FROM TABLE(", "27: TABLE must have a function, got '('"),
    ("SELECT STREAM AVG(a) OVER (ROWS 1.5 PRECEDING) FROM b",
     "33: rows of a window must be a whole number up to 2147483647, got '1.5'"),
    ("SELECT STREAM AVG(a) OVER (ROWS 9999999999 PRECEDING) FROM b",
     "33: rows of a window must be a whole number up to 2147483647, got '9999999999'"),
    ("SELECT STREAM a FROM b WHERE t > INTERVAL '1000' DAY",
     "34: an interval must be below 1000 days, got '1000' DAY"),
    ("SELECT STREAM COUNT(*) FROM b GROUP BY STEP(b.ROWTIME BY INTERVAL '1e999' SECOND)",
     "58: an interval must be of a positive number, got '1e999'"),
    ("SELECT STREAM LAG(a) IGNORE NULLS OVER w FROM b", "22: LAG with IGNORE NULLS is not supported"),
    ("SELECT STREAM AVG(a) RESPECT NULLS OVER w FROM b", "22: AVG with RESPECT NULLS is not supported"),
    ("SELECT STREAM NTH_VALUE(a, 2) OVER w FROM b", "15: NTH_VALUE is not supported"),
    ("SELECT STREAM a FROM b WHERE a ILIKE 'x'", "30: ILIKE is not supported"),
    ("SELECT STREAM a[1] FROM b", "16: [ is not supported"),
    ("SELECT STREAM x.a.b.c FROM b", "15: a column in a schema is not supported"),
    ("SELECT STREAM AVG(a) OVER (RANGE INTERVAL '1' MINUTE FOLLOWING) FROM b",
     "54: a window that is not PRECEDING is not supported"),
    ("SELECT STREAM a FROM b WHERE t > INTERVAL '1' MONTH",
     "47: an interval must be INTERVAL '…' of SECOND, MINUTE, HOUR, DAY, got 'MONTH'"),
    ("SELECT STREAM a FROM b WINDOWED BY STAGGER (PARTITION BY a RANGE INTERVAL '0' MINUTE)",
     "66: an interval must be of a positive number, got '0'"),
    ("SELECT STREAM a FROM b WINDOWED BY STAGGER (RANGE INTERVAL '1' MINUTE)",
     "45: WINDOWED BY STAGGER must have PARTITION BY, got 'RANGE'"),
    ("SELECT STREAM a FROM b WINDOWED BY STAGGER (PARTITION BY RANGE INTERVAL '1' MINUTE)",
     "64: WINDOWED BY STAGGER must have RANGE INTERVAL, got 'INTERVAL'"),
    ("SELECT STREAM a FROM b WINDOWED BY STAGGER (PARTITION BY a)",
     "59: WINDOWED BY STAGGER must have RANGE INTERVAL, got ')'"),
    ("SELECT STREAM a FROM b WINDOWED BY STAGGER (PARTITION BY a RANGE 3)",
     "66: WINDOWED BY STAGGER must have RANGE INTERVAL, got '3'"),
    ("SELECT STREAM a FROM b WINDOWED BY STAGGER (PARTITION BY a RANGE INTERVAL '1' MINUTE) GROUP BY a",
     "87: GROUP BY is not supported here"),
    ("SELECT STREAM a FROM b HAVING 1 < 2 WINDOWED BY STAGGER (PARTITION BY a RANGE INTERVAL '1' DAY) HAVING 1 < 2",
     "97: HAVING is not supported here"),
    ("SELECT STREAM a FROM b WINDOWED BY TUMBLE (1)", "24: WINDOWED is not supported here"),
    ("SELECT STREAM t + INTERVAL '1' DAY TO SECOND FROM b", "19: INTERVAL … DAY TO SECOND is not supported"),
    ("SELECT STREAM * FROM TABLE(HOTSPOTS(CURSOR(SELECT STREAM * FROM b), a))",
     "69: an argument of HOTSPOTS must be a number, TRUE or FALSE, got 'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_is_no_stream_and_no_pump_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SqlError) as refused:
        parse(text)
    assert str(refused.value) == message


@pytest.mark.parametrize(("text", "message"), REFUSED_QUERIES, ids=[text for text, _ in REFUSED_QUERIES])
def test_what_no_query_has_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SqlError) as refused:
        parse(f"CREATE PUMP p AS INSERT INTO s\n{text}")
    assert str(refused.value) == f"line 2, column {message}"


@pytest.mark.parametrize("text", ["(" * 3000 + "1" + ")" * 3000, "NOT " * 3000 + "a", "ABS(" * 3000 + "a" + ")" * 3000])
def test_what_is_too_deep_is_refused_with_a_place(text: str) -> None:
    with pytest.raises(
        SqlError, match=r"^line 2, column \d+: brackets, NOT and CASE must not be so deep in one another$"
    ):
        parse(f"CREATE PUMP p AS INSERT INTO s\nSELECT STREAM {text} FROM b")
