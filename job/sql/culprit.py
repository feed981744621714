"""What it is in a query that Flink does not take: it tells no place in the application's text, so parts are tried."""

from collections.abc import Callable, Iterator

from sqlglot import exp

from job.sql.aggregates import is_aggregate
from job.sql.names import within
from job.sql.syntax import Cast, Join, Over, Query, Step

_CLAUSES = ("joins", "where", "group", "stagger", "having", "expressions", "order")
_EXPRESSIONS = (exp.Binary, exp.Between, exp.Func, exp.In, exp.Unary, Cast, Over, Step)
"""What has a value, and more to it than a column or a constant."""


def culprit(query: exp.Expr, refusal: Callable[[exp.Expr], str | None]) -> tuple[exp.Expr, str | None]:
    """The innermost part of `query` that is refused by itself, and why; else the query, and None.

    refusal: tells of a query of one column why it is refused, and None where it is not.
    """
    for each in reversed(list(query.find_all(Query))):  # those that are read before those that read them
        for part in within(each, _CLAUSES):
            for expression in _inside_out(part):
                if why := refusal(_alone(expression, each)):
                    return expression, why
    return query, None


def _inside_out(part: exp.Expr) -> Iterator[exp.Expr]:
    """What can stand by itself, its parts before it. A branch of CASE cannot, nor the aggregate of a window."""
    for node in reversed(list(part.walk())):
        if isinstance(node, _EXPRESSIONS) and not isinstance(node.parent, exp.Case | Over | exp.Escape):
            yield node


def _alone(expression: exp.Expr, query: Query) -> Query:
    """The query of an expression alone: grouped where it has an aggregate, otherwise of all rows."""
    alone = Query(expressions=[exp.alias_(expression.copy(), "value")], source=query.args["source"].copy())
    if joins := query.args.get("joins"):
        always = [Join(this=join.this.copy(), side="", on=exp.true()) for join in joins]
        alone.set("joins", always)
    windows = [] if expression.find(Over) is None else query.args.get("windows") or []
    grouped = any(is_aggregate(node) and not isinstance(node.parent, Over) for node in expression.walk())
    for clause in ("group", "stagger") if grouped else ():
        told = query.args.get(clause)
        alone.set(clause, [item.copy() for item in told] if isinstance(told, list) else told and told.copy())
    if windows:
        alone.set("windows", [window.copy() for window in windows])
    return alone
