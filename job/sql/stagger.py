"""WINDOWED BY STAGGER is a GROUP BY of rows whose ROWTIME is the end of their window, which is not found in SQL."""

from sqlglot import exp

from job.sql.functions import AGGREGATES
from job.sql.names import ROWTIME
from job.sql.syntax import Over, Query, Source, SqlError, Stagger, Step, place_of

_REFUSED = {"group": "GROUP BY", "joins": "JOIN", "windows": "WINDOW"}
_MILLISECOND = exp.Interval(this=exp.Literal.string("0.001"), unit=exp.Var(this="SECOND"))


def as_group_by(text: str, query: Query) -> Query:
    """The `query`, in the application `text`, with a GROUP BY instead of its WINDOWED BY STAGGER.

    It reads a `Stagger`. The rows that this takes have the partition (partition_0, …), the columns that are aggregated
    (value_0, …) and ROWTIME; those that it is to give have the last millisecond of their window as ROWTIME. As windows
    of one partition end at different times, the rows of a partition and a millisecond are a window.

    Raises:
        SqlError: what is beside the window, or selected, cannot be.
    """
    whole = query.copy()
    stagger, source = whole.args["stagger"], whole.args["source"]
    _check(text, whole, stagger)
    partition = {key.unnest(): f"partition_{i}" for i, key in enumerate(stagger.args["partition_by"])}
    values: dict[exp.Expr, str] = {}

    def of_row(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            return exp.column(partition.get(node) or values.setdefault(node, f"value_{len(values)}"))
        return node

    def of_window(node: exp.Expr) -> exp.Expr:
        if node in partition and node.find(exp.Column):  # a constant is itself
            return exp.column(partition[node])
        if isinstance(node, exp.Anonymous) and node.name.upper() in AGGREGATES:
            return node.transform(of_row)
        if isinstance(node, exp.Column):
            rule = "a column must be in an aggregate or in PARTITION BY of WINDOWED BY STAGGER"
            raise SqlError(f"{place_of(text, node)}: {rule}, got {node.name}")
        return node

    # In place, so that what is refused is still where it is in the text
    selected = [item.transform(of_window, copy=False) for item in whole.expressions]
    having = whole.args["having"].transform(of_window, copy=False) if whole.args.get("having") else None
    rows = Query(
        expressions=[exp.alias_(node, name) for node, name in (partition | values).items()],
        source=source,
        where=whole.args.get("where"),
    )
    alias, keys = source.args["alias"], list(partition.values())
    stagger.set("query", rows)
    stagger.set("partition_by", [*map(exp.column, keys)])
    return Query(
        expressions=selected,
        source=Source(this=stagger, alias=alias.copy()),
        group=[*map(exp.column, keys), Step(this=exp.column(ROWTIME, alias.copy()), interval=_MILLISECOND.copy())],
        having=having,
    )


def _check(text: str, query: Query, stagger: Stagger) -> None:
    beside = [(query.args[clause][0], name) for clause, name in _REFUSED.items() if query.args.get(clause)]
    told = [*query.expressions, *filter(None, [query.args.get("having")]), stagger]
    beside += [(over, "OVER") for part in told for over in part.find_all(Over)]
    for node, name in beside:
        raise SqlError(f"{place_of(text, node)}: {name} with WINDOWED BY STAGGER is not supported")
