"""Event time in SQL: a record's, its watermark, the second it belongs to, and whether that is over."""

from pyflink.table import Schema

from job.options import Options
from udf.block_type import CLOSING, LATE, MARK, RECORDS


def event_time(options: Options) -> Schema:
    """Event time and its watermark, which moves when a second is over: what is late depends on the records alone.

    A bounded run has no watermark until its end unless a delay was given, so that nothing in it is late.
    """
    every, delay = options.every, options.delay
    closing = f"millis - MOD(millis, {every}) + {every + delay}"
    shown = (
        f"CASE WHEN role = {MARK} THEN millis WHEN reason IS NOT NULL OR role = {LATE} THEN 0"
        f" WHEN role = {CLOSING} THEN {closing} ELSE millis END"
    )
    over = f"({shown} - {delay})"
    watermark = f"TO_TIMESTAMP_LTZ({over} - MOD({over}, {every}) - 1, 3)"
    if options.source.broker is not None or not options.records_move_time:
        watermark = f"CASE WHEN role IN ({RECORDS}, {LATE}) THEN TO_TIMESTAMP_LTZ(0, 3) ELSE {watermark} END"
    return (
        Schema.new_builder()
        .column_by_expression("rowtime", f"TO_TIMESTAMP_LTZ({shown}, 3)")
        .watermark("rowtime", watermark)
        .build()
    )


def carried_time() -> Schema:
    """Event time as the stream's records carry it through a Python function."""
    return (
        Schema.new_builder()
        .column_by_metadata("rowtime", "TIMESTAMP_LTZ(3)")
        .watermark("rowtime", "SOURCE_WATERMARK()")
        .build()
    )


def late(options: Options) -> str:
    """True for a record whose second is closed. Windows would drop it without a word."""
    last = f"TO_TIMESTAMP_LTZ(millis - MOD(millis, {options.every}) + {options.every - 1}, 3)"
    return f"(role = {LATE} OR COALESCE({last} <= CURRENT_WATERMARK(rowtime), FALSE))"


def second(options: Options) -> str:
    return "INTERVAL '{}.{:03d}' SECOND(6, 3)".format(*divmod(options.every, 1000))
