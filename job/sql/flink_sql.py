"""Expressions of the dialect as Flink SQL. What would end a Flink job (a division by zero, a cast) gives NULL."""

import re
from collections.abc import Callable

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.generator import Generator

from job.sql.functions import FUNCTIONS
from job.sql.syntax import Cast, Source, Step, UntranslatedError, millis_of
from job.sql.types import LARGEST_REAL, finite

_MOST = {"TINYINT": 2**7, "SMALLINT": 2**15, "INT": 2**31, "BIGINT": 2**63}
_UNITS = ("SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR")


def quoted(name: str) -> str:
    """A name as Flink takes it, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


def rowtime(source: Source) -> str:
    """The ROWTIME of what a query reads."""
    return f"{quoted(source.alias)}.ROWTIME"


def interval(millis: int) -> str:
    """An interval of so many milliseconds.

    >>> interval(90_061_500)
    "INTERVAL '1 01:01:01.500' DAY(3) TO SECOND(3)"
    """
    seconds, fraction = divmod(millis, 1000)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    return (
        f"INTERVAL '{days} {hours % 24:02d}:{minutes % 60:02d}:{seconds % 60:02d}.{fraction:03d}' DAY(3) TO SECOND(3)"
    )


def flink(expression: exp.Expr) -> str:
    """The Flink SQL of an expression whose columns all have their tables.

    Raises UntranslatedError for what has no counterpart.
    """
    return _FLINK.generate(expression, comments=False)


def _column(self: Generator, column: exp.Column) -> str:
    """A time attribute is a TIMESTAMP to the user."""
    name = f"{self.sql(column, 'table')}.{self.sql(column, 'this')}" if column.table else self.sql(column, "this")
    return f"CAST({name} AS TIMESTAMP(3))" if column.name == "ROWTIME" else name


def _function(self: Generator, function: exp.Anonymous) -> str:
    name, arguments = function.name.upper(), [self.sql(argument) for argument in function.expressions]
    if name in _SPELT_OUT:
        count, spelt_out = _SPELT_OUT[name]
        if len(arguments) != count:
            raise UntranslatedError(function, f"{name} must have {count} arguments, got {len(arguments)}")
        return spelt_out(*arguments)
    if name == "REGEX_REPLACE":
        return _replaced(self, function)
    if name == "MOD" and len(arguments) == 2:
        arguments[1] = _divisor(self, function.expressions[1])
    called = f"{FUNCTIONS[name]}({', '.join(arguments)})"
    # Flink fails to round what is not finite
    return finite(f"CAST({arguments[0]} AS DOUBLE)", called) if name == "ROUND" and arguments else called


def _millis(time: str) -> str:
    """Of a DATE, too: EXTRACT makes milliseconds of it that it does not have."""
    time = f"TRY_CAST({time} AS TIMESTAMP(3))"
    return f"(EXTRACT(EPOCH FROM {time}) * 1000 + EXTRACT(MILLISECOND FROM {time}))"


def _extract(self: Generator, extract: exp.Extract) -> str:
    """SECOND has thousandths, DECIMAL(5, 3), which Flink does not give, and which a DATE has not (see `_millis`)."""
    unit, time = extract.name, self.sql(extract, "expression")
    if unit != "SECOND":
        return f"EXTRACT({unit} FROM {time})"
    time = f"TRY_CAST({time} AS TIMESTAMP(3))"
    return f"CAST(EXTRACT(SECOND FROM {time}) + EXTRACT(MILLISECOND FROM {time}) / 1000.0 AS DECIMAL(5, 3))"


_SPELT_OUT: dict[str, tuple[int, Callable[..., str]]] = {
    # Flink fails to write times before the year 1
    "TO_TIMESTAMP": (
        1,
        lambda millis: (
            f"CASE WHEN {millis} >= -62135596800000 THEN CAST(TO_TIMESTAMP_LTZ({millis}, 3) AS TIMESTAMP(3)) END"
        ),
    ),
    "TSDIFF": (2, lambda start, end: f"({_millis(end)} - {_millis(start)})"),
    "UNIX_TIMESTAMP": (1, _millis),
}


def _replaced(self: Generator, function: exp.Anonymous) -> str:
    """Flink replaces everywhere, and takes the replacement as it is, where the service's may name groups."""
    told = function.expressions
    if len(told) != 5 or [told[3].name, told[4].name] != ["1", "0"]:
        raise UntranslatedError(function, "REGEX_REPLACE must be of all that matches: (text, regex, replacement, 1, 0)")
    if not told[2].is_string or "$" in told[2].name or "\\" in told[2].name:
        raise UntranslatedError(told[2], f"a replacement must be a text without $ and \\, got {told[2].name}")
    return f"REGEXP_REPLACE({', '.join(self.sql(argument) for argument in told[:3])})"


def _divisor(self: Generator, divisor: exp.Expr) -> str:
    number = isinstance(divisor, exp.Literal) and not divisor.is_string
    if number and float(divisor.name) == 0:
        raise UntranslatedError(divisor, "a divisor must not be 0, got 0")
    return self.sql(divisor) if number else f"NULLIF({self.sql(divisor)}, 0)"


