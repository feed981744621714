"""The schema file of SQL applications: what is read, what is refused, and what discovery writes."""

import json
from pathlib import Path
from typing import Any

import pytest

from job.sql.schema import Column, InputSchema

VOLUME = {"Name": "volume", "SqlType": "DOUBLE", "Mapping": "$.volume"}
ROOM = {"Name": "COL_USER", "SqlType": "VARCHAR(16)", "Mapping": "$['room user']"}
ROW_PATH = {"MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}}}
SCHEMA = {
    "RecordFormat": {"RecordFormatType": "JSON", **ROW_PATH},
    "RecordEncoding": "UTF-8",
    "RecordColumns": [VOLUME, ROOM],
}
READ = InputSchema((Column("volume", "DOUBLE", "$.volume"), Column("COL_USER", "VARCHAR(16)", "$['room user']")))
INPUT = {"InputId": "1.1", "NamePrefix": "SOURCE_SQL_STREAM", "InputSchema": SCHEMA}
DESCRIBED_1 = {"ApplicationDetail": {"ApplicationName": "room", "InputDescriptions": [INPUT]}}
DESCRIBED_2 = {
    "ApplicationDetail": {
        "ApplicationConfigurationDescription": {
            "SqlApplicationConfigurationDescription": {"InputDescriptions": [INPUT]},
            "EnvironmentPropertyDescriptions": {},
        }
    }
}
DISCOVERED = {"InputSchema": SCHEMA, "ParsedInputRecords": [["1", "eve"]], "RawInputRecords": ["{}"]}


def written(folder: Path, content: Any) -> Path:
    file = folder / "schema.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


@pytest.mark.parametrize(
    "document", [SCHEMA, DESCRIBED_1, DESCRIBED_2, DISCOVERED], ids=["alone", "version 1", "version 2", "discovered"]
)
def test_every_document_of_the_service_that_holds_a_schema_is_read(tmp_path: Path, document: Any) -> None:
    assert InputSchema.read(written(tmp_path, document)) == READ


def test_what_the_service_may_leave_out_may_be_left_out_and_more_is_ignored(tmp_path: Path) -> None:
    document = {"RecordColumns": [VOLUME | {"Nullable": True}, ROOM], "SampleRows": [{"volume": 1}]}
    assert InputSchema.read(written(tmp_path, "\ufeff" + json.dumps(document))) == READ


def test_a_schema_reads_as_sql_declares_it() -> None:
    assert str(READ) == '"volume" DOUBLE, "COL_USER" VARCHAR(16)'


def changed(**members: Any) -> dict[str, Any]:
    return {**SCHEMA, **members}


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "schema must hold RecordColumns, as an InputSchema does, got '{file}'"),
        ({"InputSchema": {}}, "schema must hold RecordColumns, as an InputSchema does, got '{file}'"),
        (changed(RecordFormat={"RecordFormatType": "CSV"}), "RecordFormatType must be JSON in {file}, got 'CSV'"),
        (
            changed(RecordFormat={"MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$.rows[0:]"}}}),
            "RecordRowPath must be $ in {file}, got '$.rows[0:]'",
        ),
        (changed(RecordEncoding="UTF-16"), "RecordEncoding must be UTF-8 in {file}, got 'UTF-16'"),
        (changed(RecordColumns=[]), "RecordColumns must be a list of columns in {file}, got []"),
        (changed(RecordColumns=[VOLUME, {}]), "RecordColumns[1].Name must be text in {file}, got None"),
        (changed(RecordColumns=["volume"]), "RecordColumns[0].Name must be text in {file}, got None"),
        (changed(RecordColumns=[VOLUME | {"SqlType": 3}]), "RecordColumns[0].SqlType must be text in {file}, got 3"),
        (changed(RecordColumns=[VOLUME | {"Mapping": ""}]), "RecordColumns[0].Mapping must be text in {file}, got ''"),
        (
            changed(RecordColumns=[VOLUME | {"Mapping": "volume"}]),
            "RecordColumns[0].Mapping must be a JSON path that begins with $ in {file}, got 'volume'",
        ),
        (
            changed(RecordColumns=[VOLUME, ROOM, VOLUME]),
            "RecordColumns[2].Name must be of one column in {file}, got 'volume' again",
        ),
    ],
)
def test_what_is_no_schema_is_refused_by_file_and_member(tmp_path: Path, document: Any, text: str) -> None:
    file = written(tmp_path, document)
    with pytest.raises(ValueError) as refused:
        InputSchema.read(file)
    assert str(refused.value) == text.format(file=file)


def test_a_file_that_is_not_there_or_not_json_is_refused(tmp_path: Path) -> None:
    for file in (tmp_path / "gone.json", written(tmp_path, "{"), written(tmp_path, "[" * 100_000)):
        with pytest.raises(ValueError) as refused:
            InputSchema.read(file)
        assert str(refused.value).startswith(f"schema must be a file of JSON, got '{file}': ")
