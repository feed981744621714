"""The records of one second as they leave the forests: in their order, each a line of JSON with its score."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from json.decoder import scanstring  # type: ignore[attr-defined]
from types import MappingProxyType

import numpy as np
from pyflink.common import Types

from udf.forest_state import SEPARATOR

RANK_DIGITS = 16
SCORED_TYPE = Types.ROW_NAMED(["lines"], [Types.STRING()])
"""The records of one second, `SEPARATOR` between them. Each is `RANK_DIGITS` hexadecimal digits of which a higher
score has lower ones, and then its JSON object with `second` and `anomaly_score` added.

One string a second, because a row a record costs three times as much to bring back as the forest takes to score it.
"""

_NO_SPACE = re.compile(r"[^ \t\r\n]")
_DECODER = json.JSONDecoder()


def documents_of(joined: str, added: Collection[str]) -> list[str]:
    """JSON objects, `SEPARATOR` between them, each as one line and without members of the names that are added here."""
    # In JSON, what ends a line can only be space between tokens
    documents = joined.replace("\n", " ").replace("\r", " ").split(SEPARATOR)
    if any(f'"{name}"' in joined for name in added):
        return [_without(document, added) for document in documents]
    return documents


def scored_lines(
    documents: list[str], second: int, scores: np.ndarray, members: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> str:
    """`SCORED_TYPE`'s string of JSON objects and their scores, float64 (n,), of one second, in epoch milliseconds.

    `members` are further ones, by name the JSON of each record; the score is the last.
    """
    ranks = (~scores.view(np.uint64)).astype(">u8").tobytes().hex()
    added = [f',"second":"{_shown(second)}"'] * len(documents)
    for name, values in members.items():
        added = [f'{before},"{name}":{value}' for before, value in zip(added, values, strict=True)]
    return SEPARATOR.join(
        f'{ranks[at : at + RANK_DIGITS]}{document.rstrip()[:-1].rstrip()}{more},"anomaly_score":{score!r}}}'
        for at, document, more, score in zip(
            range(0, len(ranks), RANK_DIGITS), documents, added, scores.tolist(), strict=True
        )
    )


def _shown(millis: int) -> str:
    """The start of the second in ISO 8601, UTC; with milliseconds only where it has some."""
    at = datetime.fromtimestamp(millis / 1000, UTC).replace(tzinfo=None)
    return at.isoformat(timespec="milliseconds" if millis % 1000 else "seconds") + "Z"


def _without(document: str, names: Collection[str]) -> str:
    """The JSON object `document` without the members called `names`, every other as it was written."""
    kept = []
    at = document.index("{") + 1
    while True:
        start = _NO_SPACE.search(document, at).start()  # type: ignore[union-attr]
        name, colon = scanstring(document, start + 1)
        value = _NO_SPACE.search(document, document.index(":", colon) + 1).start()  # type: ignore[union-attr]
        end = _DECODER.raw_decode(document, value)[1]
        if name not in names:
            kept.append(document[start:end])
        at = _NO_SPACE.search(document, end).start() + 1  # type: ignore[union-attr]
        if document[at - 1] == "}":
            return "{" + ",".join(kept) + "}"
