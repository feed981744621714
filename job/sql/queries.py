"""A query of the application as Flink SQL: its columns in their order, and then ROWTIME.

GROUP BY becomes a tumbling window, as does WINDOWED BY STAGGER (`job.sql.stagger`), OVER an over aggregate by event
time, JOIN an interval join. ORDER BY numbers the rows of a window, which Flink emits in the order of their numbers when
the window is over.
"""

from collections.abc import Callable, Sequence
from typing import NoReturn

from sqlglot import exp

from job.sql.aggregates import is_aggregate
from job.sql.flink_sql import flink, interval, quoted, rowtime
from job.sql.functions import LAG
from job.sql.joins import joined
from job.sql.lag import lag
from job.sql.names import ROWTIME, within
from job.sql.stagger import as_group_by
from job.sql.syntax import (
    INTERVAL_MILLIS,
    Cast,
    Frame,
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

    def _unordered(self, query: Query, names: Sequence[str]) -> str:
        if query.args.get("stagger"):
            query = as_group_by(self._text, query)
        if query.args.get("having") and not query.args.get("group"):
            self._fail(query.args["having"], "HAVING must be with GROUP BY")
        source = query.args["source"]
        if query.args.get("joins"):
            rows, time = joined(query, self._source)
            return f"SELECT {_columns(query, names)}, {time} AS ROWTIME\nFROM {rows}{self._where(query)}"
        if source.args.get("window"):
            self._fail(source.args["window"], "OVER of a stream is for JOIN")
        if query.args.get("group"):
            self._check_grouped(query)
            return self._grouped(*self._renamed(query), names)
        if any(item.find(Over) for item in query.expressions):
            return self._over(*self._renamed(query), names)
        rows = f"{self._source(source)}{self._where(query)}"
        return f"SELECT {_columns(query, names)}, {rowtime(source)} AS ROWTIME\nFROM {rows}"

    def _renamed(self, query: Query) -> tuple[Query, str]:
        """`query` of columns that are called column_0, …, and the rows that have them.

        So no column is called as those are that Flink adds, or this.
        """
        query = query.copy()
        renamed: dict[str, str] = {}
        for part in within(query, ("expressions", "group", "having", "windows")):
            for column in part.find_all(exp.Column):
                if column.name != ROWTIME:
                    column.this.set("this", renamed.setdefault(flink(column), f"column_{len(renamed)}"))
        source = query.args["source"]
        columns = ", ".join([*(f"{sql} AS {name}" for sql, name in renamed.items()), rowtime(source)])
        return query, f"SELECT {columns}\nFROM {self._source(source)}{self._where(query)}"

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
        columns = [f"column_{i}" for i in range(len(names))]
        keys += ["ROWTIME", *columns]  # ties are broken by all that a row has, never by its arrival
        # No watermark divides a second. Of longer windows, rows that keep their time would be late behind this
        time = "ROWTIME" if size <= 1000 else "window_time AS ROWTIME"
        unordered = query.copy()
        unordered.set("expressions", [*query.expressions, *further])
        tumble = _tumble(self._unordered(unordered, [*columns, *(f"sort_{i}" for i in range(len(further)))]), size)
        return (
            f"SELECT {_named(columns, names)}, {time}\nFROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY"
            f" window_start, window_end ORDER BY {', '.join(dict.fromkeys(keys))}) AS row_number_\nFROM {tumble})"
            f"\nWHERE row_number_ <= {_MOST_ROWS}"
        )

    def _grouped(self, query: Query, rows: str, names: Sequence[str]) -> str:
        group = query.args["group"]
        windows = [e for e in group if self._window_millis(e) is not None and not isinstance(e, exp.Column)]
        if len(windows) != 1:
            self._fail(group[0], f"GROUP BY must have one FLOOR or STEP of ROWTIME, got {len(windows)}")
        window = windows[0]
        size = self._window_millis(window)
        assert size is not None
        keys = [flink(e) for e in group if e != window]
        start = exp.column("window_start")

        def started(node: exp.Expr) -> exp.Expr:
            return start.copy() if node == window else node

        query.set("expressions", [item.transform(started) for item in query.expressions])
        having = query.args.get("having")
        columns = [
            f"column_{i}" for i in range(len(names))
        ]  # Flink adds its own to them, so they get their names outside
        return (
            f"SELECT {_named(columns, names)}, ROWTIME"
            f"\nFROM (SELECT {_columns(query, columns)}, window_time AS ROWTIME"
            f"\nFROM {_tumble(rows, size)} AS {_alias(query)}"
            f"\nGROUP BY {', '.join(['window_start, window_end, window_time', *keys])}"
            + (f"\nHAVING {flink(having.transform(started))}" if having else "")
            + ")"
        )

    def _check_grouped(self, query: Query) -> None:
        """Flink would refuse it, too, but by names that are not the application's."""
        keys = query.args["group"]

        def check(node: exp.Expr) -> None:
            if is_aggregate(node) or node in keys:
                return
            if isinstance(node, exp.Column):
                self._fail(node, f"a column must be in an aggregate or in GROUP BY, got {node.name}")
            for part in node.iter_expressions():
                if isinstance(part, exp.Condition | exp.Case | exp.If | Cast):
                    check(part)

        for item in within(query, ("expressions", "having")):
            check(item.unalias())

    def _over(self, query: Query, rows: str, names: Sequence[str]) -> str:
        """A level of query for each window, since Flink has only one in each."""
        named = {frame.args["name"].name: frame for frame in query.args.get("windows") or ()}
        alias = _alias(query)
        levels: dict[str, list[str]] = {}

        def as_column(node: exp.Expr) -> exp.Expr:
            if not isinstance(node, Over):
                return node
            window = node.args["window"]
            if not isinstance(window, Frame) and window.name not in named:
                self._fail(window, f"a window must be one of {', '.join(named) or 'none'}, got {window.name}")
            frame = window if isinstance(window, Frame) else named[window.name]
            frame_sql, column = self._frame(frame, alias), f"over_{sum(map(len, levels.values()))}"
            if node.this.name.upper() == LAG:
                sql, frame = lag(node.this, frame, f"CAST({alias}.ROWTIME AS TIMESTAMP(3))")
                frame_sql = self._frame(frame, alias)
            else:
                sql = f"{flink(node.this)} OVER w"
            levels.setdefault(frame_sql, []).append(f"{sql} AS {column}")
            return exp.column(column)

        query.set("expressions", [item.transform(as_column) for item in query.expressions])
        for frame_sql, aggregates in levels.items():  # in front: Flink 1.20 takes no four levels that only add columns
            rows = f"SELECT {', '.join(aggregates)}, {alias}.*\nFROM ({rows}) AS {alias}\nWINDOW w AS ({frame_sql})"
        return f"SELECT {_columns(query, names)}, {alias}.ROWTIME AS ROWTIME\nFROM ({rows}) AS {alias}"

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
        return f"{self._relation(source)} AS {quoted(source.alias)}"

    def _where(self, query: Query) -> str:
        where = query.args.get("where")
        return f"\nWHERE {flink(where)}" if where is not None else ""

    def _fail(self, node: exp.Expr, text: str) -> NoReturn:
        raise SqlError(f"{place_of(self._text, node)}: {text}") from None


def _alias(query: Query) -> str:
    return quoted(query.args["source"].alias)


def _columns(query: Query, names: Sequence[str]) -> str:
    return ", ".join(
        f"{flink(e.unalias())} AS {quoted(name)}" for e, name in zip(query.expressions, names, strict=True)
    )


def _named(columns: Sequence[str], names: Sequence[str]) -> str:
    return ", ".join(f"{column} AS {quoted(name)}" for column, name in zip(columns, names, strict=True))


def _tumble(rows: str, millis: int) -> str:
    return f"TABLE(TUMBLE(({rows}), DESCRIPTOR(ROWTIME), {interval(millis)}))"


def _of_outputs(expression: exp.Expr, outputs: dict[str, exp.Expr]) -> exp.Expr:
    """An expression of ORDER BY in which the query's own columns are what they stand for."""

    def replaced(node: exp.Expr) -> exp.Expr:
        return outputs[node.name].copy() if isinstance(node, exp.Column) and not node.table else node

    return expression.transform(replaced)
