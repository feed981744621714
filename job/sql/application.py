"""An application: its streams and pumps, with every name in them looked up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from sqlglot import exp
from sqlglot.tokens import TokenType

from job.sql.aggregates import check_aggregates
from job.sql.dialect import parse
from job.sql.names import ERROR_STREAM, HIDDEN, SOURCE_STREAM, Names
from job.sql.schema import InputSchema
from job.sql.syntax import CreatePump, CreateStream, Source, SqlError, place_of
from job.sql.tokens import tokens_of
from job.sql.types import SqlType

ERRORS = {
    "ERROR_TIME": SqlType("TIMESTAMP"),
    "ERROR_LEVEL": SqlType("VARCHAR", (10,)),
    "ERROR_NAME": SqlType("VARCHAR", (32,)),
    "MESSAGE": SqlType("VARCHAR", (4096,)),
    "DATA_ROWTIME": SqlType("TIMESTAMP"),
    "DATA_ROW": SqlType("VARCHAR", (49152,)),
    "PUMP_NAME": SqlType("VARCHAR", (128,)),
}


@dataclass(frozen=True)
class Stream:
    """An in-application stream: its columns in their order."""

    name: str
    columns: Mapping[str, SqlType]


@dataclass(frozen=True)
class Pump:
    """Inserts the columns of `query`, by position, into `columns` of `stream`. `reads` has the names of its sources.

    `query` is a `job.sql.syntax.Query` or `UnionAll` whose columns all have their table and whose stars are spelt out.
    """

    name: str
    stream: str
    columns: tuple[str, ...]
    query: exp.Expr
    reads: frozenset[str]


@dataclass(frozen=True)
class Application:
    """`pumps` are in an order in which each comes behind those that fill what it reads, without those that are STOPPED.

    `statements` are by what they make (`pump X`), without comments and in one line each.
    """

    text: str
    streams: Mapping[str, Stream]
    pumps: tuple[Pump, ...]
    stopped: tuple[str, ...]
    statements: Mapping[str, str]

    def pumps_into(self, stream: str) -> Iterator[Pump]:
        return (pump for pump in self.pumps if pump.stream == stream)

    def results(self) -> list[str]:
        """What leaves the application where nothing else is said: the destination, or what no pump reads."""
        if "DESTINATION_SQL_STREAM" in self.streams:
            return ["DESTINATION_SQL_STREAM"]
        read = frozenset[str]().union(*(pump.reads for pump in self.pumps))
        return [name for name in self.streams if name not in read | {SOURCE_STREAM, ERROR_STREAM}]

    def after_errors(self) -> frozenset[str]:
        """Names of the pumps that read the error stream, or what others have made of it."""
        after: set[str] = set()
        streams = {ERROR_STREAM}
        for pump in self.pumps:
            if not pump.reads.isdisjoint(streams):
                after.add(pump.name)
                streams.add(pump.stream)
        return frozenset(after)


def read_application(text: str, schema: InputSchema) -> Application:
    """The application in `text`, whose input has the columns of `schema`.

    Raises:
        SqlError: with line and column of what cannot be run, and why.
        ValueError: a column of the schema has no type of the service.
    """
    source = {column.name: SqlType.parse(column.sql_type) for column in schema.columns}
    for name in HIDDEN:
        if name in source:
            raise ValueError(f"a column of the schema must not be called as what every record has, {name}")
    streams = {SOURCE_STREAM: Stream(SOURCE_STREAM, source), ERROR_STREAM: Stream(ERROR_STREAM, ERRORS)}
    statements = parse(text)
    for statement in statements:
        if isinstance(statement, CreateStream):
            stream = _stream(text, statement)
            if stream.name in streams:
                raise SqlError(f"{place_of(text, statement)}: there must be one stream {stream.name}, got another")
            streams[stream.name] = stream
    names = Names(text, {name: list(stream.columns) for name, stream in streams.items()})
    created: dict[str, CreatePump] = {}
    for statement in statements:
        if isinstance(statement, CreatePump):
            if statement.name in created:
                raise SqlError(f"{place_of(text, statement)}: there must be one pump {statement.name}, got another")
            created[statement.name] = statement
    pumps = [_pump(text, names, streams, statement) for statement in created.values()]
    stopped = tuple(name for name, statement in created.items() if statement.args["stopped"])
    started = [pump for pump in pumps if pump.name not in stopped]
    if not started:
        raise SqlError(f"an application must have a pump, got {'only STOPPED ones' if stopped else 'none'}")
    try:
        ordered = tuple(_in_order(started))
    except CycleError as error:
        circle = error.args[1][::-1]
        place = place_of(text, created[circle[0]])
        raise SqlError(f"{place}: pumps must not go in a circle, got {' → '.join(circle)}") from None
    return Application(text, streams, ordered, stopped, _written(text, statements))


def _written(text: str, statements: Sequence[CreateStream | CreatePump]) -> dict[str, str]:
    written: list[list[str]] = [[]]
    for token in tokens_of(text):
        if token.token_type == TokenType.SEMICOLON:
            written.append([])
        else:
            quote = {TokenType.IDENTIFIER: '"', TokenType.STRING: "'"}.get(token.token_type, "")
            written[-1].append(f"{quote}{token.text}{quote}" if quote else token.text.upper())
    kinds = {CreateStream: "stream", CreatePump: "pump"}
    texts = [" ".join(words) for words in written if words]
    return {f"{kinds[type(s)]} {s.name}": words for s, words in zip(statements, texts, strict=True)}


def _stream(text: str, statement: CreateStream) -> Stream:
    columns: dict[str, SqlType] = {}
    for column in statement.expressions:
        place = place_of(text, column)
        if column.name in columns or column.name == "ROWTIME":
            raise SqlError(f"{place}: a column must have a name of its own, got {column.name}")
        columns[column.name] = column.args["kind"]
    return Stream(statement.name, columns)


def _pump(text: str, names: Names, streams: Mapping[str, Stream], statement: CreatePump) -> Pump:
    place, into = place_of(text, statement), statement.args["into"]
    target = names.stream(into)
    if target == SOURCE_STREAM:
        raise SqlError(f"{place_of(text, into)}: a pump must not insert into the input, got {target}")
    told = [column.name for column in statement.args.get("columns") or ()]
    declared = streams[target].columns
    for column in told:
        if column not in declared:
            raise SqlError(f"{place}: a column to insert into must be one of {target}, got {column}")
    if len(set(told)) < len(told):
        raise SqlError(f"{place}: columns to insert into must be each once, got {', '.join(told)}")
    columns = told or list(declared)
    query = statement.args["query"]
    try:
        found = names.resolve(query)
        check_aggregates(text, query)
    except RecursionError:
        raise SqlError(f"{place}: UNION ALL must not be of so many queries") from None
    if len(found) != len(columns):
        raise SqlError(
            f"{place}: pump {statement.name} must insert as many columns as {target} takes, {len(columns)},"
            f" got {len(found)}: {', '.join(found)}"
        )
    sources = (source.this for source in query.find_all(Source))
    reads = frozenset(source.name for source in sources if isinstance(source, exp.Identifier))
    return Pump(statement.name, target, tuple(columns), query, reads)


def _in_order(pumps: Sequence[Pump]) -> list[Pump]:
    """Raises CycleError, with the names in it."""
    by_name = {pump.name: pump for pump in pumps}
    before = {pump.name: [p.name for p in pumps if p.stream in pump.reads] for pump in pumps}
    return [by_name[name] for name in TopologicalSorter(before).static_order()]
