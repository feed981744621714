"""One hot key on several subtasks: each has a share of the trees, and the scores of a second are their sums.

second ──┬─▶ share 0 ─▶ weight × scores ─┐
         ├─▶ share 1 ─▶ weight × scores ─┼─▶ gathered by key group and second ─▶ sum, lines
         └──────── documents ────────────┘
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pyflink.common import Row, Types
from pyflink.common.typeinfo import RowTypeInfo
from pyflink.datastream import KeyedProcessFunction

from udf import members
from udf.random_cut_forest import ForestFunction
from udf.rcf import shares
from udf.scored_lines import documents_of, scored_lines
from udf.second import Second, second_row_type
from udf.share_keys import KEY_GROUPS, share_of_key

DOCUMENTS = -1
"""In place of the number of a share: the row has the documents, not scores."""

PARTIAL_TYPE = Types.ROW_NAMED(
    ["key_group", "share", "scores"], [Types.INT(), Types.INT(), Types.PRIMITIVE_ARRAY(Types.BYTE())]
)
"""Key group, number of the share, and its weight times its scores, little-endian float64, of a `Second` in order."""


def gathered_row_type(dimensions: int) -> RowTypeInfo:
    """Key group, and the rows of its second: number of a share and scores, or `DOCUMENTS` and the second's columns."""
    second = second_row_type(dimensions).get_field_types()[1:]
    part = Types.ROW([Types.INT(), Types.PRIMITIVE_ARRAY(Types.BYTE()), *second])
    return Types.ROW([Types.INT(), Types.OBJECT_ARRAY(part)])


class ShareFunction(ForestFunction):
    """Takes `second_row_type` rows without documents, with the keys of shares; yields a `PARTIAL_TYPE` row for each."""

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        key, times, _, keys, *features = value
        second = Second(times, [], keys, features, every=self.every)
        scores = self.scored(key, second, ctx).scores * shares.weight(self.num_trees, share_of_key(key), self.shares)
        yield Row(key % KEY_GROUPS, share_of_key(key), scores.astype("<f8").tobytes())


class GatherFunction(KeyedProcessFunction):
    """Takes `gathered_row_type` rows and yields a `SCORED_TYPE` row for each."""

    def __init__(self, every: int) -> None:
        self._every = every

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        # By number, and so the same sum whatever came first
        (_, _, times, documents, keys, *features), *parts = sorted(value[1], key=lambda part: part[0])
        second = Second(times, documents_of(documents, members.SCORE), keys, features, every=self._every)
        scores = np.sum([np.frombuffer(part[1], "<f8") for part in parts], axis=0)
        yield Row(scored_lines(second.documents, second.start, scores))
