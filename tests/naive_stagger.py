"""Stagger windows by their definition, as an oracle for `udf.table_stagger`."""

from collections.abc import Callable
from typing import Any

Record = dict[str, Any]


def stagger_windows(records: list[Record], partition: Callable[[Record], Any], length: int) -> list[list[Record]]:
    """Windows of records in order of "time": each has, of its first one's partition, all before its end."""
    windows: list[list[Record]] = []
    while records:
        first = records[0]
        window: list[Record] = []
        others: list[Record] = []
        for record in records:
            within = partition(record) == partition(first) and record["time"] < first["time"] + length
            (window if within else others).append(record)
        windows.append(window)
        records = others
    return windows
