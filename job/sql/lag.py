"""LAG, as what Flink has: its own LAG takes rows of the same ROWTIME for one row."""

from sqlglot import exp

from job.sql.flink_sql import flink
from job.sql.syntax import Frame, UntranslatedError


def lag(function: exp.Expr, frame: Frame, time: str) -> tuple[str, Frame]:
    """LAG(value, count, otherwise) over `frame`: its SQL over another, of rows, which is called w.

    The value is that of the first of the last count + 1 rows, if there are so many and that one is in `frame`.
    time: SQL of a row's ROWTIME.

    Raises:
        UntranslatedError: the count is no number of rows, or one beyond those of the frame.
    """
    told = function.expressions
    if not 1 <= len(told) <= 3:
        raise UntranslatedError(function, f"LAG must have 1 to 3 arguments, got {len(told)}")
    count = flink(told[1]) if len(told) > 1 else "1"
    if not count.isdigit() or int(count) < 1:
        raise UntranslatedError(told[1], "LAG must be by a whole number of rows from 1 on")
    is_there, preceding = f"COUNT(*) OVER w > {count}", frame.args.get("preceding")
    if isinstance(preceding, exp.Interval):
        is_there += f" AND MIN({time}) OVER w >= {time} - {flink(preceding)}"
    elif not frame.args.get("unbounded") and int(count) > int(preceding.name if preceding else "0"):
        raise UntranslatedError(function, f"LAG must be by rows that are in its window, got {count}")
    rows = Frame(unit="ROWS", preceding=exp.Literal.number(count))
    for part in ("partition_by", "order"):
        rows.set(part, frame.args.get(part))
    otherwise = flink(told[2]) if len(told) > 2 else "NULL"
    return f"CASE WHEN {is_there} THEN (ARRAY_AGG({flink(told[0])}) OVER w)[1] ELSE {otherwise} END", rows
