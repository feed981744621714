"""Looks up the names in queries: streams, columns, stars. Afterwards every column has its table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from sqlglot import exp

from job.sql.functions import HOTSPOTS, WITH_EXPLANATION
from job.sql.parameters import parameters
from job.sql.syntax import Frame, Query, Source, SqlError, TableFunction, UnionAll, place_of

SOURCE_STREAM = "SOURCE_SQL_STREAM_001"
ERROR_STREAM = "error_stream"
ROWTIME = "ROWTIME"
ARRIVAL = "APPROXIMATE_ARRIVAL_TIME"
HIDDEN = (ROWTIME, ARRIVAL)
"""Columns of the input that a star does not stand for; of all else it is ROWTIME alone."""


class Names:
    """What the queries of an application can name: `streams`, each with the names of its columns."""

    def __init__(self, text: str, streams: Mapping[str, Sequence[str]]) -> None:
        self._text = text
        self._streams = streams

    def stream(self, name: exp.Identifier) -> str:
        """The stream of a name. error_stream is found in upper case too, since unquoted it is that."""
        if name.name == ERROR_STREAM.upper() and name.name not in self._streams:
            name.set("this", ERROR_STREAM)
        if name.name not in self._streams:
            self._fail(name, f"a stream must be one of {', '.join(self._streams)}, got {name.name}")
        return name.name

    def resolve(self, query: exp.Expr) -> list[str]:
        """The names of a query's columns. Those in it get their tables, stars become columns.

        Raises:
            SqlError: a name is of nothing there is, or of several things.
        """
        if isinstance(query, UnionAll):
            left, right = self.resolve(query.this), self.resolve(query.expression)
            if len(left) != len(right):
                self._fail(query, f"UNION ALL must have as many columns on both sides, got {len(left)}, {len(right)}")
            return left
        assert isinstance(query, Query)
        tables = self._tables(query)
        query.set("expressions", list(self._spelt_out(query, tables)))
        named = (exp.Alias, exp.Column)
        outputs = [e.alias_or_name if isinstance(e, named) else f"EXPR${i}" for i, e in enumerate(query.expressions)]
        for item in within(query, ("expressions", "joins", "where", "group", "having", "windows", "stagger")):
            self._columns(item, tables, ())
        for item in within(query, ("order",)):
            self._columns(item, tables, outputs)
        return outputs

    def _tables(self, query: Query) -> dict[str, list[str]]:
        """The columns of each source of a query by its name there; sources without a name get one."""
        tables: dict[str, list[str]] = {}
        joined = [join.this for join in query.args.get("joins") or ()]
        for i, source in enumerate([query.args["source"], *joined]):
            columns = self._source(source)
            alias = source.args.get("alias")
            name = alias.name if alias else source.this.name if isinstance(source.this, exp.Identifier) else f"_{i}"
            if name in tables:
                self._fail(source, f"a source must have a name of its own, got {name} twice")
            source.set("alias", exp.to_identifier(name, quoted=True))
            tables[name] = columns
        return tables

    def _source(self, source: Source) -> list[str]:
        this = source.this
        if isinstance(this, exp.Identifier):
            name = self.stream(this)
            return [*self._streams[name], *(HIDDEN if name == "SOURCE_SQL_STREAM_001" else (ROWTIME,))]
        if isinstance(this, TableFunction):
            return self._table_function(this)
        return [*self._read(this), ROWTIME]

    def _read(self, query: exp.Expr) -> list[str]:
        """The columns of a query that is read by another, which knows them by their names."""
        columns = self.resolve(query)
        if ROWTIME in columns:
            self._fail(query, "a query that is read by another has ROWTIME; it must not be among its columns, too")
        if len(set(columns)) < len(columns):
            self._fail(query, f"columns must have names of their own, got {', '.join(columns)}")
        return columns

    def _table_function(self, function: TableFunction) -> list[str]:
        columns = self._read(function.args["query"])
        for key in function.args.get("partition_by") or ():
            if key.name not in columns:
                self._fail(key, f"a key must be one of the cursor's columns {', '.join(columns)}, got {key.name}")
        try:
            parameters(function)
        except SqlError as error:
            self._fail(function, str(error))
        explanation = ["ANOMALY_EXPLANATION"] if function.this == WITH_EXPLANATION else []
        added = ["HOTSPOTS_RESULT"] if function.this == HOTSPOTS else ["ANOMALY_SCORE", *explanation]
        for name in added:
            if name in columns:
                self._fail(function, f"a column of the cursor must not be called as what {function.this} adds, {name}")
        return [*columns, *added, ROWTIME]

    def _spelt_out(self, query: Query, tables: Mapping[str, Sequence[str]]) -> Iterator[exp.Expr]:
        for item in query.expressions:
            if isinstance(item, exp.Star):
                wanted = list(tables)
            elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
                wanted = [item.table]
                if item.table not in tables:
                    self._fail(item, f"a table must be one of {', '.join(tables)}, got {item.table}")
            else:
                yield item
                continue
            for table in wanted:
                for name in tables[table][: tables[table].index(ROWTIME)]:
                    yield exp.column(name, table, quoted=True)

    def _columns(self, item: exp.Expr, tables: Mapping[str, Sequence[str]], outputs: Sequence[str]) -> None:
        for column in list(item.find_all(exp.Column)):
            name, table = column.name, column.table
            if not table and name in outputs:
                continue
            found = [t for t, columns in tables.items() if name in columns and table in ("", t)]
            if len(found) != 1:
                self._refuse(column, found, tables)
            if not table:
                column.set("table", exp.to_identifier(found[0]))
            for name_of in (column.this, column.args["table"]):  # i."v", I."v" and "v" are equal then
                name_of.set("quoted", True)

    def _refuse(self, column: exp.Column, found: Sequence[str], tables: Mapping[str, Sequence[str]]) -> NoReturn:
        name, table = column.name, column.table
        if table and table not in tables:
            self._fail(column, f"a table must be one of {', '.join(tables)}, got {table}")
        if found:
            self._fail(column, f"a column must be of one table, got {name} of {' and '.join(found)}")
        known = [c for t, columns in tables.items() if table in ("", t) for c in columns]
        close = next((c for c in known if c.upper() == name), None)
        hint = f'; unquoted names are in upper case, did you mean "{close}"?' if close else ""
        self._fail(column, f"a column must be one of {', '.join(known)}, got {name}{hint}")

    def _fail(self, node: exp.Expr, text: str) -> NoReturn:
        raise SqlError(f"{place_of(self._text, node)}: {text}") from None


def within(query: Query, parts: Sequence[str]) -> Iterator[exp.Expr]:
    """The expressions in some parts of a query, but for queries that it reads."""
    for part in parts:
        told = query.args.get(part)
        for item in told if isinstance(told, list) else [told] if told is not None else []:
            if part == "joins":
                yield item.args["on"]
            elif isinstance(item, Frame | exp.Expr):
                yield item
