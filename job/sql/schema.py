"""The columns of the input, and the file that says them, in the form of the service's own InputSchema.

{"RecordFormat": {"RecordFormatType": "JSON"}, "RecordEncoding": "UTF-8",
 "RecordColumns": [{"Name": "volume", "SqlType": "DOUBLE", "Mapping": "$.volume"}]}
"""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Column:
    """A column of the input: its name as SQL has it, its type as the service wrote it, its JSON path in a record."""

    name: str
    sql_type: str
    mapping: str


@dataclass(frozen=True)
class InputSchema:
    """The columns of the input, in their order."""

    columns: tuple[Column, ...]

    @classmethod
    def read(cls, file: Path) -> "InputSchema":
        """Raises ValueError, naming file and member, for what is not such a schema."""
        told = json.loads(file.read_text(encoding="utf-8"))
        return cls(tuple(Column(c["Name"], c["SqlType"], c["Mapping"]) for c in told["RecordColumns"]))
