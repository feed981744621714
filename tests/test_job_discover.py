"""Schema discovery: from records to columns, and the command that shows and writes them."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_runs import ROOT, command, write_lines

from job.cli import main
from job.sql.discover import column_names, discover, infer, json_path
from job.sql.reserved_words import RESERVED
from job.sql.schema import Column, InputSchema
from job.uris import Uri


def types(*values: Any) -> list[tuple[str, bool, str]]:
    """Type, nullability and remark of the field x, which has a value in each record; ... for none."""
    records = [{"other": 1} if value is ... else {"x": value, "other": 1} for value in values]
    found = infer([json.dumps(record).encode() for record in records])
    columns = zip(found.schema.columns, found.nullable, found.remarks, strict=True)
    return [(column.sql_type, null, remark) for column, null, remark in columns if column.name == "x"]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([3], "INTEGER"),
        ([-(2**31), 2**31 - 1], "INTEGER"),
        ([3, 2**31], "BIGINT"),
        ([-(2**31) - 1], "BIGINT"),
        ([2**63 - 1, -(2**63)], "BIGINT"),
        ([2**63], "DOUBLE"),
        ([3, 3.5], "DOUBLE"),
        ([2**40, 1e300], "DOUBLE"),
        ([True, False], "BOOLEAN"),
        (["2026-11-21T20:32:22.310+00:00", "2026-11-21 20:32:22", "2026-11-21T20:32:22Z"], "TIMESTAMP"),
        (["2026-11-21T20:32:22Z", "2026-02-30T20:32:22Z"], "VARCHAR(64)"),
        (["2026-11-21t20:32:22,123456789+0530"], "TIMESTAMP"),
        (["2026-11-21T20:32:22Z\n"], "VARCHAR(64)"),
        (["2026-11-21T20:32:22+05:30:10"], "VARCHAR(64)"),
        (["2026-11-21"], "VARCHAR(16)"),
        ([""], "VARCHAR(16)"),
        (["ä" * 16], "VARCHAR(16)"),
        (["ä" * 17], "VARCHAR(64)"),
        (["x" * 4097, "x"], "VARCHAR(16384)"),
        (["x" * 100_000], "VARCHAR(65535)"),
    ],
)
def test_a_type_is_as_wide_as_the_widest_value(values: list[Any], found: str) -> None:
    assert types(*values) == [(found, False, "")]
    assert types(*reversed(values)) == [(found, False, "")]
    assert types(None, *values) == types(..., *values) == types(*values, ...) == [(found, True, "")]


def test_several_types_at_one_path_are_text_and_said_to_be() -> None:
    assert types(3, "n/a", 4) == [("VARCHAR(16)", False, "of several types: 2 INTEGER, 1 VARCHAR")]
    assert types(True, 1) == [("VARCHAR(16)", False, "of several types: 1 BOOLEAN, 1 INTEGER")]
    several = "of several types: 1 TIMESTAMP, 1 INTEGER"
    assert types("2026-11-21T20:32:22Z", 3) == [("VARCHAR(64)", False, several)]
    assert types(None, None) == [("VARCHAR(16)", True, "always null")]


def test_an_array_is_the_text_of_its_json() -> None:
    remark = "an array, as the text of its JSON"
    assert types(["a", {"b": 1}]) == [("VARCHAR(16)", False, remark)]
    assert types(list(range(100)), 3) == [("VARCHAR(1024)", False, remark)]


def test_members_of_objects_are_columns_by_their_paths() -> None:
    records = [{"p": {"x": 1, "deep": {"y z": "a"}}, "n": 1}, {"p": {"x": 2.5}, "n": None}, {"p": 7}]
    found = infer([json.dumps(record).encode() for record in records])
    assert found.schema == InputSchema(
        (
            Column("p_x", "DOUBLE", "$.p.x"),
            Column("COL_p_deep_yz", "VARCHAR(16)", "$.p.deep['y z']"),
            Column("n", "INTEGER", "$.n"),
            Column("p", "INTEGER", "$.p"),
        )
    )
    assert found.nullable == (True, True, True, True)
    assert found.rows == ((1, "a", 1, None), (2.5, None, None, None), (None, None, None, 7))


def test_what_is_no_json_object_is_counted() -> None:
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    bad = [b"", b"loud", b"[1]", b'{"a":1}{"a":2}', b'{"a": NaN}', b'\xff{"a":1}', deep]
    found = infer([b'{"a": 1}', *bad])
    assert (found.records, found.unreadable) == (8, 7)
    assert found.schema.columns == (Column("a", "INTEGER", "$.a"),)


@pytest.mark.parametrize("records", [[b"loud"], [b"{}", b"{}"], [b'{"a": {}}']])
def test_nothing_to_infer_from_is_an_error(records: list[bytes]) -> None:
    with pytest.raises(RuntimeError) as refused:
        infer(records)
    count = len(records)
    assert str(refused.value) == f"a schema needs JSON objects, and none is among the {count} records sampled"


@pytest.mark.parametrize("word", ["USER", "timestamp", "Values", "year", "ROWTIME", "approximate_arrival_time"])
def test_reserved_words_are_renamed_as_the_service_did(word: str) -> None:
    assert column_names([(word,)]) == [f"COL_{word}"]


PATHS = st.lists(
    st.lists(st.text(max_size=4) | st.sampled_from(["a", "b", "a_b", "USER", "x" * 99]), min_size=1, max_size=3).map(
        tuple
    ),
    max_size=12,
    unique=True,
)


@settings(deadline=None)
@given(PATHS)
def test_names_are_distinct_and_need_no_quotes(paths: list[tuple[str, ...]]) -> None:
    names = column_names(paths)
    assert len(set(names)) == len(paths)
    for name in names:
        assert name.isascii()
        assert name.isidentifier()
        assert name.upper() not in RESERVED


def follow(path: str, value: Any) -> Any:
    """The value at a JSON path: a reader of our own, for what `json_path` writes."""
    at = 1
    while at < len(path):
        name = ""
        if path[at] == ".":
            end = at + 1
            while end < len(path) and path[end] not in ".[":
                end += 1
            name, at = path[at + 1 : end], end
        else:
            at += 2
            while path[at] != "'":
                at += path[at] == "\\"
                name, at = name + path[at], at + 1
            at += 2
        value = value[name]
    return value


@given(st.lists(st.text(max_size=6) | st.sampled_from(["it's", "a.b", "\\", "$"]), min_size=1, max_size=4))
def test_a_path_leads_to_its_value(parts: list[str]) -> None:
    value: Any = 7
    for part in reversed(parts):
        value = {part: value}
    assert follow(json_path(tuple(parts)), value) == 7


RECORDS = [{"event_time": "2026-11-21T20:32:22.310+00:00", "volume": 19.95, "tags": ["a"], "user": "ev\ud800e\n"}] * 3
COLUMNS = (
    Column("event_time", "TIMESTAMP", "$.event_time"),
    Column("volume", "DOUBLE", "$.volume"),
    Column("tags", "VARCHAR(16)", "$.tags"),
    Column("COL_user", "VARCHAR(16)", "$.user"),
)
TABLE = r"""
4 records sampled, 1 of them no JSON objects

