"""Schema discovery: what columns a source's records have, told from a sample of them."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from job.parse import ISO_8601
from job.sample import MOST, objects, sample
from job.sql.reserved_words import RESERVED
from job.sql.schema import Column, InputSchema
from job.uris import Uri

NUMBERS = ("INTEGER", "BIGINT", "DOUBLE")
"""From the narrowest to the widest."""
_LENGTHS = (16, 64, 256, 1024, 4096, 16384, 65535)
"""Of VARCHAR: the sample's longest text fits, and mostly leaves room, for longer ones are cut. The last is the most."""
_LONGEST_NAME = 100
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Members = tuple[str, ...]
"""The names that lead to a value in a record."""


class _Array(str):
    """The text of an array."""


@dataclass
class _Seen:
    """What was seen at one path."""

    kinds: Counter[str] = field(default_factory=Counter)
    longest: int = 0

    def add(self, value: Any) -> None:
        self.kinds[_kind(value)] += 1
        self.longest = max(self.longest, len(value if isinstance(value, str) else _text(value)))

    def sql_type(self) -> str:
        """The narrowest type that holds all that was seen."""
        kinds = set(self.kinds)
        if kinds and kinds <= set(NUMBERS):
            return max(kinds, key=NUMBERS.index)
        if len(kinds) == 1 and not kinds & {"VARCHAR", "ARRAY"}:
            return kinds.pop()
        return f"VARCHAR({next((step for step in _LENGTHS if self.longest <= step), _LENGTHS[-1])})"

    def remark(self) -> str:
        if not self.kinds:
            return "always null"
        if "ARRAY" in self.kinds:
            return "an array, as the text of its JSON"
        alike = {"number" if kind in NUMBERS else kind.replace("TIMESTAMP", "VARCHAR") for kind in self.kinds}
        told = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common())
        return "" if len(alike) == 1 else f"of several types: {told}"


@dataclass(frozen=True)
class Discovery:
    """A schema with what the service's form has no room for. All but the last two have an entry for each column.

    `rows` has the values of the first records, an array as its text, None where there is none;
    `records` were sampled, of which `unreadable` are not JSON objects.
    """

    schema: InputSchema
    nullable: tuple[bool, ...]
    remarks: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    records: int
    unreadable: int


def discover(source: Uri, records: int = MOST, wait: float = 0.0) -> InputSchema:
    """The schema that the first records of a source propose. Raises RuntimeError as `job.sample.sample` and `infer`."""
    return infer(sample(source, records, wait)).schema


def infer(records: list[bytes], rows: int = 3) -> Discovery:
    """What columns records have.

    Nested objects have a column for each of their members, arrays one of text; the others are as wide as the widest
    value. A column is nullable if it is missing or null in any record. The values of the first `rows` come along.

    Raises:
        RuntimeError: none of the records is a JSON object with a member.

    >>> print(infer([b'{"volume": 3, "at": {"x": 1.5}}', b'{"volume": 3000000000, "user": "eve"}']).schema)
    "volume" BIGINT, "at_x" DOUBLE, "COL_user" VARCHAR(16)
    """
    told = [flat for record in objects(records) if (flat := _flat(record)) is not None]
    seen: dict[Members, _Seen] = {}
    for record in told:
        for path, value in record.items():
            place = seen.setdefault(path, _Seen())
            if value is not None:
                place.add(value)
    if not seen:
        raise RuntimeError(f"a schema needs JSON objects, and none is among the {len(records)} records sampled")
    columns = [
        Column(name, seen[path].sql_type(), json_path(path))
        for name, path in zip(column_names(list(seen)), seen, strict=True)
    ]
    return Discovery(
        InputSchema(tuple(columns)),
        tuple(place.kinds.total() < len(told) for place in seen.values()),
        tuple(place.remark() for place in seen.values()),
        tuple(tuple(record.get(path) for path in seen) for record in told[:rows]),
        len(records),
        len(records) - len(told),
    )


def column_names(paths: list[Members]) -> list[str]:
    """A name for each path, as the service gave them.

    It is that of the members, of whose characters only letters, digits and _ stay. It begins with COL_ if it is not
    what it was, or would begin with a digit, be longer than 100, or be reserved; where nothing stays, a number follows.

    >>> column_names([("volume",), ("at", "x"), ("USER",), ("USER@DOMAIN",), ("@@",), ("2nd",), ("at_x",)])
    ['volume', 'at_x', 'COL_USER', 'COL_USERDOMAIN', 'COL_4', 'COL_2nd', 'at_x_2']
    """
    names: list[str] = []
    for number, path in enumerate(paths):
        whole = "_".join(path)
        name = re.sub(r"[^A-Za-z0-9_]", "", whole)
        if not re.search(r"[A-Za-z0-9]", name):
            name = f"COL_{number}"
        elif name != whole or name[0].isdigit() or len(name) > _LONGEST_NAME or name.upper() in RESERVED:
            name = f"COL_{name}"[:_LONGEST_NAME]
        same = [name, *(f"{name}_{count}" for count in range(2, len(names) + 2))]
        names.append(next(candidate for candidate in same if candidate not in names))
    return names


def json_path(path: Members) -> str:
    """The JSON path of members.

    >>> json_path(("motor", "current")), json_path(("it's", "x"))
    ('$.motor.current', "$['it\\\\'s'].x")
    """
    escaped = (part.replace("\\", "\\\\").replace("'", "\\'") for part in path)
    return "$" + "".join(f".{part}" if _PLAIN.fullmatch(part) else f"['{part}']" for part in escaped)


def _flat(record: dict[str, Any]) -> dict[Members, Any] | None:
    """The scalars of a record and, as text, its arrays, by their paths. None for what is nested too deeply."""
    try:
        return dict(_leaves(record, ()))
    except RecursionError:
        return None


def _leaves(value: Any, path: Members) -> Iterator[tuple[Members, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, (*path, name))
    else:
        yield path, _Array(_text(value)) if isinstance(value, list) else value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "INTEGER" if -(2**31) <= value < 2**31 else "BIGINT" if -(2**63) <= value < 2**63 else "DOUBLE"
    if isinstance(value, float):
        return "DOUBLE"
    if isinstance(value, str):
        return "ARRAY" if isinstance(value, _Array) else "TIMESTAMP" if _is_time(value) else "VARCHAR"
    raise AssertionError(f"JSON has no {type(value)}")


def _is_time(text: str) -> bool:
    """True for what the job reads as a date and time."""
    if not re.fullmatch(ISO_8601, text):
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
