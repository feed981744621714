"""The column types of the service, and how a value becomes one of them: as the service did it, or not at all."""

import re
from dataclasses import dataclass

from job.parse import LARGEST, literal

WHOLE = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}
"""Types of whole numbers, and their bits."""
_SAME = {
    "INT": "INTEGER",
    "DEC": "DECIMAL",
    "NUMERIC": "DECIMAL",
    "DOUBLE PRECISION": "DOUBLE",
    "CHARACTER": "CHAR",
    "CHAR VARYING": "VARCHAR",
    "CHARACTER VARYING": "VARCHAR",
    "BINARY": "VARBINARY",
    "BINARY VARYING": "VARBINARY",
}
_FLINK = {
    "BOOLEAN": "BOOLEAN",
    "TINYINT": "TINYINT",
    "SMALLINT": "SMALLINT",
    "INTEGER": "INT",
    "BIGINT": "BIGINT",
    "REAL": "FLOAT",
    "FLOAT": "DOUBLE",  # of 64 bits, in the service as in the standard
    "DOUBLE": "DOUBLE",
    "DATE": "DATE",
    "TIME": "TIME(0)",
    "TIMESTAMP": "TIMESTAMP(3)",
    "CHAR": "STRING",
    "VARCHAR": "STRING",
    "VARBINARY": "BYTES",
}
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE")
"""Flink's type roots of features."""
_NUMERIC = (*NUMBERS, "DECIMAL")
_MOST_DIGITS = 38
_LONGEST = 2**31 - 1
LARGEST_REAL = "3.4028234663852886E38"
_TEXT = ("CHAR", "VARCHAR")
_TIMES = ("TIMESTAMP_WITHOUT_TIME_ZONE", "TIMESTAMP_WITH_LOCAL_TIME_ZONE", "DATE")
_PLAIN_CASTS = {
    "BOOLEAN": ("BOOLEAN",),
    "REAL": (*WHOLE, "FLOAT", "DECIMAL"),
    "FLOAT": _NUMERIC,
    "DOUBLE": _NUMERIC,
    "VARBINARY": ("BINARY", "VARBINARY"),
    "DATE": _TIMES,
    "TIME": ("TIME_WITHOUT_TIME_ZONE", *_TIMES[:2]),
    "TIMESTAMP": _TIMES,
}
"""Flink's type roots of which every value becomes one of a type."""


@dataclass(frozen=True)
class SqlType:
    """A type as a stream declares it. `sizes` are its length, or its precision and scale."""

    name: str
    sizes: tuple[int, ...] = ()

    @classmethod
    def of(cls, name: str, sizes: tuple[int, ...] = ()) -> "SqlType":
        """Raises ValueError for what is no type of the service.

        >>> SqlType.of("INT"), SqlType.of("DECIMAL", (5,)).flink
        (SqlType(name='INTEGER', sizes=()), 'DECIMAL(5, 0)')
        """
        known = _SAME.get(name, name)
        most = {"DECIMAL": 2, "CHAR": 1, "VARCHAR": 1, "VARBINARY": 1, "TIMESTAMP": 1, "TIME": 1}.get(known, 0)
        if known not in (*_FLINK, "DECIMAL") or len(sizes) > most:
            raise ValueError(f"type must be one of {', '.join([*_FLINK, 'DECIMAL'])}, got {_written(name, sizes)}")
        if known in ("TIMESTAMP", "TIME"):
            sizes = ()
        if not all(1 <= size <= _LONGEST for size in sizes[:1]):
            raise ValueError(f"type must be of a size from 1 to {_LONGEST}, got {_written(name, sizes)}")
        if known == "DECIMAL" and sizes and not sizes[-1] <= sizes[0] <= _MOST_DIGITS:
            told = _written(name, sizes)
            raise ValueError(f"type must be of 1 to {_MOST_DIGITS} digits, and a scale of at most these, got {told}")
        return cls(known, sizes)

    @classmethod
    def parse(cls, text: str) -> "SqlType":
        """Raises as `of`.

        >>> SqlType.parse("VARCHAR(16)")
        SqlType(name='VARCHAR', sizes=(16,))
        """
        match = re.fullmatch(r"\s*([A-Za-z]+(?:\s+[A-Za-z]+)?)\s*(?:\(([\d\s,]+)\))?\s*", text)
        if match is None:
            raise ValueError(f"type must be such as INTEGER or VARCHAR(16), got {text!r}")
        sizes = tuple(int(size) for size in (match[2] or "").split(",") if size.strip())
        return cls.of(" ".join(match[1].upper().split()), sizes)

    @property
    def flink(self) -> str:
        """What Flink calls it. Texts have no length there: they are cut to it when they are written."""
        if self.name == "DECIMAL":
            precision, scale = (*self.sizes, 0)[:2] if self.sizes else (18, 0)
            return f"DECIMAL({precision}, {scale})"
        return _FLINK[self.name]

    @property
    def is_text(self) -> bool:
        return self.name in _TEXT

    def __str__(self) -> str:
        return _written(self.name, self.sizes)


