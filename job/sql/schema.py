"""The columns of the input, and the file that says them, in the form of the service's own InputSchema.

{"RecordFormat": {"RecordFormatType": "JSON"}, "RecordEncoding": "UTF-8",
 "RecordColumns": [{"Name": "volume", "SqlType": "DOUBLE", "Mapping": "$.volume"}]}
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PLACES = (
    (),
    ("InputSchema",),
    ("ApplicationDetail", "InputDescriptions", 0, "InputSchema"),
    (
        "ApplicationDetail",
        "ApplicationConfigurationDescription",
        "SqlApplicationConfigurationDescription",
        "InputDescriptions",
        0,
        "InputSchema",
    ),
)
"""Where an InputSchema is: alone, in an answer of DiscoverInputSchema, or of DescribeApplication (API version 1, 2)."""


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

    def __str__(self) -> str:
        """The columns as SQL would declare them."""
        return ", ".join(f'"{column.name}" {column.sql_type}' for column in self.columns)

    @classmethod
    def read(cls, file: Path) -> "InputSchema":
        """The schema in a file: an InputSchema, or an answer of DescribeApplication or DiscoverInputSchema.

        Members that are not needed are ignored. What a type or a path may be, the planner says.

        Raises ValueError, naming file and member, for what is not such a schema.
        """
        try:
            told = json.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"schema must be a file of JSON, got {str(file)!r}: {error}") from error
        found = [schema for place in _PLACES if isinstance(schema := _member(told, place), dict)]
        schema = next((schema for schema in found if "RecordColumns" in schema), None)
        if schema is None:
            raise ValueError(f"schema must hold RecordColumns, as an InputSchema does, got {str(file)!r}")
        _check_format(file, schema)
        return cls(_columns(file, schema["RecordColumns"]))


def _member(told: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        try:
            told = told[step]
        except (LookupError, TypeError):
            return None
    return told


def _check_format(file: Path, schema: dict[str, Any]) -> None:
    """Records are JSON objects in UTF-8, a row each."""
    for place, only in [
        (("RecordFormat", "RecordFormatType"), "JSON"),
        (("RecordFormat", "MappingParameters", "JSONMappingParameters", "RecordRowPath"), "$"),
        (("RecordEncoding",), "UTF-8"),
    ]:
        found = _member(schema, place)
        if found not in (None, only):
            raise ValueError(f"{place[-1]} must be {only} in {file}, got {found!r}")


def _columns(file: Path, told: Any) -> tuple[Column, ...]:
    if not isinstance(told, list) or not told:
        raise ValueError(f"RecordColumns must be a list of columns in {file}, got {told!r}")
    columns: list[Column] = []
    for number, column in enumerate(told):
        for member in ("Name", "SqlType", "Mapping"):
            text = column.get(member) if isinstance(column, dict) else None
            if not isinstance(text, str) or not text:
                raise ValueError(f"RecordColumns[{number}].{member} must be text in {file}, got {text!r}")
        new = Column(column["Name"], column["SqlType"], column["Mapping"])
        if not new.mapping.startswith("$"):
            path = "a JSON path that begins with $"
            raise ValueError(f"RecordColumns[{number}].Mapping must be {path} in {file}, got {new.mapping!r}")
        if any(column.name == new.name for column in columns):
            raise ValueError(f"RecordColumns[{number}].Name must be of one column in {file}, got {new.name!r} again")
        columns.append(new)
    return tuple(columns)
