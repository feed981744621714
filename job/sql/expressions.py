"""The grammar of expressions: sqlglot's, but for what it takes too lightly, or as another dialect has it."""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, NoReturn

from sqlglot import exp
from sqlglot.parser import Parser
from sqlglot.tokens import Token, TokenType

from job.sql.syntax import INTERVAL_MILLIS, Cast, SqlError, Step, place_at
from job.sql.types import SqlType

_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_TIME_LITERALS: dict[str, tuple[str, Callable[[str], object], str]] = {
    "DATE": (r"\d{4}-\d\d-\d\d", date.fromisoformat, "2026-01-31"),
    "TIME": (r"\d\d:\d\d:\d\d", time.fromisoformat, "23:59:00"),
    "TIMESTAMP": (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?", datetime.fromisoformat, "2026-01-31 23:59:00"),
}
"""What a literal of a type looks like, what raises ValueError for one that is none, and an example."""


class ExpressionParser(Parser):
    """Expressions. A function stays as it was written, by its own name."""

    TEXT_MATCH_EXCLUDED_TOKENS = Parser.TEXT_MATCH_EXCLUDED_TOKENS | {TokenType.IDENTIFIER}
    FUNCTIONS = {}  # noqa: RUF012 - sqlglot's way, here and below
    FUNCTION_PARSERS = {  # noqa: RUF012
        "CAST": lambda self: self._closed(ExpressionParser._parse_cast_as),
        "CEIL": lambda self: self._closed(Parser.FUNCTION_PARSERS["CEIL"]),
        "CEILING": lambda self: self._closed(Parser.FUNCTION_PARSERS["CEIL"]),
        "EXTRACT": lambda self: self._closed(ExpressionParser._parse_extract_from),
        "FLOOR": lambda self: self._closed(ExpressionParser._parse_floor),
        "POSITION": lambda self: self._closed(ExpressionParser._parse_position_in),
        "STEP": lambda self: self._closed(ExpressionParser._parse_step),
        "SUBSTRING": lambda self: self._closed(Parser.FUNCTION_PARSERS["SUBSTRING"]),
        "TRIM": lambda self: self._closed(Parser.FUNCTION_PARSERS["TRIM"]),
    }
    NO_PAREN_FUNCTION_PARSERS = {  # noqa: RUF012
        "CASE": Parser.NO_PAREN_FUNCTION_PARSERS["CASE"],
        "CURRENT_ROW_TIMESTAMP": lambda self: exp.CurrentTimestamp().update_positions(self._prev),
        "CURRENT_TIME": lambda self: self._refuse("CURRENT_TIME", self._prev),
        "LOCALTIME": lambda self: self._refuse("LOCALTIME", self._prev),
        "LOCALTIMESTAMP": lambda self: exp.CurrentTimestamp().update_positions(self._prev),
    }

    def _parse_type(self, parse_interval: bool = True, fallback_to_identifier: bool = False) -> Any:
        """A literal of time, an interval or what has no other parts: a type is an expression in no other way."""
        if self._word() in _TIME_LITERALS and self._next.token_type == TokenType.STRING:
            return self._parse_time_literal()
        return self._parse_interval() or self._parse_column()

    def _parse_time_literal(self) -> exp.Expr:
        begin, name = self._curr, self._word()
        pattern, check, example = _TIME_LITERALS[name]
        self._advance()
        text: Any = self._parse_string()
        try:
            if not re.fullmatch(pattern, text.name):
                raise ValueError
            check(text.name)
        except ValueError:
            self.raise_error(f"{name} must be of a text such as '{example}'", self._prev)
        return Cast(this=text, kind=SqlType(name)).update_positions(begin)

    def _parse_cast_as(self) -> exp.Expr:
        this = self._parse_disjunction()
        if this is None or not self._match(TokenType.ALIAS):
            self.raise_error("CAST must be CAST(value AS type)")
        return Cast(this=this, kind=self._parse_kind())

    def _parse_kind(self) -> SqlType:
        """The name of a type, of one word or two, and its sizes."""
        begin, name = self._curr, self._word()
        if not name:
            self.raise_error("a type must have a name")
        self._advance()
        if self._match_texts(("PRECISION", "VARYING")):
            name += f" {self._prev.text.upper()}"
        bracketed = self._match(TokenType.L_PAREN, advance=False)
        sizes = self._parse_wrapped_csv(self._parse_size) if bracketed else []
        try:
            if bracketed and not sizes:
                raise ValueError(f"type must have a size in its brackets, got {name}()")
            return SqlType.of(" ".join(name.split()), tuple(sizes))
        except ValueError as error:
            raise SqlError(f"{place_at(self.sql, begin.start)}: {error}") from None

    def _parse_size(self) -> int | None:
        number: Any = self._parse_number()
        if number is not None and not number.name.isdigit():
            self.raise_error("a size must be a whole number", self._prev)
        return None if number is None else int(number.name)

    def _parse_extract_from(self) -> exp.Expr:
        unit = self._word()
        if unit not in _UNITS:
            self.raise_error(f"EXTRACT must be of {', '.join(_UNITS)} FROM a time")
        self._advance()
        if not self._match(TokenType.FROM):
            self.raise_error("EXTRACT must have FROM")
        return self.expression(exp.Extract(this=exp.Var(this=unit), expression=self._parse_bitwise()))

    def _parse_position_in(self) -> exp.Expr:
        what = self._parse_bitwise()
        if not self._match(TokenType.IN):
            self.raise_error("POSITION must be POSITION(text IN text)")
        return self.expression(exp.StrPosition(this=self._parse_bitwise(), substr=what))

    def _parse_floor(self) -> Any:
        """FLOOR, or the older STEP: FLOOR((time - TIMESTAMP '1970-01-01 00:00:00') MINUTE / 5 TO MINUTE)."""
        begin = self._index
        if self._match(TokenType.L_PAREN):
            time = self._parse_column()
            since = self._parse_string() if self._match_pair(TokenType.DASH, TokenType.TIMESTAMP) else None
            if since is not None and since.name == "1970-01-01 00:00:00" and self._match(TokenType.R_PAREN):
                unit = self._word()
                self._advance()
                if self._match(TokenType.L_PAREN):  # a precision, as in an interval
                    self._parse_number()
                    self._match_r_paren()
                count = self._parse_number() if self._match(TokenType.SLASH) else None
                if unit in INTERVAL_MILLIS and count is not None and self._match_text_seq("TO", unit):
                    return Step(this=time, interval=exp.Interval(this=count, unit=exp.Var(this=unit)))
        self._retreat(begin)
        floor = Parser.FUNCTION_PARSERS["FLOOR"](self)
        if floor.this is not None:  # brackets around the time say nothing
            floor.set("this", floor.this.unnest())
        return floor

    def _parse_step(self) -> exp.Expr:
        this = self._parse_bitwise()
        if not self._match_text_seq("BY"):
            self.raise_error("STEP must be STEP(time BY INTERVAL …)")
        return self.expression(Step(this=this.unnest() if this else this, interval=self._parse_interval()))

    def _parse_interval(self, require_interval: bool = True, parse_function_unit: bool = True) -> Any:
        begin = self._curr
        if not self._match_text_seq("INTERVAL"):
            return None
        value, unit = self._parse_string(), self._word()
        if value is None or unit not in INTERVAL_MILLIS:
            self.raise_error(f"an interval must be INTERVAL '…' of {', '.join(INTERVAL_MILLIS)}")
        self._advance()
        if self._match(TokenType.L_PAREN):  # a precision, which decides nothing here
            self._parse_csv(self._parse_number)
            self._match_r_paren()
        if self._match_text_seq("TO"):
            self._refuse(f"INTERVAL … {unit} TO {self._word()}", begin)
        return exp.Interval(this=value, unit=exp.Var(this=unit)).update_positions(begin)

    def _parse_between(self, this: Any) -> Any:
        low = self._parse_bitwise()
        if not self._match(TokenType.AND):
            self.raise_error("BETWEEN must have AND")
        return self.expression(exp.Between(this=this, low=low, high=self._parse_bitwise()))

    def _parse_in(self, this: Any, alias: bool = False) -> Any:
        begin = self._prev
        values = self._parse_wrapped_csv(lambda: self._parse_select() or self._parse_disjunction())
        if not values:
            self.raise_error("IN must have values", begin)
        return exp.In(this=this, expressions=values)

    def _parse_is(self, this: Any) -> Any:
        begin = self._prev
        found = super()._parse_is(this)
        told = found.this if isinstance(found, exp.Not) else found
        if not isinstance(told, exp.Is) or not isinstance(told.expression, exp.Null | exp.Boolean):
            self.raise_error("IS must be IS [NOT] NULL, TRUE, FALSE or UNKNOWN", begin)
        return found

    def _parse_select(self, *_: Any, **__: Any) -> Any:
        """Where sqlglot asks for it, in brackets and behind IN and EXISTS, there must be none."""
        if self._word() == "SELECT":
            self._refuse("a query in an expression", self._curr)

    def _parse_csv(self, parse_method: Callable[[], Any], sep: TokenType = TokenType.COMMA) -> list[Any]:
        """Nothing, or what is there on both sides of each comma: sqlglot passes over what is missing."""
        item = parse_method()
        items = [] if item is None else [item]
        while self._match(sep):
            item = parse_method() if items else None
            if item is None:
                self.raise_error("a comma must be between two others", self._prev)
            items.append(item)
        return items

    def _closed(self, parse: Callable[[Any], Any]) -> Any:
        """A function with all that it names, and its last bracket: sqlglot takes it without these, too."""
        found = parse(self)
        if found.this is None or self._word(self._prev) in ("FOR", "FROM", "TO"):
            self.raise_error("an expression must be whole")
        if not self._match(TokenType.R_PAREN, advance=False):
            self.raise_error("a function must end with )")
        return found

    def _name(self, of: str) -> exp.Identifier:
        begin = self._curr
        name: Any = self._parse_id_var(any_token=False)
        if not isinstance(name, exp.Identifier):
            self.raise_error(f"a {of} must have a name")
        if self._match(TokenType.DOT):
            self._refuse(f"a {of} in a schema", begin)
        return name.update_positions(begin)

    def _word(self, token: Token | None = None) -> str:
        """The current word, or that of `token`, in upper case; empty for what is quoted, and at the end."""
        token = token or self._curr
        return "" if not token or token.token_type in self.TEXT_MATCH_EXCLUDED_TOKENS else token.text.upper()

    def _refuse(self, construct: str, token: Token) -> NoReturn:
        self.raise_error(f"{construct} is not supported", token)
        raise AssertionError  # raise_error has raised
