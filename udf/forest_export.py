"""The function that takes forests out of a job's state: it stands where the one that scores stood."""

from collections.abc import Iterator
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from udf.forests import Forests
from udf.share_keys import share_of_key

ASKED_TYPE = Types.ROW([Types.INT(), Types.STRING()])
"""Flink's key, a key group or a share of one, and key."""
EXPORTED_TYPE = Types.ROW([Types.INT(), Types.STRING()])
"""Number of the share, and its forest's bytes in hexadecimal digits; none where state has no forest of that key."""


class ForestExportFunction(KeyedProcessFunction):
    """Takes `ASKED_TYPE` rows and yields an `EXPORTED_TYPE` row for each."""

    def __init__(self, parameters: dict[str, Any], shares: int) -> None:
        self._parameters = parameters
        self._shares = shares

    def open(self, runtime_context: RuntimeContext) -> None:
        self._forests = Forests(runtime_context, self._parameters, memory=0, ttl=None, imports={}, shares=self._shares)

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        forest = self._forests.saved(*value)
        yield Row(share_of_key(value[0]), forest.to_bytes().hex() if forest is not None else "")
