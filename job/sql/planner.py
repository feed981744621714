"""An application as Flink views: one for each stream, made of the queries of its pumps.

What is done is written down at the same time, as the Python that does it: that is what `--explain` prints.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pyflink.table import StreamTableEnvironment, Table
from sqlglot import exp

from job.parse import literal
from job.sql.application import ERRORS, Application, Pump
from job.sql.culprit import culprit
from job.sql.flink_sql import quoted
from job.sql.functions import HOTSPOTS
from job.sql.library import hotspots, random_cut_forest, stagger_windows
from job.sql.names import ERROR_STREAM, SOURCE_STREAM
from job.sql.parameters import parameters
from job.sql.queries import Queries
from job.sql.rows import TableColumn, columns_of, streamed
from job.sql.source import REJECTED
from job.sql.syntax import Query, Source, SqlError, Stagger, TableFunction, millis_of, place_of
from job.sql.types import Coercion, coercion, message
from job.sql.views import RefusedError, Views, text

ALL_ERRORS = "all errors"
"""The error stream as it leaves: with the errors of pumps that read the error stream, which it cannot show to them."""


class Planner:
    """Makes the views of `application` in an environment that has those of its input (`job.sql.source.open_input`).

    memory: bytes that all forests together may take in a worker.
    """

    def __init__(self, t_env: StreamTableEnvironment, application: Application, memory: int, seed: int) -> None:
        self._views = Views(t_env)
        self._application = application
        functions = [f for pump in application.pumps for f in pump.query.find_all(TableFunction)]
        self._share = max(1, len(functions))
        self._memory = memory
        self._seed = seed
        self._queries = Queries(application.text, self._relation)
        self._opened = {SOURCE_STREAM}
        self._parts: dict[str, list[str]] = {}
        self._errors = [REJECTED]
        self._pump = ""
        self._functions = 0

    def plan(self) -> list[str]:
        """Make all views: each stream's has the stream's name, `ALL_ERRORS` the errors. Returns the Python of it.

        Raises:
            SqlError: what an application asks for cannot be done.
        """
        after = self._application.after_errors()
        for pump in sorted(self._application.pumps, key=lambda pump: pump.name in after):
            self._pump, self._functions = pump.name, 0
            try:
                self._add(pump)
            except RefusedError as error:
                raise self._located(pump, str(error)) from None
        for stream in self._application.streams:
            self._open(stream)
        self._views.create(ALL_ERRORS, " UNION ALL ".join(map(_error_columns, self._errors)))
        return self._views.steps

    def _located(self, pump: Pump, why: str) -> SqlError:
        part, reason = culprit(pump.query, self._refusal)
        return SqlError(f"{place_of(self._application.text, part)}: pump {pump.name}: {reason or why}")

    def _refusal(self, query: exp.Expr) -> str | None:
        try:
            self._views.query(self._queries.sql(query, ["value"]))
        except RefusedError as error:
            return str(error)
        except SqlError:  # it cannot be alone
            return None
        return None

    def _add(self, pump: Pump) -> None:
        """The rows of a pump as a part of its stream, and those that do not fit as a part of the errors."""
        names = [f"column_{i}" for i in range(len(pump.columns))]
        sql = self._queries.sql(pump.query, names)
        columns = columns_of(self._views.query(sql))
        declared = self._application.streams[pump.stream].columns
        coerced = {name: self._coercion(pump, i, columns[i]) for i, name in enumerate(pump.columns)}
        failures = {name: c.failed for name, c in coerced.items() if c.failed is not None}
        rows = f"({sql})"
        if failures:
            sources = dict(zip(pump.columns, names, strict=True))
            problem = " ".join(
                f"WHEN {failed} THEN {message(name, sources[name], declared[name])}"
                for name, failed in failures.items()
            )
            rows = quoted(f"rows of {pump.name}")
            self._views.create(
                f"rows of {pump.name}", f"SELECT *, CASE {problem} END AS problem FROM ({sql})", stream=True
            )
            self._views.create(f"errors of {pump.name}", _misfits(rows, sources, "COERCION", "problem", pump.name))
            self._errors.append(f"errors of {pump.name}")
        values = ", ".join(
            f"{coerced[name].value if name in coerced else f'CAST(NULL AS {kind.flink})'} AS {quoted(name)}"
            for name, kind in declared.items()
        )
        where = " WHERE problem IS NULL" if failures else ""
        again = not failures and (_loses_time(pump.query) or self._is_read(pump.stream))
        part = f"pump {pump.name}"
        self._views.create(part, f"SELECT {values}, ROWTIME FROM {rows}{where}", stream=again)
        self._parts.setdefault(pump.stream, []).append(part)

    def _coercion(self, pump: Pump, i: int, column: TableColumn) -> Coercion:
        name = pump.columns[i]
        try:
            return coercion(quoted(column.name), column.root, self._application.streams[pump.stream].columns[name])
        except ValueError as error:
            place = place_of(self._application.text, _first(pump.query).expressions[i])
            raise SqlError(f"{place}: pump {pump.name}: what goes into {name} of {pump.stream} {error}") from None

    def _is_read(self, stream: str) -> bool:
        return any(stream in pump.reads for pump in self._application.pumps)

    def _open(self, stream: str) -> None:
        """The view of a stream whose pumps all have their parts."""
        if stream in self._opened:
            return
        self._opened.add(stream)
        parts = self._parts.get(stream, [])
        if stream == ERROR_STREAM:
            parts = [*self._errors, *parts]
            self._errors += self._parts.get(stream, [])
            self._views.create(stream, " UNION ALL ".join(map(_error_columns, parts)), stream=self._is_read(stream))
            return
        columns = self._application.streams[stream].columns
        sql = " UNION ALL ".join(f"SELECT * FROM {quoted(part)}" for part in parts)
        nothing = ", ".join(f"CAST(NULL AS {kind.flink}) AS {quoted(name)}" for name, kind in columns.items())
        self._views.create(stream, sql or f"SELECT {nothing}, ROWTIME FROM {quoted(SOURCE_STREAM)} WHERE FALSE")

    def _relation(self, source: Source) -> str:
        """What Flink calls a source: the view of a stream, a function or windows, or a query in brackets."""
        if isinstance(source.this, exp.Identifier):
            self._open(source.name)
            return quoted(source.name)
        if isinstance(source.this, TableFunction):
            return self._table_function(source.this)
        if isinstance(source.this, Stagger):
            return self._stagger(source.this)
        sql = self._queries.sql(source.this, names_of(source.this))
        if not _loses_time(source.this):
            return f"({sql})"
        self._functions += 1
        name = f"query {self._functions} of {self._pump}"
        self._views.query(sql)
        self._views.create(name, sql, stream=True)
        return quoted(name)

    def _table_function(self, function: TableFunction) -> str:
        place = place_of(self._application.text, function)
        call: Callable[..., Table] = random_cut_forest
        kind, result = "forest", "ANOMALY_SCORE"
        told = parameters(function) | {"partition_by": [key.name for key in function.args.get("partition_by") or ()]}
        if function.this == HOTSPOTS:
            call, kind, result = hotspots, "hotspots", "HOTSPOTS_RESULT"
        else:
            told["seed"] = self._seed
        self._functions += 1
        name = told["name"] = f"{kind} {self._functions} of {self._pump}"
        query = function.args["query"]
        sql = self._queries.sql(query, names_of(query))
        rows = self._views.query(sql)
        columns = {column.name: column.name for column in columns_of(rows) if column.name != "ROWTIME"}
        try:
            rows = streamed(self._views.t_env, rows)
            table = call(self._views.t_env, rows, memory=self._memory // self._share, **told)
        except ValueError as error:
            raise SqlError(f"{place}: {error}") from None
        self._views.register(
            name,
            f"{call.__name__}(\n    t_env,\n    streamed(t_env, t_env.sql_query({text(sql)})),\n"
            f"    memory=memory // {self._share},\n{_arguments(told)})",
            table,
        )
        why = literal("a feature is NULL or not finite, or a key is NULL")
        misfits = _misfits(quoted(name), columns, "FEATURES", why, self._pump, f"{result} IS NULL")
        self._views.create(f"errors of {name}", misfits)
        self._errors.append(f"errors of {name}")
        return f"(SELECT * FROM {quoted(name)} WHERE {result} IS NOT NULL)"

    def _stagger(self, stagger: Stagger) -> str:
        self._functions += 1
        name = f"stagger {self._functions} of {self._pump}"
        query = stagger.args["query"]
        sql = self._queries.sql(query, names_of(query))
        told: dict[str, Any] = {
            "partition_by": [key.name for key in stagger.args["partition_by"]],
            "length": millis_of(stagger.args["interval"]),
            "name": name,
        }
        rows = self._views.query(sql)
        try:
            table = stagger_windows(self._views.t_env, rows, **told)
        except ValueError as error:
            raise SqlError(f"{place_of(self._application.text, stagger)}: {error}") from None
        python = f"stagger_windows(\n    t_env,\n    t_env.sql_query({text(sql)}),\n{_arguments(told)})"
        self._views.register(name, python, table)
        return quoted(name)


def _loses_time(query: exp.Expr) -> bool:
    """True for a sort and a join, which leave a ROWTIME that is no time attribute."""
    if not isinstance(query, Query):
        return _loses_time(query.this) or _loses_time(query.expression)
    return bool(query.args.get("order") or query.args.get("joins"))


def names_of(query: exp.Expr) -> list[str]:
    """The names of the columns of a query that is read by another."""
    named = (exp.Alias, exp.Column)
    return [e.alias_or_name if isinstance(e, named) else f"EXPR${i}" for i, e in enumerate(_first(query).expressions)]


def _first(query: exp.Expr) -> Query:
    """The query whose columns name those of a union."""
    while not isinstance(query, Query):
        query = query.this
    return query


def _misfits(
    rows: str, columns: dict[str, str], name: str, why: str, pump: str, where: str = "problem IS NOT NULL"
) -> str:
    """The query of rows that are errors: in the error stream's columns, with the row as JSON in hexadecimal."""
    row = ", ".join(f"{literal(to)} VALUE CAST({quoted(column)} AS STRING)" for to, column in columns.items())
    return (
        f"SELECT CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3)) AS ERROR_TIME, 'ERROR' AS ERROR_LEVEL,"
        f" {literal(name)} AS ERROR_NAME, {why} AS MESSAGE, CAST(ROWTIME AS TIMESTAMP(3)) AS DATA_ROWTIME,"
        f" HEX(JSON_OBJECT({row})) AS DATA_ROW, {literal(pump)} AS PUMP_NAME, ROWTIME FROM {rows} WHERE {where}"
    )


def _error_columns(view: str) -> str:
    columns = [f"CAST({name} AS {kind.flink}) AS {name}" for name, kind in ERRORS.items()]
    return f"SELECT {', '.join(columns)}, CAST(ROWTIME AS TIMESTAMP_LTZ(3)) AS ROWTIME FROM {quoted(view)}"


def _arguments(told: Mapping[str, Any]) -> str:
    """Arguments as Python writes them, a line each."""
    return "".join(f"    {name}={value!r},\n" for name, value in told.items())