def _trimmed(self: Generator, trim: exp.Trim) -> str:
    side, what = trim.text("position") or "BOTH", self.sql(trim, "expression") or "' '"
    return f"TRIM({side} {what} FROM {self.sql(trim, 'this')})"


def _cast(self: Generator, cast: Cast) -> str:
    """NULL for a number that is too large: TRY_CAST would keep its lower bits, and fail for NaN as DECIMAL."""
    value, kind = self.sql(cast, "this"), cast.args["kind"]
    to = f"VARCHAR({kind.sizes[0]})" if kind.is_text and kind.sizes else kind.flink  # CHAR would be padded
    tried, number = f"TRY_CAST({value} AS {to})", f"TRY_CAST({value} AS DOUBLE)"
    if kind.name == "DECIMAL":
        return finite(number, tried)
    if kind.name == "REAL":
        return f"CASE WHEN ABS({number}) > {LARGEST_REAL} THEN NULL ELSE {tried} END"
    if to not in _MOST:
        return tried
    most = _MOST[to]
    fits = f"{number} > {-most - 1}E0 AND {number} < {most}E0"
    if to == "BIGINT":  # a double next to these is far from them
        fits = f"ABS({number}) <= {most}E0"
    return f"CASE WHEN {fits} THEN {tried} END"


def _rounded(self: Generator, rounding: exp.Expr, name: str) -> str:
    unit = rounding.text("to").upper()
    if rounding.args.get("decimals"):
        raise UntranslatedError(rounding, f"{name} must be of one number, got two")
    if unit and unit not in _UNITS:
        raise UntranslatedError(rounding, f"{name} must be to one of {', '.join(_UNITS)}, got {unit}")
    return f"{name}({self.sql(rounding, 'this')}{' TO ' + unit if unit else ''})"


def _step(self: Generator, step: Step) -> str:
    seconds, rest = divmod(millis_of(step.args["interval"]), 1000)
    if rest:
        told = step.args["interval"].this.name
        raise UntranslatedError(step, f"STEP must be by whole seconds here, got {told!r}")
    second = f"FLOOR({self.sql(step, 'this')} TO SECOND)"
    since = f"MOD(MOD(EXTRACT(EPOCH FROM {second}), {seconds}) + {seconds}, {seconds})"  # MOD is below 0 before 1970
    return f"TIMESTAMPADD(SECOND, CAST(-{since} AS INT), {second})"


def _similar(self: Generator, similar: exp.SimilarTo) -> str:
    """A pattern that is none ends the job at the first row."""
    pattern = similar.expression
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise UntranslatedError(pattern, "SIMILAR TO must be of a pattern in quotes")
    if isinstance(similar.parent, exp.Escape):
        raise UntranslatedError(pattern, "SIMILAR TO with ESCAPE is not supported")
    try:
        re.compile(re.sub(r"[.$\\]", r"\\\g<0>", pattern.name).replace("%", ".*").replace("_", "."))
    except re.error as error:
        raise UntranslatedError(pattern, f"a pattern must be one of SQL: {error}, got {pattern.name!r}") from None
    return f"{self.sql(similar, 'this')} SIMILAR TO {self.sql(pattern)}"


def _escaped(self: Generator, escape: exp.Escape) -> str:
    pattern = escape.this.expression
    if not isinstance(pattern, exp.Literal):
        raise UntranslatedError(pattern, "LIKE with ESCAPE must be of a pattern in quotes")
    return f"{self.sql(escape, 'this')} ESCAPE {self.sql(escape, 'expression')}"


class _Generator(Generator):
    NORMALIZE_FUNCTIONS = False
    TRANSFORMS = {  # noqa: RUF012 - sqlglot's way
        **Generator.TRANSFORMS,
        exp.Anonymous: _function,
        Cast: _cast,
        exp.Column: _column,
        exp.CurrentTimestamp: lambda self, e: "CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3))",
        exp.Div: lambda self, e: f"{self.sql(e, 'this')} / {_divisor(self, e.expression)}",
        exp.Mod: lambda self, e: f"{self.sql(e, 'this')} % {_divisor(self, e.expression)}",
        exp.Escape: _escaped,
        exp.Extract: _extract,
        exp.Floor: lambda self, e: _rounded(self, e, "FLOOR"),
        exp.Ceil: lambda self, e: _rounded(self, e, "CEIL"),
        exp.Identifier: lambda self, e: quoted(e.name),
        exp.Interval: lambda self, e: interval(millis_of(e)),
        exp.Trim: _trimmed,
        exp.StrPosition: lambda self, e: f"POSITION({self.sql(e, 'substr')} IN {self.sql(e, 'this')})",
        exp.SimilarTo: _similar,
        Step: _step,
    }


class _Flink(Dialect):
    Generator = _Generator


_FLINK = _Flink()
