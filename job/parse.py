"""From raw bytes to features, in Flink SQL: every record gets its time, key and values, or a reason why not.

Flink computes an expression again wherever it is named, also through views. `_let` stops that: what goes through an
UNNEST of a one-row array is computed once and then is a column (64,000 against 161,000 records/s where a JSON_VALUE is
used five times).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from job.options import Options
from udf.broker_reader import LINE_SEPARATOR, TIME_DIGITS
from udf.forest_state import SEPARATOR
from udf.partition_clock import NO_TIME

ISO_8601 = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.,][0-9]{1,9})?"
    "([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?$"
)
NUMBER = "^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"
_ISO_8601_UTC = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][.][0-9]{3,9}(Z|[+]00:00)$"
"""The part of ISO 8601 that needs no further looking at: with a fraction, in UTC."""
_ONE_FLAT_OBJECT = "^[^}\ufffd]*}$"
"""Of what parses as JSON: one object with none inside, and no byte that is not UTF-8 (U+FFFD stands for such)."""
LARGEST = "1.7976931348623157E308"
_FIRST_MILLISECONDS = 100_000_000_000
"""Epoch numbers from here on (1973 in milliseconds, the year 5138 in seconds) are milliseconds."""
_YEAR_10000 = 253_402_300_800_000
_NO_DIGITS = " " * TIME_DIGITS


@dataclass(frozen=True)
class Field:
    """A value that `parse` takes out of a record; the i-th is text_i and then value_i.

    All is SQL: `text` over `json`, `value` over text_i, `good` what every good record has, `cases` when it is bad and
    the reason.
    """

    text: str
    value: str
    good: str
    cases: tuple[tuple[str, str], ...]


def literal(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def json_path(field: str) -> str:
    """The SQL literal of a field's JSON path: a field is a name, or a path that begins with `$`."""
    escaped = field.replace("\\", "\\\\").replace("'", "\\'")
    return literal(field if field.startswith("$") else f"$['{escaped}']")


def stamped(options: Options, records: str) -> str:
    """The query from broker records (document, arrived, partition_number) to lines and what orders them.

    `line` is arrival and event time, `TIME_DIGITS` each, and the document, a character a byte, none for null. `time`
    is the event time too, `NO_TIME` where that is wrong: spaces stand for it in the line, and `parse` finds out why.
    """
    arrival = _clamped("EXTRACT(EPOCH FROM arrived) * 1000 + EXTRACT(MILLISECOND FROM arrived)")
    documents = f"SELECT document, partition_number, proc, {arrival} AS arrival FROM {records}"
    if options.time == "arrival":
        timed = f"SELECT *, arrival AS millis FROM ({documents})"
    else:
        path = json_path(options.time)
        texts = _let(_let(documents, {"json": "DECODE(document, 'UTF-8')"}), {"time_text": f"JSON_VALUE(json, {path})"})
        timed = _let(texts, {"millis": _event_millis_or_arrival(options)})
    good = f"millis BETWEEN 0 AND arrival + {options.max_ahead}"
    digits = f"LPAD(CAST(arrival AS STRING), {TIME_DIGITS}, '0')"
    time_digits = f"CASE WHEN {good} THEN LPAD(CAST(millis AS STRING), {TIME_DIGITS}, '0') ELSE '{_NO_DIGITS}' END"
    return (
        f"SELECT {digits} || {time_digits} || COALESCE(DECODE(document, 'ISO-8859-1'), '') AS line, partition_number,"
        f" CASE WHEN {good} THEN millis ELSE CAST({NO_TIME} AS BIGINT) END AS `time`, proc FROM ({timed})"
    )


def features(options: Options) -> list[Field]:
    """The values that are scored, DOUBLE and finite."""
    found = []
    for i, name in enumerate(options.values):
        exists = f"JSON_EXISTS(json, {json_path(name)})"
        found.append(
            Field(
                text=f"JSON_VALUE(json, {json_path(name)})",
                value=f"TRY_CAST(text_{i} AS DOUBLE)",
                good=f"REGEXP(text_{i}, {literal(NUMBER)}) AND ABS(value_{i}) <= {LARGEST}",
                cases=(
                    (f"text_{i} IS NULL AND NOT {exists}", f"{name} is missing or null"),
                    (f"ABS(value_{i}) > {LARGEST}", f"{name} is not finite"),
                    (f"text_{i} IS NULL OR NOT REGEXP(text_{i}, {literal(NUMBER)})", f"{name} is not a number"),
                ),
            )
        )
    return found


