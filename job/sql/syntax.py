"""The nodes of a parsed application that sqlglot has no own for, and where in the text a node is."""

from sqlglot import exp

INTERVAL_MILLIS = {"SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_LONGEST_INTERVAL = 1000 * INTERVAL_MILLIS["DAY"]


class SqlError(ValueError):
    """What an application has that cannot be run: `line 3, column 7: GROUP_RANK is not supported`."""


class UntranslatedError(ValueError):
    """What Flink has no counterpart for; its place is that of `node`."""

    def __init__(self, node: exp.Expr, text: str) -> None:
        super().__init__(text)
        self.node = node


class CreateStream(exp.Expression):
    """CREATE STREAM this (expressions), which are `StreamColumn`."""

    arg_types = {"this": True, "expressions": True}  # noqa: RUF012 - sqlglot's way, here and below


class StreamColumn(exp.Expression):
    """A column of a stream; `kind` is a `job.sql.types.SqlType`."""

    arg_types = {"this": True, "kind": True}  # noqa: RUF012


class CreatePump(exp.Expression):
    """CREATE PUMP this [STOPPED] AS INSERT INTO into (columns) query."""

    arg_types = {"this": True, "stopped": False, "into": True, "columns": False, "query": True}  # noqa: RUF012


class Query(exp.Expression):
    """SELECT STREAM expressions FROM source …"""

    arg_types = {  # noqa: RUF012
        "expressions": True,
        "source": False,
        "joins": False,
        "where": False,
        "group": False,
        "having": False,
        "stagger": False,
        "windows": False,
        "order": False,
    }


class UnionAll(exp.Expression):
    """this UNION ALL expression, each a `Query` or a `UnionAll`."""

    arg_types = {"this": True, "expression": True}  # noqa: RUF012


class Source(exp.Expression):
    """What a query reads: `this` is a name, a query or a `TableFunction`; `window` a `Frame`."""

    arg_types = {"this": True, "window": False, "alias": False}  # noqa: RUF012


class Join(exp.Expression):
    """JOIN this (a `Source`) ON on; `side` is LEFT, RIGHT, FULL or empty."""

    arg_types = {"this": True, "side": False, "on": True}  # noqa: RUF012


class TableFunction(exp.Expression):
    """this(CURSOR(query) PARTITION BY partition_by, expressions)."""

    arg_types = {"this": True, "query": True, "partition_by": False, "expressions": False}  # noqa: RUF012


class Cast(exp.Expression):
    """CAST(this AS kind), a `job.sql.types.SqlType`, or a literal such as DATE '2026-01-31'."""

    arg_types = {"this": True, "kind": True}  # noqa: RUF012


class Step(exp.Expression, exp.Func):
    """STEP(this BY interval)."""

    arg_types = {"this": True, "interval": True}  # noqa: RUF012


class Over(exp.Expression):
    """An aggregate over `window`, a `Frame` or the name of one."""

    arg_types = {"this": True, "window": True}  # noqa: RUF012


class Frame(exp.Expression):
    """The rows or the time up to the current row; without `preceding` and `unbounded` the current row alone."""

    arg_types = {  # noqa: RUF012
        "name": False,
        "partition_by": False,
        "order": False,
        "unit": False,
        "preceding": False,
        "unbounded": False,
    }


class Stagger(exp.Expression):
    """WINDOWED BY STAGGER (PARTITION BY partition_by RANGE interval); what a `Source` reads has its rows in `query`."""

    arg_types = {"query": False, "partition_by": True, "interval": True}  # noqa: RUF012


def millis_of(interval: exp.Interval) -> int:
    """Milliseconds of an interval. Raises ValueError, without a place, where it is none that Flink has."""
    try:
        millis = round(float(interval.this.name) * INTERVAL_MILLIS[interval.text("unit")])
    except (ValueError, OverflowError):
        millis = 0
    if millis <= 0:
        raise ValueError(f"an interval must be of a positive number, got {interval.this.name!r}")
    if millis >= _LONGEST_INTERVAL:
        raise ValueError(f"an interval must be below 1000 days, got {interval.this.name!r} {interval.text('unit')}")
    return millis


def place_of(text: str, node: exp.Expr) -> str:
    """`line 3, column 7`: where a node begins, as well as its parts or what it is part of tell."""
    starts = [node.meta["start"]] if "start" in node.meta else []
    whole: exp.Expr | None = node
    while whole is not None and not starts:
        starts = [part.meta["start"] for part in whole.walk() if "start" in part.meta]
        whole = whole.parent
    return place_at(text, min(starts, default=0))


def place_at(text: str, offset: int) -> str:
    """`line 3, column 7`: the place of the character at `offset`."""
    before = text[:offset]
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
