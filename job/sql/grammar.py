"""The grammar of the dialect, which is strict: what it does not know it refuses, with the token where that begins."""

from typing import Any

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from job.sql.functions import TABLE_FUNCTIONS
from job.sql.syntax import (
    CreatePump,
    CreateStream,
    Join,
    Query,
    Source,
    Stagger,
    StreamColumn,
    TableFunction,
    UnionAll,
)
from job.sql.windows import WindowParser

_CLAUSES = (
    *("AS", "CROSS", "FETCH", "FULL", "GROUP", "HAVING", "INNER", "JOIN", "LEFT", "LIMIT", "NATURAL", "ON", "ORDER"),
    *("OVER", "PARTITION", "RIGHT", "TABLESAMPLE", "UNION", "WHERE", "WINDOW", "WINDOWED"),
)
"""Words behind a source that are not its name."""
_NAMES = (TokenType.VAR, TokenType.IDENTIFIER)


class KinesisParser(WindowParser):
    """Statements and queries."""

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
            if not self._word():
                self.raise_error("CREATE must be CREATE STREAM or CREATE PUMP")
            self._refuse(f"CREATE {self._word()}", begin)
        self._refuse(begin.text.upper(), begin)

    def _parse_create_stream(self, begin: Token) -> exp.Expr:
        name = self._name("stream")
        columns = self._parse_wrapped_csv(self._parse_stream_column)
        self._parse_description()
        return CreateStream(this=name, expressions=columns).update_positions(begin)

    def _parse_stream_column(self) -> exp.Expr:
        return StreamColumn(this=self._name("column"), kind=self._parse_kind())

    def _parse_create_pump(self, begin: Token) -> exp.Expr:
        name = self._name("pump")
        stopped = self._match_texts(("STARTED", "STOPPED")) and self._prev.text.upper() == "STOPPED"
        self._parse_description()
        if not self._match(TokenType.ALIAS) or not self._match_text_seq("INSERT"):
            self.raise_error("a pump must be AS INSERT INTO")
        self._match_text_seq("EXPEDITE")  # rows do not wait for others here anyway
        if not self._match_text_seq("INTO"):
            self.raise_error("a pump must be AS INSERT INTO")
        into = self._name("stream")
        columns = None
        if self._match(TokenType.L_PAREN, advance=False):
            columns = self._parse_wrapped_csv(lambda: self._name("column"))
        pump = CreatePump(this=name, stopped=stopped, into=into, columns=columns, query=self._parse_query())
        return pump.update_positions(begin)

    def _parse_description(self) -> None:
        if self._match_text_seq("DESCRIPTION") and self._parse_string() is None:
            self.raise_error("DESCRIPTION must have a text")

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
        self._match_text_seq("ALL")
        query = Query(expressions=self._parse_csv(self._parse_expression)).update_positions(begin)
        if not query.expressions:
            self.raise_error("SELECT must have an expression")
        if not self._match_text_seq("FROM"):
            self.raise_error("a query must have FROM")
        query.set("source", self._parse_source())
        query.set("joins", self._parse_source_joins())
        if self._match_text_seq("WHERE"):
            query.set("where", self._expected("WHERE"))
        if self._match(TokenType.GROUP_BY):
            query.set("group", self._parse_csv(lambda: self._expected("GROUP BY").unnest()))
        if self._match_text_seq("WINDOWED", "BY", "STAGGER"):
            query.set("stagger", self._parse_stagger())
        if self._match_text_seq("HAVING"):
            query.set("having", self._expected("HAVING"))
        if not query.args.get("stagger") and self._match_text_seq("WINDOWED", "BY", "STAGGER"):
            query.set("stagger", self._parse_stagger())
        if self._match_text_seq("WINDOW"):
            query.set("windows", self._parse_csv(self._parse_defined_window))
        if self._match(TokenType.ORDER_BY):
            query.set("order", self._parse_csv(self._parse_sort_key))
            if not query.args["order"]:
                self.raise_error("ORDER BY must have an expression")
        return query

    def _parse_sort_key(self) -> Any:
        key: Any = self._parse_ordered()
        if key is not None:
            key.set("this", key.this.unnest())
        return key

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
            if "window" not in source.args and self._match_text_seq("OVER"):
                source.set("window", self._parse_frame())
            elif "alias" not in source.args and self._match(TokenType.ALIAS):
                source.set("alias", self._name("source"))
            elif "alias" not in source.args and self._word() not in _CLAUSES:
                source.set("alias", self._parse_id_var(any_token=False))
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
            joins.append(Join(this=source, side=side, on=self._expected("ON")).update_positions(begin))

    def _parse_table_function(self) -> exp.Expr:
        begin = self._curr
        name = self._word()
        if not name:
            self.raise_error("TABLE must have a function")
        if name not in TABLE_FUNCTIONS:
            self._refuse(begin.text, begin)
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