def parse(options: Options, blocks: str, fields: Sequence[Field]) -> str:
    """The query from blocks (lines, arrival, role) to rows of document, role, arrival, millis, reason, key, values.

    `document` is BYTES; `millis` the event time, BIGINT epoch milliseconds, null where there is none; `reason` null
    for a good record; `key` STRING; the values of `fields` are value_0, value_1, …
    """
    if options.source.broker is None:
        documents = (
            "SELECT ENCODE(line, 'ISO-8859-1') AS document, arrival, role, CAST(NULL AS STRING) AS stamp FROM "
            f"{blocks} CROSS JOIN UNNEST(CASE WHEN `lines` = '' THEN ARRAY[''] ELSE SPLIT(`lines`, U&'\\000A') END)"
            " AS t(line)"
        )
    else:
        documents = (
            f"SELECT ENCODE(SUBSTRING(line, {2 * TIME_DIGITS + 1}), 'ISO-8859-1') AS document,"
            f" CAST(SUBSTRING(line, 1, {TIME_DIGITS}) AS BIGINT) AS arrival, role,"
            f" SUBSTRING(line, {TIME_DIGITS + 1}, {TIME_DIGITS}) AS stamp"
            f" FROM {blocks} CROSS JOIN UNNEST(SPLIT(`lines`, U&'\\{ord(LINE_SEPARATOR):04X}')) AS t(line)"
        )
    texts = _let(documents, {"json": "DECODE(document, 'UTF-8')"})
    extracted = {f"text_{i}": field.text for i, field in enumerate(fields)} | {
        "time_text": _time_text(options),
        "key_text": f"JSON_VALUE(json, {json_path(options.key)})" if options.key else "''",
    }
    values = {f"value_{i}": field.value for i, field in enumerate(fields)}
    checked = _let(_let(texts, extracted), {"millis": _millis(options)} | values)
    return (
        f"SELECT document, role, arrival, millis, {_reason(options, fields)} AS reason, key_text AS key,"
        f" {', '.join(values)} FROM ({checked})"
    )


def _clamped(millis: str) -> str:
    return f"LEAST(GREATEST({millis}, 0), {10**TIME_DIGITS - 1})"


def _time_text(options: Options) -> str:
    """The field of the event time; not looked for where the line has the time already."""
    if options.time == "arrival":
        return "CAST(NULL AS STRING)"
    text = f"JSON_VALUE(json, {json_path(options.time)})"
    return text if options.source.broker is None else f"CASE WHEN stamp = '{_NO_DIGITS}' THEN {text} END"


def _millis(options: Options) -> str:
    if options.source.broker is None:
        return "arrival" if options.time == "arrival" else event_millis("time_text", options.time_zone)
    wrong = "arrival" if options.time == "arrival" else _event_millis_or_arrival(options)
    return f"CASE WHEN stamp = '{_NO_DIGITS}' THEN {wrong} ELSE CAST(stamp AS BIGINT) END"


def _event_millis_or_arrival(options: Options) -> str:
    """The event time of a broker's record; of a JSON object that has none, its arrival."""
    none = f"json IS JSON OBJECT AND NOT JSON_EXISTS(json, {json_path(options.time)})"
    return (
        f"CASE WHEN time_text IS NOT NULL THEN {event_millis('time_text', options.time_zone)}"
        f" WHEN {none} THEN arrival END"
    )


def _let(query: str, columns: dict[str, str]) -> str:
    """`query` with further columns, each computed once a row."""
    return (
        f"SELECT * FROM ({query}) CROSS JOIN UNNEST(ARRAY[ROW({', '.join(columns.values())})])"
        f" AS t({', '.join(columns)})"
    )


