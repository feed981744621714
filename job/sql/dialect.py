"""The SQL of Kinesis Data Analytics: text → statements, or where and what it does not take.

Queries are parsed by grammar rules of our own, expressions by sqlglot's. sqlglot takes many things that the service did
not; what has passed the grammar is therefore compared with a list of what is known here, and the rest is refused.
"""

from sqlglot import exp
from sqlglot.errors import ParseError

from job.sql.functions import KNOWN
from job.sql.grammar import KinesisParser
from job.sql.syntax import (
    Cast,
    CreatePump,
    CreateStream,
    Frame,
    Join,
    Over,
    Query,
    Source,
    SqlError,
    Stagger,
    Step,
    StreamColumn,
    TableFunction,
    UnionAll,
    millis_of,
    place_at,
    place_of,
)
from job.sql.tokens import tokens_of

_EXPRESSIONS = (
    *(exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Alias, exp.Var),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.DPipe),
    *(exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is),
    *(exp.Like, exp.SimilarTo, exp.Escape, exp.Case, exp.If, exp.Interval),
    *(exp.Anonymous, exp.Distinct, exp.Extract, exp.Floor, exp.Ceil, exp.Substring, exp.Trim, exp.StrPosition),
    *(exp.CurrentTimestamp, exp.CurrentDate, exp.Ordered, Cast, Step, Over, Frame, Stagger),
    *(CreateStream, CreatePump, StreamColumn, Query, UnionAll, Source, Join, TableFunction),
)


def parse(text: str) -> list[CreateStream | CreatePump]:
    """The statements of an application. Names are as they are then: unquoted ones in upper case.

    Raises:
        SqlError: with line, column and name of what is not supported.

    >>> parse('CREATE STREAM out ("volume" INTEGER)')[0].name
    'OUT'
    >>> parse('SELECT 1')
    Traceback (most recent call last):
    ...
    job.sql.syntax.SqlError: line 1, column 1: SELECT is not supported
    """
    tokens, parser = tokens_of(text), KinesisParser()
    try:
        found = parser.parse(tokens, text)
    except ParseError as error:
        told = error.errors[0]
        column = told["col"] - len(told["highlight"]) + 1
        raise SqlError(f"line {told['line']}, column {column}: {_sentence(**told)}") from None
    except RecursionError:
        place = place_at(text, parser._curr.start)
        raise SqlError(f"{place}: brackets, NOT and CASE must not be so deep in one another") from None
    statements = [s for s in found if s is not None and not isinstance(s, exp.Semicolon)]
    for statement in statements:
        _check(text, statement)
    return statements  # type: ignore[return-value]


def _check(text: str, statement: exp.Expr) -> None:
    for node in statement.walk():
        if not isinstance(node, _EXPRESSIONS):
            raise SqlError(f"{place_of(text, node)}: {_called(node)} is not supported")
        if isinstance(node, exp.Anonymous) and node.name.upper() not in KNOWN:
            raise SqlError(f"{place_of(text, node)}: {node.name.upper()} is not supported")
        if isinstance(node, exp.Column) and node.args.get("db"):
            raise SqlError(f"{place_of(text, node)}: a column in a schema is not supported")
        if isinstance(node, exp.Star) and any(node.args.values()):
            raise SqlError(f"{place_of(text, node)}: * with EXCEPT, REPLACE or RENAME is not supported")
        if isinstance(node, exp.Alias) and (not isinstance(node.parent, Query) or isinstance(node.this, exp.Star)):
            raise SqlError(f"{place_of(text, node)}: a name must be of a column, got {node.alias}")
        if isinstance(node, exp.Interval):
            try:
                millis_of(node)
            except ValueError as error:
                raise SqlError(f"{place_of(text, node)}: {error}") from None
        if isinstance(node, exp.Identifier) and not node.quoted:
            node.set("this", node.name.upper())
            node.set("quoted", True)


def _called(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        return node.sql_name()
    return node.key.upper()


def _sentence(description: str, highlight: str, **_: object) -> str:
    if "is not supported" in description:
        return description
    if "Unexpected token" in description:
        return f"{highlight} is not supported here"
    if "missing for <class" in description:
        return f"an expression must be whole, got {highlight!r}"
    first = description[0] if description[1:2].isupper() else description[0].lower()
    return f"{first}{description[1:]}, got {highlight!r}"
