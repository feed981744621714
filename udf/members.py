"""The members that scored records have beside their own; grades and explanation where they are asked for."""

SCORE = ("second", "anomaly_score")
GRADE = ("probability", "grade")
EXPLANATION = ("explanation",)


def added(*, grade: bool, explanation: bool) -> tuple[str, ...]:
    """The names.

    >>> added(grade=True, explanation=False)
    ('second', 'anomaly_score', 'probability', 'grade')
    """
    return SCORE + GRADE * grade + EXPLANATION * explanation