column      type         null  path          record 1                       record 2
event_time  TIMESTAMP    no    $.event_time  2026-11-21T20:32:22.310+00:00  2026-11-21T20:32:22.310+00:00
volume      DOUBLE       yes   $.volume      19.95                          Infinity
tags        VARCHAR(16)  no    $.tags        ["a"]                          ["a"]                          …
COL_user    VARCHAR(16)  no    $.user        "ev\ud800e\n"                  "ev\ud800e\n"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "in.jsonl"
    lines = [json.dumps(record) for record in RECORDS]
    write_lines(file, [lines[0], "loud", lines[1].replace("19.95", "1e999"), lines[2].replace("19.95", "null")])
    return file


def columns_of(table: str) -> list[list[str]]:
    return [line.split()[:4] for line in table.strip().splitlines()[2:]]


def test_what_is_discovered_is_the_schema_that_is_written(tmp_path: Path, source: Path) -> None:
    file = tmp_path / "schema.json"
    process = command("discover", "--source", f"file:{source}", "--output", file)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, f"the schema is in {file}\n")
    assert out.splitlines()[0] == "4 records sampled, 1 of them no JSON objects"
    assert columns_of(out) == columns_of(TABLE)
    assert r'"ev\ud800e\n"' in out
    assert "(an array, as the text of its JSON)" in out

    assert InputSchema.read(file) == discover(Uri("file", source)) == InputSchema(COLUMNS)
    document = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert [column["Nullable"] for column in document["RecordColumns"]] == [False, True, False, False]
    assert (document["RecordsSampled"], document["RecordsUnreadable"]) == (4, 1)
    assert [row["volume"] for row in document["SampleRows"]] == [19.95, "inf", None]
    assert {row["COL_user"] for row in document["SampleRows"]} == {"ev\ud800e\n"}


def test_a_pipe_gets_the_schema_and_the_table_stands_beside(tmp_path: Path, source: Path) -> None:
    process = command("discover", "--source", f"file:{source}", "--records", 1)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    file = tmp_path / "schema.json"
    file.write_text(out)
    assert InputSchema.read(file) == InputSchema(COLUMNS)
    assert err.startswith("1 records sampled\n\ncolumn ")


def test_a_terminal_gets_the_table_only(source: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "job", "discover", "--source", f"file:{source}"]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    _, err = process.communicate(timeout=60)
    os.close(ours)
    assert (process.returncode, err) == (0, "\n--output FILE keeps it as a schema file\n")
    assert columns_of(shown.decode()) == columns_of(TABLE)
    assert b"RecordColumns" not in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_a_directory_that_fills_is_waited_for(tmp_path: Path) -> None:
    process = command("discover", "--source", f"file:{tmp_path}", "--wait", "60s")
    write_lines(tmp_path / "1.jsonl", ['{"volume": 3}'])
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["RecordsSampled"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--source", "file:gone"], 2, "source must be a file or directory that is there, got 'file:gone'"),
        (["--source", "file:.", "--records", "0"], 2, "records must be 1 to 1000000, got 0"),
        (["--source", "file:.", "--wait", "1"], 2, "wait must be a duration such as 100ms, 1s or 5m, got '1'"),
        (
            ["--source", "file:.", "--output", "kept.json"],
            2,
            "output must be a new file, got 'kept.json', which may have been edited",
        ),
        (["--source", "file:empty", "--wait", "0s"], 1, "file:{folder}/empty has no record yet: --wait for longer"),
        (
            ["--source", "file:kept.json"],
            1,
            "a schema needs JSON objects, and none is among the 1 records sampled",
        ),
    ],
)
def test_what_cannot_be_discovered_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "kept.json").write_text("edited\n")
    assert main(["discover", *arguments]) == code
    assert capsys.readouterr() == ("", f"python -m job discover: {text.format(folder=tmp_path)}\n")
    assert (tmp_path / "kept.json").read_text() == "edited\n"
