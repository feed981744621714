"""What the readers emit: blocks of lines, and what each is for."""

from pyflink.common import Types

RECORDS, REMINDER, CLOSING, LATE, MARK = range(5)
"""Records; the watermark after a restart; the end of the last second of a quiet stream; records that came too late;
how far event time is, where records themselves do not say."""

BLOCK_TYPE = Types.ROW_NAMED(["lines", "arrival", "role"], [Types.STRING(), Types.LONG(), Types.INT()])
"""Lines as one string, a character a byte (ISO 8859-1), arrival in epoch milliseconds, and the role."""
