"""The grammar of the dialect, which is strict: what it does not know it refuses, with the token where that begins."""

from typing import Any, NoReturn

from sqlglot import exp
from sqlglot.parser import Parser
from sqlglot.tokens import Token, TokenType

from job.sql.functions import TABLE_FUNCTIONS
from job.sql.syntax import (
    INTERVAL_MILLIS,
    CreatePump,
    CreateStream,
    Frame,
    Join,
    Over,
    Query,
    Source,
    Stagger,
    Step,
    StreamColumn,
    TableFunction,
    UnionAll,
)

_CLAUSES = (
    *("AS", "CROSS", "FETCH", "FULL", "GROUP", "HAVING", "INNER", "JOIN", "LEFT", "LIMIT", "NATURAL", "ON", "ORDER"),
    *("OVER", "PARTITION", "RIGHT", "TABLESAMPLE", "UNION", "WHERE", "WINDOW", "WINDOWED"),
)
"""Words behind a source that are not its name."""
_NAMES = (TokenType.VAR, TokenType.IDENTIFIER)


class KinesisParser(Parser):
    """Statements and queries; expressions are sqlglot's, but for windows, intervals and STEP."""

    FUNCTIONS = {}  # noqa: RUF012 - sqlglot's way; every function stays as it was written, by its own name
    FUNCTION_PARSERS = {  # noqa: RUF012
        **{
            name: Parser.FUNCTION_PARSERS[name]
            for name in ("CAST", "CEIL", "EXTRACT", "FLOOR", "POSITION", "SUBSTRING", "TRIM")
        },
        "CEILING": Parser.FUNCTION_PARSERS["CEIL"],
        "FLOOR": lambda self: self._parse_floor(),
        "STEP": lambda self: self._parse_step(),
    }

    def _parse_statement(self) -> exp.Expr | None:
        begin = self._curr
        if not begin or self._match(TokenType.SEMICOLON):
            return None  # between two semicolons, the second of which may have comments
        if self._match_text_seq("CREATE"):
            self._match_text_seq("OR", "REPLACE")
            if self._match_text_seq("STREAM"):
                return self._parse_create_stream(begin)
            if self._match_text_seq("PUMP"):
                return self._parse_create_pump(begin)
            self._refuse(f"CREATE {self._curr.text.upper()}", begin)
        self._refuse(begin.text.upper(), begin)

    def _parse_create_stream(self, begin: Token) -> exp.Expr:
        name = self._name("stream")
        columns = self._parse_wrapped_csv(self._parse_stream_column)
        if self._match_text_seq("DESCRIPTION"):
            self._parse_string()
        return CreateStream(this=name, expressions=columns).update_positions(begin)

    def _parse_stream_column(self) -> exp.Expr:
        name = self._name("column")
        kind = self._curr.text.upper()
        self._advance()
        if kind == "DOUBLE":
            self._match_text_seq("PRECISION")
        sizes = []
        if self._match(TokenType.L_PAREN):
            sizes = self._parse_csv(self._parse_number)
            self._match_r_paren()
        return StreamColumn(this=name, kind=kind, sizes=sizes)

    def _parse_create_pump(self, begin: Token) -> exp.Expr:
        name = self._name("pump")
        self._match_text_seq("STARTED")
        if self._match_text_seq("DESCRIPTION"):
            self._parse_string()
        if not self._match(TokenType.ALIAS) or not self._match_text_seq("INSERT", "INTO"):
            self.raise_error("a pump must be AS INSERT INTO")
        into = self._name("stream")
        columns = None
        if self._match(TokenType.L_PAREN, advance=False):
            columns = self._parse_wrapped_csv(lambda: self._name("column"))
        pump = CreatePump(this=name, into=into, columns=columns, query=self._parse_query())
        return pump.update_positions(begin)

    def _parse_query(self) -> exp.Expr:
        """SELECT STREAM …, perhaps UNION ALL another."""
        query = self._parse_select_stream()
        while self._curr and self._match_text_seq("UNION"):
            begin = self._prev
            if not self._match_text_seq("ALL"):
                self._refuse("UNION without ALL", begin)
            query = UnionAll(this=query, expression=self._parse_select_stream()).update_positions(begin)
        return query

    def _parse_select_stream(self) -> exp.Expr:
        begin = self._curr
        if not self._match_text_seq("SELECT"):
            self.raise_error("a query must be SELECT STREAM")
        self._match_text_seq("STREAM")  # the service took a pump's query without, too, as in its guide's HOTSPOTS
        if self._match_text_seq("DISTINCT"):
            self._refuse("SELECT STREAM DISTINCT", self._prev)
        query = Query(expressions=self._parse_csv(self._parse_expression)).update_positions(begin)
        if not self._match_text_seq("FROM"):
            self.raise_error("a query must have FROM")
        query.set("source", self._parse_source())
        query.set("joins", self._parse_source_joins())
        if self._match_text_seq("WHERE"):
            query.set("where", self._expected("WHERE"))
        if self._match(TokenType.GROUP_BY):
            query.set("group", self._parse_csv(lambda: self._expected("GROUP BY")))
        if self._match_text_seq("WINDOWED", "BY", "STAGGER"):
            query.set("stagger", self._parse_stagger())
        if self._match_text_seq("HAVING"):
            query.set("having", self._expected("HAVING"))
        if not query.args.get("stagger") and self._match_text_seq("WINDOWED", "BY", "STAGGER"):
            query.set("stagger", self._parse_stagger())
        if self._match_text_seq("WINDOW"):
            query.set("windows", self._parse_csv(self._parse_defined_window))
        if self._match(TokenType.ORDER_BY):
            query.set("order", self._parse_csv(self._parse_ordered))
            if not query.args["order"]:
                self.raise_error("ORDER BY must have an expression")
        return query

    def _expected(self, clause: str) -> exp.Expr:
        """An expression that must be there: sqlglot takes none for it, too, and the clause would be lost."""
        expression: exp.Expr | None = self._parse_disjunction()
        if expression is None:
            self.raise_error(f"{clause} must have an expression")
        return expression  # type: ignore[return-value]

    def _parse_source(self) -> exp.Expr:
        """A stream, a query or a table function, perhaps OVER a window, perhaps with a name of its own."""
        begin = self._curr
        if self._match_text_seq("TABLE"):
            this = self._parse_wrapped(self._parse_table_function)
        elif self._match(TokenType.L_PAREN):
            this = self._parse_query()
            self._match_r_paren()
        else:
            this = self._name("stream")
        source = Source(this=this).update_positions(begin)
        for _ in range(2):  # the window comes before the alias or behind it
            if self._match_text_seq("OVER"):
                source.set("window", self._parse_frame())
            elif self._match(TokenType.ALIAS) or self._curr.text.upper() not in _CLAUSES:
                alias = self._parse_id_var(any_token=False)
                if alias is not None:
                    source.set("alias", alias)
        return source

    def _parse_source_joins(self) -> list[exp.Expr]:
        joins: list[exp.Expr] = []
        while True:
            begin, index, side = self._curr, self._index, ""
            if self._match_texts(("LEFT", "RIGHT", "FULL")):
                side = self._prev.text.upper()
                self._match_text_seq("OUTER")
            else:
                self._match_text_seq("INNER")
            if not self._match_text_seq("JOIN"):
                if self._index != index:
                    self.raise_error("a join must have JOIN")
                return joins
            source = self._parse_source()
            if not self._match_text_seq("ON"):
                self._refuse("JOIN without ON", begin)
            joins.append(Join(this=source, side=side, on=self._parse_disjunction()).update_positions(begin))

    def _parse_table_function(self) -> exp.Expr:
        begin = self._curr
        name = begin.text.upper()
        if name not in TABLE_FUNCTIONS:
            self._refuse(name, begin)
        self._advance()
        if not self._match(TokenType.L_PAREN) or not self._match_text_seq("CURSOR"):
            self.raise_error(f"{name} must have a CURSOR first")
        query = self._parse_wrapped(self._parse_query)
        keys, arguments = [], []
        if self._match(TokenType.PARTITION_BY):
            keys.append(self._name("key"))
            while self._curr.token_type == TokenType.COMMA and self._next.token_type in _NAMES:
                self._advance()
                keys.append(self._name("key"))
        while self._match(TokenType.COMMA):
            arguments.append(self._parse_argument(name))
        self._match_r_paren()
        function = TableFunction(this=name, query=query, partition_by=keys, expressions=arguments)
        return function.update_positions(begin)

    def _parse_argument(self, function: str) -> exp.Expr:
        begin = self._curr
        argument: Any = self._parse_unary()
        number = argument.this if isinstance(argument, exp.Neg) else argument
        if not isinstance(number, exp.Literal | exp.Boolean):
            self.raise_error(f"an argument of {function} must be a number, TRUE or FALSE", begin)
        return argument.update_positions(begin)

    def _parse_floor(self) -> Any:
        """FLOOR, or the older STEP: FLOOR((time - TIMESTAMP '1970-01-01 00:00:00') MINUTE / 5 TO MINUTE)."""
        begin = self._index
        if self._match(TokenType.L_PAREN):
            time = self._parse_column()
            since = self._parse_string() if self._match_pair(TokenType.DASH, TokenType.TIMESTAMP) else None
            if since is not None and since.name == "1970-01-01 00:00:00" and self._match(TokenType.R_PAREN):
                unit = self._curr.text.upper()
                self._advance()
                if self._match(TokenType.L_PAREN):  # a precision, as in an interval
                    self._parse_number()
                    self._match_r_paren()
                count = self._parse_number() if self._match(TokenType.SLASH) else None
                if unit in INTERVAL_MILLIS and count is not None and self._match_text_seq("TO", unit):
                    return Step(this=time, interval=exp.Interval(this=count, unit=exp.Var(this=unit)))
        self._retreat(begin)
        return Parser.FUNCTION_PARSERS["FLOOR"](self)

    def _parse_step(self) -> exp.Expr:
        this = self._parse_bitwise()
        if not self._match_text_seq("BY"):
            self.raise_error("STEP must be STEP(time BY INTERVAL …)")
        # without brackets around the time, which say nothing
        return Step(this=this.unnest() if this else this, interval=self._parse_interval())

    def _parse_interval(self, require_interval: bool = True, parse_function_unit: bool = True) -> Any:
        begin = self._curr
        if not self._match_text_seq("INTERVAL"):
            return None
        value = self._parse_string()
        unit = self._curr.text.upper()
        if value is None or unit not in INTERVAL_MILLIS:
            self.raise_error(f"an interval must be INTERVAL '…' of {', '.join(INTERVAL_MILLIS)}")
        self._advance()
        if self._match(TokenType.L_PAREN):  # a precision, which decides nothing here
            self._parse_csv(self._parse_number)
            self._match_r_paren()
        if self._match_text_seq("TO"):
            self._refuse(f"INTERVAL … {unit} TO {self._curr.text.upper()}", begin)
        return exp.Interval(this=value, unit=exp.Var(this=unit)).update_positions(begin)

    def _parse_window(self, this: Any, alias: bool = False) -> Any:
        if this is None or not self._match_text_seq("OVER"):
            return this
        begin = self._prev
        window = self._parse_frame() if self._match(TokenType.L_PAREN, advance=False) else self._name("window")
        return Over(this=this, window=window).update_positions(begin)

    def _parse_defined_window(self) -> exp.Expr:
        name = self._name("window")
        if not self._match(TokenType.ALIAS):
            self.raise_error(f"window {name.name} must have AS")
        frame = self._parse_frame()
        frame.set("name", name)
        return frame

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
                frame.set("preceding", self._parse_interval() or self._parse_number())
                if frame.args.get("preceding") is None:
                    self.raise_error("a window must be of an interval, a number of rows or UNBOUNDED")
            else:
                frame.set("unbounded", True)
            if not self._match_text_seq("PRECEDING"):
                self._refuse("a window that is not PRECEDING", self._curr)
        if between and not self._match_text_seq("AND", "CURRENT", "ROW"):
            self._refuse("a window that does not end at CURRENT ROW", self._curr)
        self._match_r_paren()
        return frame

    def _parse_stagger(self) -> exp.Expr:
        begin = self._prev
        self._match_l_paren()
        if not self._match(TokenType.PARTITION_BY):
            self.raise_error("WINDOWED BY STAGGER must have PARTITION BY")
        keys = self._parse_csv(lambda: self._expected("PARTITION BY"))
        if not self._match_text_seq("RANGE"):
            self.raise_error("WINDOWED BY STAGGER must have RANGE INTERVAL")
        interval = self._parse_interval()
        if interval is None:
            self.raise_error("WINDOWED BY STAGGER must have RANGE INTERVAL")
        self._match_r_paren()
        return Stagger(partition_by=keys, interval=interval).update_positions(begin)

    def _name(self, of: str) -> exp.Identifier:
        begin = self._curr
        name: Any = self._parse_id_var(any_token=False)
        if not isinstance(name, exp.Identifier):
            self.raise_error(f"a {of} must have a name")
        if self._match(TokenType.DOT):
            self._refuse(f"a {of} in a schema", begin)
        return name.update_positions(begin)

    def _refuse(self, construct: str, token: Token) -> NoReturn:
        self.raise_error(f"{construct} is not supported", token)
        raise AssertionError  # raise_error has raised