@dataclass(frozen=True)
class Coercion:
    """SQL: the value in its new type, and, where that can be, when it does not fit (never NULL)."""

    value: str
    failed: str | None = None


def coercion(value: str, root: str, to: SqlType) -> Coercion:
    """How the column `value`, of the Flink type root `root`, becomes one of the type `to`.

    Numbers are truncated, texts are cut, NULL stays NULL.

    Raises ValueError where no value of the one type is one of the other.
    """
    cast = f"CAST({value} AS {to.flink})"
    if root == "NULL" or root in _PLAIN_CASTS.get(to.name, ()):
        return Coercion(cast)
    if to.is_text:
        return Coercion(_text(value, root, to))
    if to.name in WHOLE and root in _NUMERIC:
        return _whole(value, root, to)
    if to.name == "REAL" and root == "DOUBLE":
        return Coercion(cast, f"COALESCE(ABS({value}) > {LARGEST_REAL}, FALSE)")
    if root in _TEXT or (to.name == "DECIMAL" and root in _NUMERIC):
        return _tried(value, root, to)
    raise ValueError(f"must be of a type that becomes {to}, got {root}")


def message(column: str, value: str, to: SqlType) -> str:
    """SQL of the text that says what did not fit."""
    return f"{literal(f'{column} must be {to}, got ')} || CAST({value} AS STRING)"


def _whole(value: str, root: str, to: SqlType) -> Coercion:
    bits = WHOLE[to.name]
    cast = f"CAST({value} AS {to.flink})"
    if WHOLE.get(root, 99) <= bits:
        return Coercion(cast)
    if root in WHOLE:
        fits = f"{value} BETWEEN {-(2 ** (bits - 1))} AND {2 ** (bits - 1) - 1}"
    elif bits == 64:  # a double next to these is far from them
        fits = f"({value} >= -9.223372036854775808E18 AND {value} < 9.223372036854775808E18)"
    else:
        fits = f"({value} > {-(2 ** (bits - 1)) - 1} AND {value} < {2 ** (bits - 1)})"
    return Coercion(cast, f"COALESCE(NOT {fits}, FALSE)")


def finite(number: str, value: str) -> str:
    """SQL: `value` where `number`, a DOUBLE, is finite, else NULL. Flink fails to make a decimal number of NaN."""
    return f"CASE WHEN ABS({number}) <= {LARGEST} THEN {value} END"


def _tried(value: str, root: str, to: SqlType) -> Coercion:
    """Of a text, or to a decimal number."""
    if to.name in WHOLE:
        number = f"TRY_CAST({value} AS DOUBLE)"
        of_number = _whole(number, "DOUBLE", to)
        exact = f"COALESCE(TRY_CAST({value} AS {to.flink}), {of_number.value})"
        return Coercion(exact, f"({value} IS NOT NULL AND ({number} IS NULL OR {of_number.failed}))")
    text = f"REPLACE({value}, 'T', ' ')" if to.name == "TIMESTAMP" else value
    tried = f"TRY_CAST({text} AS {to.flink})"
    if root in ("FLOAT", "DOUBLE"):
        tried = finite(value, tried)
    return Coercion(tried, f"({value} IS NOT NULL AND {tried} IS NULL)")


def _text(value: str, root: str, to: SqlType) -> str:
    if root == "TIMESTAMP_WITH_LOCAL_TIME_ZONE":
        value = f"CAST({value} AS TIMESTAMP(3))"
    whole = value if root in _TEXT else f"CAST({value} AS STRING)"
    return f"SUBSTRING({whole}, 1, {to.sizes[0]})" if to.sizes else whole


def _written(name: str, sizes: tuple[int, ...]) -> str:
    return f"{name}({', '.join(map(str, sizes))})" if sizes else name