def event_millis(t: str, zone: str) -> str:
    """Epoch milliseconds of a text, or null: ISO 8601, in `zone` where it has no offset, or an epoch number.

    The form that most producers write comes first and takes one expression; every other way through is cold code,
    which the JVM need not compile.
    """
    day_exists = f"(SUBSTRING({t}, 9, 2) < '29' OR TRY_CAST(SUBSTRING({t}, 1, 10) AS DATE) IS NOT NULL)"
    utc = (
        f"CASE WHEN {day_exists} THEN UNIX_TIMESTAMP({t}, 'yyyy-MM-dd''T''HH:mm:ss') * 1000"
        f" + CAST(SUBSTRING({t}, 21, 3) AS INT) END"
    )
    local = f"SUBSTRING({t}, 1, 10) || ' ' || SUBSTRING({t}, 12, 8)"
    fraction = f"CAST(RPAD(COALESCE(REGEXP_EXTRACT({t}, '[.,]([0-9]+)', 1), ''), 3, '0') AS INT)"

    def offset(length: int, minutes: str) -> str:
        """The seconds of an offset in the last `length` characters."""
        sign = f"SUBSTRING({t}, -{length}, 1)"
        hours = f"CAST(SUBSTRING({t}, -{length}, 3) AS INT)"
        return f"WHEN {sign} IN ('+', '-') THEN {hours} * 3600 + CAST({sign} || {minutes} AS INT) * 60 "

    naive = "0"
    if zone != "UTC":
        naive = f"UNIX_TIMESTAMP({local}) - UNIX_TIMESTAMP(CONVERT_TZ({local}, {literal(zone)}, 'UTC'))"
    seconds_ahead = (
        f"CASE WHEN SUBSTRING({t}, -1) IN ('Z', 'z') THEN 0 "
        + offset(6, f"SUBSTRING({t}, -2)")
        + offset(5, f"SUBSTRING({t}, -2)")
        + offset(3, "'0'")
        + f"ELSE {naive} END"
    )
    number = f"CAST({t} AS DOUBLE)"
    return (
        f"CASE WHEN REGEXP({t}, {literal(_ISO_8601_UTC)}) THEN {utc}"
        f" WHEN REGEXP({t}, {literal(ISO_8601)}) THEN CASE WHEN {day_exists}"
        f" THEN (UNIX_TIMESTAMP({local}) - ({seconds_ahead})) * 1000 + {fraction} END"
        f" WHEN NOT REGEXP({t}, {literal(NUMBER)}) OR {number} >= {_YEAR_10000} THEN NULL"
        f" WHEN {number} < {_FIRST_MILLISECONDS} THEN CAST(ROUND({number} * 1000) AS BIGINT)"
        f" ELSE CAST({number} AS BIGINT) END"
    )


def _reason(options: Options, fields: Sequence[Field]) -> str:
    """Why a record is rejected, or null. What every good record passes is asked first, and shortly."""
    arrival = options.time == "arrival"
    good = [f"REGEXP(json, {literal(_ONE_FLAT_OBJECT)})"]
    good += [field.good for field in fields]
    good += [] if arrival else [f"millis BETWEEN 0 AND arrival + {options.max_ahead}"]
    if options.key:
        good.append(f"NOT REGEXP(key_text, {literal(SEPARATOR)})")
    # JSON functions read only the first document of a text. It is the only one where appending a second makes two.
    one_object = "JSON_VALUE('[' || json || ',\"end\"]', '$[1]') = 'end' AND json IS JSON OBJECT"
    cases = [
        (f"({one_object}) IS NOT TRUE", "not a JSON object"),
        ("ENCODE(json, 'UTF-8') <> document", "not UTF-8"),
    ]
    if options.key:
        cases += [
            ("key_text IS NULL", f"{options.key} is missing, null or not a single value"),
            (
                f"REGEXP(key_text, {literal(SEPARATOR)})",
                f"{options.key} has a record separator (U+001E) in it",
            ),
        ]
    cases += [case for field in fields for case in field.cases]
    if not arrival:
        if options.source.broker is None:
            missing = f"time_text IS NULL AND NOT JSON_EXISTS(json, {json_path(options.time)})"
            cases.append((missing, f"{options.time} is missing or null"))
        cases += [
            ("millis IS NULL", f"{options.time} is not a time (ISO 8601, or epoch seconds or milliseconds)"),
            ("millis < 0", f"{options.time} is before 1970"),
            (
                f"millis > arrival + {options.max_ahead}",
                f"{options.time} is more than {options.max_ahead // 1000} s ahead of its arrival",
            ),
        ]
    detailed = " ".join(f"WHEN {when} THEN {literal(then)}" for when, then in cases)
    return f"CASE WHEN {' AND '.join(good)} THEN CAST(NULL AS STRING) {detailed} END"
