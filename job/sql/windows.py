"""The grammar of windows: OVER (…), and what functions do with NULLs in them."""

from typing import Any

from sqlglot import exp
from sqlglot.tokens import TokenType

from job.sql.expressions import ExpressionParser
from job.sql.functions import LAG
from job.sql.syntax import Frame, Over

_MOST_ROWS = 2**31 - 1
_ENDS = ("FIRST_VALUE", "LAST_VALUE")


class WindowParser(ExpressionParser):
    """Expressions and their windows."""

    def _parse_window(self, this: Any, alias: bool = False) -> Any:
        name = this.name.upper() if isinstance(this, exp.Anonymous) else ""
        ignores_nulls = self._parse_nulls(name)
        if this is None or not self._match_text_seq("OVER"):
            return this if ignores_nulls or name not in _ENDS else _respecting_nulls(this)
        begin = self._prev
        window = self._parse_frame() if self._match(TokenType.L_PAREN, advance=False) else self._name("window")
        over = Over(this=this, window=window).update_positions(begin)
        return over if ignores_nulls or name not in _ENDS else _respecting_nulls(over)

    def _parse_nulls(self, function: str) -> bool:
        """True for IGNORE NULLS."""
        begin = self._curr
        for told, functions in (("IGNORE", _ENDS), ("RESPECT", (*_ENDS, LAG))):
            if self._match_text_seq(told, "NULLS"):
                if function not in functions:
                    self._refuse(f"{function} with {told} NULLS", begin)
                return told == "IGNORE"
        return False

    def _parse_frame(self) -> exp.Expr:
        """(PARTITION BY … RANGE INTERVAL … PRECEDING), or ROWS n PRECEDING: `preceding` is None for UNBOUNDED."""
        frame = Frame().update_positions(self._curr)
        self._match_l_paren()
        if self._match(TokenType.PARTITION_BY):
            frame.set("partition_by", self._parse_csv(self._parse_disjunction))
        if self._match(TokenType.ORDER_BY):
            frame.set("order", self._parse_csv(self._parse_ordered))
        if not self._match_texts(("RANGE", "ROWS")):
            self.raise_error("a window must be RANGE or ROWS … PRECEDING")
        frame.set("unit", self._prev.text.upper())
        between = self._match_text_seq("BETWEEN")
        if not self._match_text_seq("CURRENT", "ROW"):
            if not self._match_text_seq("UNBOUNDED"):
                frame.set("preceding", self._parse_interval() or self._parse_rows())
            else:
                frame.set("unbounded", True)
            if not self._match_text_seq("PRECEDING"):
                self._refuse("a window that is not PRECEDING", self._curr)
        if between and not self._match_text_seq("AND", "CURRENT", "ROW"):
            self._refuse("a window that does not end at CURRENT ROW", self._curr)
        self._match_r_paren()
        return frame

    def _parse_rows(self) -> Any:
        number: Any = self._parse_number()
        if number is None:
            self.raise_error("a window must be of an interval, a number of rows or UNBOUNDED")
        if not number.name.isdigit() or int(number.name) > _MOST_ROWS:
            self.raise_error(f"rows of a window must be a whole number up to {_MOST_ROWS}", self._prev)
        return number

    def _parse_defined_window(self) -> exp.Expr:
        name = self._name("window")
        if not self._match(TokenType.ALIAS):
            self.raise_error(f"window {name.name} must have AS")
        frame = self._parse_frame()
        frame.set("name", name)
        return frame


def _respecting_nulls(value: exp.Expr) -> exp.Expr:
    """FIRST_VALUE and LAST_VALUE of all rows: Flink's pass over NULLs, but not over whether there was one."""
    is_null = value.copy()
    function: Any = is_null.this if isinstance(is_null, Over) else is_null
    if function.expressions:
        function.expressions[0].replace(
            exp.Is(this=exp.Paren(this=function.expressions[0].copy()), expression=exp.Null())
        )
    return exp.Case(ifs=[exp.If(this=is_null, true=exp.Null())], default=value)
