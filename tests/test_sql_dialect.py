"""The dialect of the service: what is taken, as what, and where the rest is refused."""

from pathlib import Path

import pytest
from sqlglot import exp

from job.sql.dialect import parse
from job.sql.syntax import CreatePump, CreateStream, Frame, Over, Query, SqlError, Step, TableFunction, millis_of

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
        ("volume", "INTEGER"),
        ("ANOMALY_SCORE", "DOUBLE"),
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


def test_stream_is_a_word_and_no_column() -> None:
    for text in ('SELECT STREAM "volume" FROM s', 'SELECT "volume" FROM s'):
        assert [item.name for item in query(text).expressions] == ["volume"]


def test_comments_go_everywhere() -> None:
    text = 'SELECT -- a, b\n STREAM /* c\n d */ "volume" -- e\n FROM /* f */ s -- g'
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
    assert query("SELECT STREAM 1 FROM s GROUP BY STEP((x) BY INTERVAL '1.5' SECOND)").args["group"] == [
        found.args["group"][1]
    ]
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
    ("CREATE STREAM a.s (a INTEGER)", "line 1, column 15: a stream in a schema is not supported"),
    ("CREATE PUMP p AS SELECT STREAM a FROM b", "line 1, column 18: a pump must be AS INSERT INTO, got 'SELECT'"),
]
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
    ("SELECT STREAM a FROM b WHERE a ILIKE 'x'", "30: ILIKE is not supported"),
    ("SELECT STREAM a[1] FROM b", "15: BRACKET is not supported"),
    ("SELECT STREAM x.a.b.c FROM b", "15: a column in a schema is not supported"),
    ("SELECT STREAM AVG(a) OVER (RANGE INTERVAL '1' MINUTE FOLLOWING) FROM b",
     "54: a window that is not PRECEDING is not supported"),
    ("SELECT STREAM a FROM b WHERE t > INTERVAL '1' MONTH",
     "47: an interval must be INTERVAL '…' of SECOND, MINUTE, HOUR, DAY, got 'MONTH'"),
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
