"""Queries as Flink SQL: what has no counterpart there is refused with its place."""

import pytest
from sql_applications import INPUT, application

from job.sql.queries import Queries
from job.sql.syntax import SqlError

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
    ('SELECT STREAM 1 + ', f'"volume" FROM {INPUT} GROUP BY "event_time", FLOOR(ROWTIME TO DAY)',
     "a column must be in an aggregate or in GROUP BY, got volume"),
    (f'SELECT STREAM COUNT(*) FROM {INPUT} GROUP BY "volume" + 1, FLOOR(ROWTIME TO DAY) HAVING "volume" + 1 > 0 AND ',
     '"volume" > 1', "a column must be in an aggregate or in GROUP BY, got volume"),
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
     "LAG must be by a whole number of rows from 1 on"),
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
