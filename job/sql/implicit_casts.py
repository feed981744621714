"""Casts that nobody wrote: Flink compares a text with a number by one that ends the job at the first other text."""

from collections.abc import Iterable
from typing import Any

from py4j.protocol import Py4JError
from pyflink.table import Table

_TEXT = ("CHAR", "VARCHAR")


def implicit_cast(table: Table) -> str | None:
    """The type that texts become in the query of `table` by a cast of Flink's own, if there is one.

    The casts of an application are TRY_CAST by then (`job.sql.flink_sql`), and so of another name.
    """
    relations = [table._j_table.getQueryOperation().getCalciteTree()]
    while relations:
        relation = relations.pop()
        relations.extend(relation.getInputs())
        for expression in _expressions(relation):
            if kind := _cast_within(expression):
                return kind
    return None


def _expressions(relation: Any) -> Iterable[Any]:
    """Of a projection, a filter or a join; other relations have none in which there can be a cast."""
    kind = relation.getRelTypeName()
    if kind == "LogicalProject":
        return relation.getProjects()
    return [relation.getCondition()] if kind in ("LogicalFilter", "LogicalJoin") else ()


def _cast_within(expression: Any) -> str | None:
    try:
        operands, operator = list(expression.getOperands()), expression.getOperator().getName()
    except Py4JError:  # a column or a constant
        return None
    kind: str = expression.getType().getSqlTypeName().getName()
    if operator == "CAST" and kind not in _TEXT and operands[0].getType().getSqlTypeName().getName() in _TEXT:
        return kind
    return next(filter(None, map(_cast_within, operands)), None)
