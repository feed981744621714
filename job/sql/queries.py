"""A query of the application as Flink SQL: its columns in their order, and then ROWTIME.

GROUP BY becomes a tumbling window, as does WINDOWED BY STAGGER (`job.sql.stagger`), OVER an over aggregate by event
time, JOIN an interval join. ORDER BY numbers the rows of a window, which Flink emits in the order of their numbers when
the window is over.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from sqlglot import exp

from job.sql.flink_sql import flink, interval, quoted
from job.sql.functions import LAG
from job.sql.lag import lag
from job.sql.stagger import as_group_by
from job.sql.syntax import (
    INTERVAL_MILLIS,
    Frame,
    Join,
    Over,
    Query,
    Source,
    SqlError,
    Step,
    UnionAll,
    UntranslatedError,
    millis_of,
    place_of,
)

_MOST_ROWS = 2**31 - 1
"""Flink wants a limit to the rows that it numbers. More do not fit in a window either."""


class Queries:
    """Translates the queries of the application `text`. `relation` gives the name, in Flink, of what a query reads."""

    def __init__(self, text: str, relation: Callable[[Source], str]) -> None:
        self._text = text
        self._relation = relation

    def sql(self, query: exp.Expr, names: Sequence[str]) -> str:
        """The columns of `query` as `names`, and ROWTIME.

        Raises:
            SqlError: the query has no counterpart in Flink.
        """
        if isinstance(query, UnionAll):
            return f"{self.sql(query.this, names)}\nUNION ALL {self.sql(query.expression, names)}"
        assert isinstance(query, Query)
        try:
            return self._ordered(query, names) if query.args.get("order") else self._unordered(query, names)
        except UntranslatedError as error:
            self._fail(error.node, str(error))

    def _unordered(self, query: Query, names: Sequence[str], further: Sequence[exp.Expr] = ()) -> str:
        """With `further` columns: sort_0, …"""
        items = [*query.expressions, *further]
        called = [*names, *(f"sort_{i}" for i in range(len(further)))]
        if query.args.get("stagger"):
            query = as_group_by(self._text, query, items)
            items = query.expressions
        if query.args.get("having") and not query.args.get("group"):
            self._fail(query.args["having"], "HAVING must be with GROUP BY")
        if query.args.get("joins"):
            return self._joined(query, items, called)
        window = query.args["source"].args.get("window")
        if window is not None:
            self._fail(window, "OVER of a stream is for JOIN")
        if query.args.get("group"):
            return self._grouped(query, items, called)
        if any(item.find(Over) for item in items):
            return self._over(query, items, called)
        source, where = self._source(query.args["source"]), self._where(query)
        return f"SELECT {_columns(items, called)}, {_rowtime(query.args['source'])} AS ROWTIME\nFROM {source}{where}"

    def _ordered(self, query: Query, names: Sequence[str]) -> str:
        first, *others = query.args["order"]
        size = self._window_millis(first.this)
        if size is None or first.args.get("desc"):
            self._fail(first, "ORDER BY must begin with ROWTIME, or FLOOR or STEP of it, ascending")
        if query.args.get("joins"):
            self._fail(first, "ORDER BY with JOIN is not supported; join into a stream of its own")
        for item in query.args["order"]:
            if isinstance(item.this, exp.Literal):
                self._fail(item, "ORDER BY must be by columns and expressions, not by their numbers")
            if bool(item.args.get("nulls_first")) == bool(item.args.get("desc")):
                self._fail(item, "NULL is sorted below all else; NULLS FIRST and LAST that differ are not supported")
        aliases = {e.alias_or_name: e.unalias() for e in query.expressions}
        further = [_of_outputs(item.this, aliases) for item in others]
        keys = ["ROWTIME"] if isinstance(first.this, exp.Column) else []
        keys += [f"sort_{i}{' DESC' if item.args.get('desc') else ''}" for i, item in enumerate(others)]
        # Ties are broken by all that a row has, never by its arrival
        keys += ["ROWTIME", *map(quoted, names)]
        # No watermark divides a second. Of longer windows, rows that keep their time would be late behind this
        rowtime = "ROWTIME" if size <= 1000 else "window_time AS ROWTIME"
        tumble = _tumble(self._unordered(query, names, further), size)
        return (
            f"SELECT {', '.join(map(quoted, names))}, {rowtime}\nFROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY"
            f" window_start, window_end ORDER BY {', '.join(dict.fromkeys(keys))}) AS row_number_\nFROM {tumble})"
            f"\nWHERE row_number_ <= {_MOST_ROWS}"
        )

    def _grouped(self, query: Query, items: Sequence[exp.Expr], names: Sequence[str]) -> str:
        group = query.args["group"]
        windows = [e for e in group if self._window_millis(e) is not None and not isinstance(e, exp.Column)]
        if len(windows) != 1:
            self._fail(group[0], f"GROUP BY must have one FLOOR or STEP of ROWTIME, got {len(windows)}")
        window = windows[0]
        size = self._window_millis(window)
        assert size is not None
        keys = [flink(e) for e in group if e != window]
        source = query.args["source"]
        rows = f"SELECT {_alias(source)}.*\nFROM {self._source(source)}{self._where(query)}"
        having = query.args.get("having")
        columns = _columns([_replaced(item, window, "window_start") for item in items], names)
        return (
            f"SELECT {columns}, window_time AS ROWTIME\nFROM {_tumble(rows, size)} AS {_alias(source)}"
            f"\nGROUP BY {', '.join(['window_start, window_end, window_time', *keys])}"
            + (f"\nHAVING {flink(_replaced(having, window, 'window_start'))}" if having else "")
        )

    def _over(self, query: Query, items: Sequence[exp.Expr], names: Sequence[str]) -> str:
        """A level of query for each window, since Flink has only one in each."""
        named = {frame.args["name"].name: frame for frame in query.args.get("windows") or ()}
        source = query.args["source"]
        alias = _alias(source)
        rows = f"SELECT {alias}.*\nFROM {self._source(source)}{self._where(query)}"
        levels: dict[str, list[str]] = {}

        def as_column(node: exp.Expr) -> exp.Expr:
            if not isinstance(node, Over):
                return node
            window = node.args["window"]
            if not isinstance(window, Frame) and window.name not in named:
                self._fail(window, f"a window must be one of {', '.join(named) or 'none'}, got {window.name}")
            frame = window if isinstance(window, Frame) else named[window.name]
            frame_sql, column = self._frame(frame, alias), f"over {sum(map(len, levels.values()))}"
            if node.this.name.upper() == LAG:
                sql, frame = lag(node.this, frame, f"CAST({alias}.ROWTIME AS TIMESTAMP(3))")
                frame_sql = self._frame(frame, alias)
            else:
                sql = f"{flink(node.this)} OVER w"
            levels.setdefault(frame_sql, []).append(f"{sql} AS {quoted(column)}")
            return exp.column(column)

        items = [item.transform(as_column) for item in items]
        for frame_sql, aggregates in levels.items():  # in front: Flink 1.20 takes no four levels that only add columns
            rows = f"SELECT {', '.join(aggregates)}, {alias}.*\nFROM ({rows}) AS {alias}\nWINDOW w AS ({frame_sql})"
        return f"SELECT {_columns(items, names)}, {alias}.ROWTIME AS ROWTIME\nFROM ({rows}) AS {alias}"

    def _frame(self, frame: Frame, alias: str) -> str:
        for item in frame.args.get("order") or ():
            if item.this.name != "ROWTIME" or item.args.get("desc"):
                self._fail(item, "ORDER BY in a window must be ROWTIME, ascending")
        preceding, unit = frame.args.get("preceding"), frame.args["unit"]
        if isinstance(preceding, exp.Interval) != (unit == "RANGE") and preceding is not None:
            self._fail(frame, "a window must be RANGE INTERVAL … PRECEDING or ROWS n PRECEDING")
        keys = ", ".join(map(flink, frame.args.get("partition_by") or ()))
        reach = "CURRENT ROW"
        if frame.args.get("unbounded"):
            reach = "UNBOUNDED PRECEDING"
        elif preceding is not None:
            reach = f"{flink(preceding)} PRECEDING"
        return (
            f"{'PARTITION BY ' + keys if keys else ''} ORDER BY {alias}.ROWTIME {unit} BETWEEN {reach} AND CURRENT ROW"
        )

    def _joined(self, query: Query, items: Sequence[exp.Expr], names: Sequence[str]) -> str:
        """A row meets the rows of the other side that came within that side's window before it."""
        if len(query.args["joins"]) > 1:
            self._fail(query.args["joins"][1], "a second JOIN is not supported; join into a stream of its own")
        for clause in ("group", "windows"):
            if query.args.get(clause):
                self._fail(query, f"{clause.upper()} with JOIN is not supported; join into a stream of its own")
        if any(item.find(Over) for item in items):
            self._fail(query, "OVER with JOIN is not supported; join into a stream of its own")
        join: Join = query.args["joins"][0]
        left, right = query.args["source"], join.this
        left_time, right_time = _rowtime(left), _rowtime(right)
        within = _within(left_time, right_time, self._reach(left), self._reach(right))
        later = f"CASE WHEN {left_time} >= {right_time} OR {right_time} IS NULL THEN {left_time} ELSE {right_time} END"
        return (
            f"SELECT {_columns(items, names)}, {later} AS ROWTIME\nFROM {self._source(left)}"
            f" {join.args['side']} JOIN {self._source(right)} ON {flink(join.args['on'])} AND {within}"
            f"{self._where(query)}"
        )

    def _reach(self, source: Source) -> int:
        """Milliseconds of the window that a side of a join has; without one it is the current row."""
        frame = source.args.get("window")
        if frame is None:
            return 0
        preceding = frame.args.get("preceding")
        if not isinstance(preceding, exp.Interval) or frame.args.get("partition_by"):
            self._fail(frame, "the window of a joined stream must be RANGE INTERVAL … PRECEDING")
        return millis_of(preceding)

    def _window_millis(self, expression: exp.Expr) -> int | None:
        """The length of the windows that an expression of ROWTIME makes; None for any other expression."""
        if isinstance(expression, exp.Column) and expression.name == "ROWTIME":
            return 1000
        if not isinstance(expression.this, exp.Column) or expression.this.name != "ROWTIME":
            return None
        if isinstance(expression, Step):
            return millis_of(expression.args["interval"])
        if isinstance(expression, exp.Floor):
            unit = expression.text("to").upper()
            if unit not in INTERVAL_MILLIS:
                self._fail(expression, f"a window must be of a {', '.join(INTERVAL_MILLIS)}, got {unit}")
            return INTERVAL_MILLIS[unit]
        return None

    def _source(self, source: Source) -> str:
        return f"{self._relation(source)} AS {_alias(source)}"

    def _where(self, query: Query) -> str:
        where = query.args.get("where")
        return f"\nWHERE {flink(where)}" if where is not None else ""

    def _fail(self, node: exp.Expr, text: str) -> NoReturn:
        raise SqlError(f"{place_of(self._text, node)}: {text}") from None


