"""From raw bytes to features, in Flink SQL: every record gets its time, key and values, or a reason why not.

Flink computes an expression again wherever it is named, also through views. `_let` stops that: what goes through an
UNNEST of a one-row array is computed once and then is a column (64,000 against 161,000 records/s where a JSON_VALUE is
used five times).
"""

from job.options import Options

ISO_8601 = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.,][0-9]{1,9})?"
    "([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?$"
)
NUMBER = "^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"
_FIRST_MILLISECONDS = 100_000_000_000
"""Epoch numbers from here on (1973 in milliseconds, the year 5138 in seconds) are milliseconds."""
_YEAR_10000 = 253_402_300_800_000


def literal(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def json_path(field: str) -> str:
    """The SQL literal of a field's JSON path: a field is a name, or a path that begins with `$`."""
    escaped = field.replace("\\", "\\\\").replace("'", "\\'")
    return literal(field if field.startswith("$") else f"$['{escaped}']")


def parse(options: Options, blocks: str) -> str:
    """The query from a table of blocks (lines, arrival, role) to rows of document, role, arrival, millis, reason, key, values.

    `document` is BYTES; `millis` the event time, BIGINT epoch milliseconds, null where there is none; `reason` null
    for a good record; `key` STRING; the features `value_0`, `value_1`, … DOUBLE.
    """
    documents = (
        "SELECT ENCODE(line, 'ISO-8859-1') AS document, arrival, role FROM "
        f"{blocks} CROSS JOIN UNNEST(CASE WHEN `lines` = '' THEN ARRAY[''] ELSE SPLIT(`lines`, U&'\\000A') END)"
        " AS t(line)"
    )
    texts = _let(documents, {"json": "DECODE(document, 'UTF-8')"})
    numbers = {f"text_{i}": f"JSON_VALUE(json, {json_path(name)})" for i, name in enumerate(options.values)}
    fields = numbers | {
        "time_text": "CAST(NULL AS STRING)"
        if options.time == "arrival"
        else f"JSON_VALUE(json, {json_path(options.time)})",
        "key_text": f"JSON_VALUE(json, {json_path(options.key)})" if options.key else "''",
    }
    extracted = _let(texts, fields)
    values = {f"value_{i}": f"TRY_CAST(text_{i} AS DOUBLE)" for i in range(len(options.values))}
    checked = _let(
        extracted,
        {"millis": "arrival" if options.time == "arrival" else _event_millis("time_text", options.time_zone)}
        | values,
    )
    return (
        f"SELECT document, role, arrival, millis, {_reason(options)} AS reason, key_text AS key,"
        f" {', '.join(values)} FROM ({checked})"
    )


def _let(query: str, columns: dict[str, str]) -> str:
    """`query` with further columns, each computed once a row."""
    return (
        f"SELECT * FROM ({query}) CROSS JOIN UNNEST(ARRAY[ROW({', '.join(columns.values())})])"
        f" AS t({', '.join(columns)})"
    )


def _event_millis(t: str, zone: str) -> str:
    """Epoch milliseconds of a text, or null: ISO 8601, in `zone` where it has no offset, or an epoch number.

    Every piece of it is generated code that the JVM has to compile before it is fast, hence the short cuts: the offset
    of UTC, and days that every month has.
    """
    local = f"SUBSTRING({t}, 1, 10) || ' ' || SUBSTRING({t}, 12, 8)"
    day_exists = f"(SUBSTRING({t}, 9, 2) < '29' OR TRY_CAST(SUBSTRING({t}, 1, 10) AS DATE) IS NOT NULL)"
    fraction = (
        f"CASE WHEN SUBSTRING({t}, 20, 1) NOT IN ('.', ',') THEN 0 ELSE COALESCE("
        f"TRY_CAST(SUBSTRING({t}, 21, 3) || SUBSTRING('00', CHAR_LENGTH({t}) - 20) AS INT), "
        f"CAST(RPAD(REGEXP_EXTRACT({t}, '[.,]([0-9]+)', 1), 3, '0') AS INT)) END"
    )

    def offset(length: int, minutes: str) -> str:
        """The seconds of an offset in the last `length` characters."""
        sign = f"SUBSTRING({t}, -{length}, 1)"
        hours = f"CAST(SUBSTRING({t}, -{length}, 3) AS INT)"
        return f"WHEN {sign} IN ('+', '-') THEN {hours} * 3600 + CAST({sign} || {minutes} AS INT) * 60 "

    naive = "0"
    if zone != "UTC":
        naive = f"UNIX_TIMESTAMP({local}) - UNIX_TIMESTAMP(CONVERT_TZ({local}, {literal(zone)}, 'UTC'))"
    seconds_ahead = (
        f"CASE WHEN SUBSTRING({t}, -1) IN ('Z', 'z') OR SUBSTRING({t}, -6) = '+00:00' THEN 0 "
        + offset(6, f"SUBSTRING({t}, -2)")
        + offset(5, f"SUBSTRING({t}, -2)")
        + offset(3, "'0'")
        + f"ELSE {naive} END"
    )
    number = f"CAST({t} AS DOUBLE)"
    return (
        f"CASE WHEN REGEXP({t}, {literal(ISO_8601)}) THEN CASE WHEN {day_exists}"
        f" THEN (UNIX_TIMESTAMP({local}) - ({seconds_ahead})) * 1000 + {fraction} END"
        f" WHEN NOT REGEXP({t}, {literal(NUMBER)}) OR {number} >= {_YEAR_10000} THEN NULL"
        f" WHEN {number} < {_FIRST_MILLISECONDS} THEN CAST(ROUND({number} * 1000) AS BIGINT)"
        f" ELSE CAST({number} AS BIGINT) END"
    )


def _reason(options: Options) -> str:
    """Why a record is rejected, or null."""
    # JSON functions read only the first document of a text. It is the only one where its first closing brace is its
    # last character, which is quick to see, or where appending a second document makes two.
    one_object = (
        "(POSITION('}' IN json) = CHAR_LENGTH(json)"
        " OR COALESCE(JSON_VALUE('[' || json || ',\"end\"]', '$[1]'), '') = 'end')"
        " AND (text_0 IS NOT NULL OR json IS JSON OBJECT)"
    )
    cases = [
        (f"NOT ({one_object})", "not a JSON object"),
        ("POSITION(U&'\\FFFD' IN json) > 0 AND ENCODE(json, 'UTF-8') <> document", "not UTF-8"),
    ]
    if options.key:
        cases += [
            ("key_text IS NULL", f"{options.key} is missing, null or not a single value"),
            ("POSITION(U&'\\001E' IN key_text) > 0", f"{options.key} has a record separator (U+001E) in it"),
        ]
    for i, name in enumerate(options.values):
        exists = f"JSON_EXISTS(json, {json_path(name)})"
        cases += [
            (f"text_{i} IS NULL AND NOT {exists}", f"{name} is missing or null"),
            (f"text_{i} IS NULL OR NOT REGEXP(text_{i}, {literal(NUMBER)})", f"{name} is not a number"),
            (f"ABS(value_{i}) > 1.7976931348623157E308", f"{name} is not finite"),
        ]
    if options.time != "arrival":
        ahead = f"{options.max_ahead // 1000} s"
        cases += [
            (
                f"time_text IS NULL AND NOT JSON_EXISTS(json, {json_path(options.time)})",
                f"{options.time} is missing or null",
            ),
            ("millis IS NULL", f"{options.time} is not a time (ISO 8601, or epoch seconds or milliseconds)"),
            ("millis < 0", f"{options.time} is before 1970"),
            (
                f"millis > arrival + {options.max_ahead}",
                f"{options.time} is more than {ahead} ahead of its arrival",
            ),
        ]
    return "CASE " + " ".join(f"WHEN {when} THEN {literal(then)}" for when, then in cases) + " END"
