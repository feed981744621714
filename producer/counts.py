"""What happened to the sound: the figures of the progress line and of the last line."""

from dataclasses import dataclass


@dataclass
class Counts:
    """Records sent, those of them that have arrived for certain, blocks dropped because the queue was full, and
    overflows of the device's own buffer.

    >>> print(Counts(sent=1500, acknowledged=1500))
    1500 records sent, 1500 acknowledged, 0 blocks dropped, 0 overflows
    """

    sent: int = 0
    acknowledged: int = 0
    dropped: int = 0
    overflows: int = 0

    def __str__(self) -> str:
        return (
            f"{self.sent} records sent, {self.acknowledged} acknowledged, "
            f"{self.dropped} blocks dropped, {self.overflows} overflows"
        )
