"""JOIN as Flink's interval join: a row meets those of the other side that came within that side's window before it."""

from collections.abc import Callable

from sqlglot import exp

from job.sql.flink_sql import flink, interval, rowtime
from job.sql.names import within
from job.sql.syntax import Over, Query, Source, UntranslatedError, millis_of


def joined(query: Query, source: Callable[[Source], str]) -> tuple[str, str]:
    """What a `query` with a JOIN reads, and the ROWTIME of its rows, the later one of both sides.

    source: gives the SQL of a side.

    Raises:
        UntranslatedError: Flink has no counterpart, since there is more than one JOIN, or a window beside it.
    """
    join, *others = query.args["joins"]
    beside = {
        "a second JOIN": others,
        "OVER with JOIN": [over for part in within(query, ("expressions", "order")) for over in part.find_all(Over)],
    }
    beside |= {f"{clause.upper()} with JOIN": query.args.get(clause) or () for clause in ("group", "windows")}
    for what, nodes in beside.items():
        for node in nodes:
            raise UntranslatedError(node, f"{what} is not supported; join into a stream of its own")
    left, right = query.args["source"], join.this
    near = _near(rowtime(left), rowtime(right), _reach(left), _reach(right))
    later = (
        f"CASE WHEN {rowtime(left)} >= {rowtime(right)} OR {rowtime(right)} IS NULL"
        f" THEN {rowtime(left)} ELSE {rowtime(right)} END"
    )
    return f"{source(left)} {join.args['side']} JOIN {source(right)} ON {flink(join.args['on'])} AND {near}", later


def _reach(source: Source) -> int:
    """Milliseconds of the window that a side of a join has; without one it is the current row."""
    frame = source.args.get("window")
    if frame is None:
        return 0
    preceding = frame.args.get("preceding")
    if not isinstance(preceding, exp.Interval) or frame.args.get("partition_by"):
        raise UntranslatedError(frame, "the window of a joined stream must be RANGE INTERVAL … PRECEDING")
    return millis_of(preceding)


def _near(time: str, other: str, before: int, after: int) -> str:
    """True from `before` to `after` milliseconds around a time.

    Flink's own condition is of whole seconds, since by its longer side a join holds the watermark back, and no
    watermark is to divide a second.
    """

    def between(time: str, other: str, before: int, after: int) -> str:
        return f"{time} BETWEEN {other} - {interval(before)} AND {other} + {interval(after)}"

    seconds = between(time, other, -(-before // 1000) * 1000, -(-after // 1000) * 1000)
    exact = between(f"CAST({time} AS TIMESTAMP(3))", f"CAST({other} AS TIMESTAMP(3))", before, after)
    return f"{seconds} AND {exact}" if before % 1000 or after % 1000 else seconds
