"""`python -m job discover`: what columns a source has, for people and as a schema file."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from job.options import duration
from job.sample import MOST, sample
from job.sql.discover import Discovery, infer
from job.uris import SOURCES, parse_uri

_ABOUT = """\
Propose a schema for the records of a source: columns, their types, whether they may be null, their JSON paths.

Reads the first records that are there, without Flink, and changes nothing. The schema is the InputSchema of Kinesis
Data Analytics: correct it with an editor, where types are too narrow or columns are not wanted, and give it to
`python -m job sql --schema FILE`. Types are as wide as the widest value in the sample: INTEGER, BIGINT or DOUBLE,
BOOLEAN, TIMESTAMP for times in ISO 8601, else VARCHAR, which cuts longer texts. Nested objects have a column for each
member, arrays are the text of their JSON. Names that are reserved words begin with COL_.
"""
_EXAMPLES = """\
examples:
  look at what a topic has, and keep the schema:
    python -m job discover --source kafka://localhost:9092/volume --output volume.schema.json

  a larger sample, for types that rarely need all of their width:
    python -m job discover --source file:spool --records 100000
"""
_CELL = 30
_MOST = 1_000_000


def add_discover(commands: Any) -> None:
    """The command, for `job.arguments`."""
    parser = commands.add_parser(
        "discover",
        help="propose a schema for the records of a source",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--source",
        required=True,
        metavar="URI",
        help="file:PATH, kafka://HOST:PORT/TOPIC or kinesis://REGION/STREAM, as for run",
    )
    parser.add_argument(
        "--records",
        type=int,
        default=MOST,
        metavar="N",
        help=f"sample at most so many, the oldest there are (default {MOST})",
    )
    parser.add_argument(
        "--wait",
        default="10s",
        metavar="TIME",
        help="where there is no record yet, wait for the first for so long (default 10s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="a new file for the schema (default: standard output, where that is not a terminal)",
    )


def discover(told: argparse.Namespace) -> int:
    """Show what was discovered, and write it.

    Raises:
        ValueError: an argument is out of its range.
        RuntimeError: there is nothing to discover anything from.
    """
    source = parse_uri("source", told.source, SOURCES)
    if source.path is not None and not source.path.exists():
        raise ValueError(f"source must be a file or directory that is there, got {told.source!r}")
    if not 1 <= told.records <= _MOST:
        raise ValueError(f"records must be 1 to {_MOST}, got {told.records}")
    if told.output is not None and told.output.exists():
        raise ValueError(f"output must be a new file, got {str(told.output)!r}, which may have been edited")
    records = sample(source, told.records, duration("wait", told.wait) / 1000)
    if not records:
        raise RuntimeError(f"{source} has no record yet: --wait for longer")
    found = infer(records)
    text = document(found)
    if told.output is not None:
        told.output.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        print(table(found))
        print(f"the schema is in {told.output}", file=sys.stderr)
    elif sys.stdout.isatty():
        print(table(found))
        print("\n--output FILE keeps it as a schema file", file=sys.stderr)
    else:
        print(table(found), file=sys.stderr)
        print(text.encode("utf-8", "backslashreplace").decode())
    return 0


def document(found: Discovery) -> str:
    """The schema file. Members beyond the service's InputSchema are for people, and ignored when it is read."""
    columns = [
        {"Name": column.name, "SqlType": column.sql_type, "Mapping": column.mapping, "Nullable": nullable}
        for column, nullable in zip(found.schema.columns, found.nullable, strict=True)
    ]
    names = [column.name for column in found.schema.columns]
    row_path = {"JSONMappingParameters": {"RecordRowPath": "$"}}
    members = {
        "RecordFormat": {"RecordFormatType": "JSON", "MappingParameters": row_path},
        "RecordEncoding": "UTF-8",
        "RecordColumns": columns,
        "RecordsSampled": found.records,
        "RecordsUnreadable": found.unreadable,
        "SampleRows": [dict(zip(names, map(_finite, row), strict=True)) for row in found.rows],
    }
    parts = []
    for name, value in members.items():
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(each, ensure_ascii=False)}" for each in value)
            parts.append(f" {json.dumps(name)}: [\n{lines}\n ]")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}"


def table(found: Discovery) -> str:
    """A line a column, with its values in the first records."""
    heads = ["column", "type", "null", "path", *(f"record {number}" for number in range(1, len(found.rows) + 1))]
    lines = [
        [column.name, column.sql_type, "yes" if nullable else "no", column.mapping, *map(_cell, values)]
        for column, nullable, *values in zip(found.schema.columns, found.nullable, *found.rows, strict=True)
    ]
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    rows = ["  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) for line in [heads, *lines]]
    for i, remark in enumerate(found.remarks, 1):
        rows[i] = f"{rows[i]}  ({remark})" if remark else rows[i]
    unreadable = f", {found.unreadable} of them no JSON objects" if found.unreadable else ""
    return "\n".join([f"{found.records} records sampled{unreadable}", "", *(row.rstrip() for row in rows)])


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _finite(value: Any) -> Any:
    """1e999 is JSON, infinity is not."""
    return str(value) if value in (float("inf"), float("-inf")) else value
