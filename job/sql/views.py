"""The views of a plan, and the Python that makes them."""

from py4j.protocol import Py4JJavaError
from pyflink.table import StreamTableEnvironment, Table
from pyflink.util.exceptions import JavaException

from job.flink_client import cause_of
from job.sql.flink_sql import quoted
from job.sql.implicit_casts import implicit_cast
from job.sql.rows import streamed


class RefusedError(RuntimeError):
    """Why Flink does not take a query, or why this does not give it one. It has no place in the application."""


class Views:
    """Makes views in `t_env`. `steps` has what was done, as Python."""

    def __init__(self, t_env: StreamTableEnvironment) -> None:
        self.steps: list[str] = []
        self.t_env = t_env

    def query(self, sql: str) -> Table:
        """The rows of a query, which Flink plans at once, since some of its refusals come no sooner.

        Raises:
            RefusedError: it cannot be run.
        """
        try:
            table = self.t_env.sql_query(sql)
            table.explain()
        except (Py4JJavaError, JavaException) as error:
            raise RefusedError(f"Flink does not take its query: {cause_of(str(error))}") from None
        if kind := implicit_cast(table):
            rule = f"a text must be compared as what it is, or with CAST(… AS {kind})"
            raise RefusedError(f"{rule}, got it as {kind}")
        return table

    def create(self, name: str, sql: str, stream: bool = False) -> None:
        """The view of a query that Flink takes; stream: its rows are computed once however often it is read."""
        table = self.t_env.sql_query(sql)
        if stream:
            self.register(name, f"streamed(t_env, t_env.sql_query({text(sql)}))", streamed(self.t_env, table))
            return
        self.t_env.create_temporary_view(quoted(name), table)
        self.steps.append(f"t_env.execute_sql({text(f'CREATE TEMPORARY VIEW {quoted(name)} AS{chr(10)}{sql}')})")

    def register(self, name: str, python: str, table: Table) -> None:
        """The view of a table that `python` makes."""
        self.t_env.create_temporary_view(quoted(name), table)
        self.steps.append(f"t_env.create_temporary_view({quoted(name)!r}, {python})")


def text(sql: str) -> str:
    """A query as Python writes it, over several lines where it can."""
    return repr(sql) if "\\" in sql or '"' in sql[-1:] or '"""' in sql else f'"""{sql}"""'
