"""What the readers emit: blocks of lines, and what each is for; and what they publish."""

from collections.abc import Callable

from pyflink.common import Types
from pyflink.datastream import RuntimeContext

RECORDS, REMINDER, CLOSING, LATE, MARK = range(5)
"""Records; the watermark after a restart; the end of the last second of a quiet stream; records that came too late;
how far event time is, where records themselves do not say."""

BLOCK_TYPE = Types.ROW_NAMED(["lines", "arrival", "role"], [Types.STRING(), Types.LONG(), Types.INT()])
"""Lines as one string, a character a byte (ISO 8859-1), arrival in epoch milliseconds, and the role."""


def report(runtime_context: RuntimeContext, records: Callable[[], int], caught_up: Callable[[], int]) -> None:
    """Publish what `job.flink_client` asks a reader for: records read, and 1 when there are no more to read."""
    metrics = runtime_context.get_metrics_group()
    metrics.gauge("recordsRead", records)
    metrics.gauge("caughtUp", caught_up)
