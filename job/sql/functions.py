"""The functions of the dialect, and what Flink calls those that it has."""

AGGREGATES = {
    "AVG": "AVG",
    "COUNT": "COUNT",
    "FIRST_VALUE": "FIRST_VALUE",
    "LAST_VALUE": "LAST_VALUE",
    "MAX": "MAX",
    "MIN": "MIN",
    "STDDEV_POP": "STDDEV_POP",
    "STDDEV_SAMP": "STDDEV_SAMP",
    "SUM": "SUM",
    "VAR_POP": "VAR_POP",
    "VAR_SAMP": "VAR_SAMP",
}
SCALARS = {
    "ABS": "ABS",
    "CHARACTER_LENGTH": "CHAR_LENGTH",
    "CHAR_LENGTH": "CHAR_LENGTH",
    "COALESCE": "COALESCE",
    "EXP": "EXP",
    "GREATEST": "GREATEST",
    "INITCAP": "INITCAP",
    "LEAST": "LEAST",
    "LN": "LN",
    "LOG10": "LOG10",
    "LOWER": "LOWER",
    "MOD": "MOD",
    "NULLIF": "NULLIF",
    "POWER": "POWER",
    "ROUND": "ROUND",
    "SIGN": "SIGN",
    "SQRT": "SQRT",
    "UPPER": "UPPER",
}
FUNCTIONS = AGGREGATES | SCALARS
TRANSLATED = ("REGEX_REPLACE", "TO_TIMESTAMP", "TSDIFF", "UNIX_TIMESTAMP")
"""Functions that are expressions in Flink (`job.sql.flink_sql`)."""
LAG = "LAG"
"""The one function that is of OVER alone."""
KNOWN = (*FUNCTIONS, *TRANSLATED, LAG)

RANDOM_CUT_FOREST = "RANDOM_CUT_FOREST"
WITH_EXPLANATION = "RANDOM_CUT_FOREST_WITH_EXPLANATION"
HOTSPOTS = "HOTSPOTS"
TABLE_FUNCTIONS = (RANDOM_CUT_FOREST, WITH_EXPLANATION, HOTSPOTS)