def _alias(source: Source) -> str:
    return quoted(source.args["alias"].name)


def _rowtime(source: Source) -> str:
    return f"{_alias(source)}.ROWTIME"


def _within(time: str, other: str, before: int, after: int) -> str:
    """True from `before` to `after` milliseconds around a time.

    Flink's own condition is of whole seconds, since by its longer side a join holds the watermark back, and no
    watermark is to divide a second.
    """

    def between(time: str, other: str, before: int, after: int) -> str:
        return f"{time} BETWEEN {other} - {interval(before)} AND {other} + {interval(after)}"

    seconds = between(time, other, -(-before // 1000) * 1000, -(-after // 1000) * 1000)
    exact = between(f"CAST({time} AS TIMESTAMP(3))", f"CAST({other} AS TIMESTAMP(3))", before, after)
    return f"{seconds} AND {exact}" if before % 1000 or after % 1000 else seconds


def _columns(items: Iterable[exp.Expr], names: Sequence[str]) -> str:
    return ", ".join(f"{flink(e.unalias())} AS {quoted(name)}" for e, name in zip(items, names, strict=True))


def _tumble(rows: str, millis: int) -> str:
    return f"TABLE(TUMBLE(({rows}), DESCRIPTOR(ROWTIME), {interval(millis)}))"


def _replaced(expression: exp.Expr, window: exp.Expr, column: str) -> exp.Expr:
    return expression.transform(lambda node: exp.column(column) if node == window else node)


def _of_outputs(expression: exp.Expr, outputs: dict[str, exp.Expr]) -> exp.Expr:
    """An expression of ORDER BY in which the query's own columns are what they stand for."""

    def replaced(node: exp.Expr) -> exp.Expr:
        return outputs[node.name].copy() if isinstance(node, exp.Column) and not node.table else node

    return expression.transform(replaced)
