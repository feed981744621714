"""Where in a query aggregates and windows may stand: Flink says it of some, late and without the place."""

from sqlglot import exp

from job.sql.functions import AGGREGATES, LAG
from job.sql.names import within
from job.sql.syntax import Over, Query, SqlError, place_of

_OF_GROUPS = ("expressions", "having", "order")
_OF_ROWS = ("joins", "where", "group", "windows")


def check_aggregates(text: str, query: exp.Expr) -> None:
    """Look through a pump's query, in `text`, and all queries that it reads.

    Raises:
        SqlError: with the place of what does not stand where it can.
    """
    for each in query.find_all(Query):
        for clause in (*_OF_GROUPS, *_OF_ROWS, "stagger"):
            for item in within(each, (clause,)):
                for node in item.walk():
                    if problem := _problem(each, clause, node):
                        raise SqlError(f"{place_of(text, node)}: {problem}")
        names = [window.args["name"].name for window in each.args.get("windows") or ()]
        if len(set(names)) < len(names):
            place = place_of(text, each.args["windows"][0])
            raise SqlError(f"{place}: a window must have a name of its own, got {', '.join(names)}")


def _problem(query: Query, clause: str, node: exp.Expr) -> str | None:
    staggered = query.args.get("stagger") is not None
    grouped = staggered or bool(query.args.get("group"))
    if isinstance(node, Over):  # with stagger windows it is refused as a whole, when they are translated
        return None if staggered and clause not in _OF_ROWS else _problem_of_window(node, clause, grouped)
    if is_aggregate(node) and not isinstance(node.parent, Over):
        return _problem_of_aggregate(node, clause, grouped)
    if isinstance(node, exp.Star) and not (isinstance(node.parent, exp.Anonymous) and _name(node.parent) == "COUNT"):
        return "* must be a column of its own, or in COUNT(*)"
    if isinstance(node, exp.Distinct) and not is_aggregate(node.parent):
        return "DISTINCT must be in an aggregate function"
    return None


def _problem_of_window(over: Over, clause: str, grouped: bool) -> str | None:
    if not is_aggregate(over.this):
        return "OVER must be behind an aggregate function"
    if clause not in ("expressions", "order") or grouped:
        return "OVER must be among the columns of a query without GROUP BY"
    return "OVER must not be within another" if over.find_ancestor(Over) else None


def _problem_of_aggregate(aggregate: exp.Expr, clause: str, grouped: bool) -> str | None:
    name, above = _name(aggregate), aggregate.parent
    while above is not None and not isinstance(above, Query) and not is_aggregate(above):
        above = above.parent
    if is_aggregate(above):
        return f"{name} must not be within another aggregate function"
    if name == LAG:
        return "LAG must be with OVER"
    if clause not in _OF_GROUPS:
        return f"{name} must be among the columns or in HAVING"
    return None if grouped else f"{name} must be with GROUP BY or OVER"


def is_aggregate(node: exp.Expr | None) -> bool:
    """True for a call of an aggregate function, and of LAG."""
    return isinstance(node, exp.Anonymous) and _name(node) in (*AGGREGATES, LAG)


def _name(function: exp.Expr) -> str:
    return function.name.upper()
