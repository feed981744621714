"""Where the streams of an application go, and which state is its own."""

import argparse
import json
from pathlib import Path

import pytest
from sql_applications import INPUT, SCHEMA, SEED, STREAMS

from job.arguments import add_sql
from job.sql.application import read_application
from job.sql.command import input_schema, statements
from job.sql.options import SqlOptions
from job.sql.program import sql_options
from job.sql.schema import Column, InputSchema
from job.state import StateDirectory
from job.uris import Uri


def with_outputs(folder: Path, *outputs: str) -> SqlOptions:
    parser = argparse.ArgumentParser()
    add_sql(parser)
    told = parser.parse_args(["--source", f"file:{folder}", *(f"--output={output}" for output in outputs)])
    return sql_options(told, ["error_stream", "A b", "a", "A_b"], ["a"], {})


def test_a_stream_leaves_once_and_state_is_of_what_leaves(tmp_path: Path) -> None:
    assert list(with_outputs(tmp_path, "A_b=print:", "a=print:").outputs) == ["error_stream", "a", "A_b"]
    for again in ("a=file:two", "A b=print:"):
        with pytest.raises(ValueError) as refused:
            with_outputs(tmp_path, "a=file:one", "A_b=print:", again)
        assert str(refused.value) == f"output must be of a stream once, got {again!r} too"
    StateDirectory(tmp_path).claim(with_outputs(tmp_path, "A_b=print:", "a=print:"))
    StateDirectory(tmp_path).claim(with_outputs(tmp_path, "a=file:one", "A_b=print:"))
    with pytest.raises(ValueError) as refused:
        StateDirectory(tmp_path).claim(with_outputs(tmp_path, "a=file:one"))
    assert str(refused.value).startswith("outputs must be error_stream, a, A_b as in the state of")


def test_no_two_streams_go_to_one_place_and_none_to_the_source(tmp_path: Path) -> None:
    rows, topic = tmp_path / "rows", "kafka://localhost:9092/rows"
    for outputs, message in {
        (f"a=file:{rows}", f"A_b=file:{tmp_path}/x/../rows"): f"file:{tmp_path}/x/../rows for a and A_b",
        (f"a=file:{rows}", f"error_stream=file:{rows}"): f"file:{rows} for error_stream and a",
        (f"a=file:{rows}", f"A_b=file:{rows}-errors"): f"file:{rows}-errors for error_stream and A_b",
        (f"a={topic}", f"A_b={topic}?compression.type=zstd"): f"{topic} for a and A_b",
        (f"a=file:{tmp_path}",): f"file:{tmp_path} for the source and a",
    }.items():
        with pytest.raises(ValueError) as refused:
            with_outputs(tmp_path, *outputs)
        assert str(refused.value) == f"output must be a place of its own, got {message}"
    assert list(with_outputs(tmp_path, "a=print:", "A_b=print:").outputs) == ["error_stream", "a", "A_b"]


def test_state_is_of_its_time_zone(tmp_path: Path) -> None:
    def options(time_zone: str) -> SqlOptions:
        nowhere = Uri("print")
        return SqlOptions(Uri("file", tmp_path), nowhere, nowhere, time_zone=time_zone)

    StateDirectory(tmp_path).claim(options("Europe/Berlin"))
    with pytest.raises(ValueError) as refused:
        StateDirectory(tmp_path).claim(options("UTC"))
    assert str(refused.value).startswith("time_zone must be Europe/Berlin as in the state of")
    file = tmp_path / "options.json"
    before = json.loads(file.read_text())
    del before["time_zone"]
    file.write_text(json.dumps(before))
    StateDirectory(tmp_path).claim(options("UTC"))


def test_no_option_is_taken_that_says_nothing_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_sql(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--source", f"file:{tmp_path}", "--shards", "2"])
    assert "unrecognized arguments: --shards 2" in capsys.readouterr().err


def test_state_of_another_application_is_refused_by_the_name_of_what_differs(tmp_path: Path) -> None:
    def options(text: str, schema: InputSchema = SCHEMA) -> SqlOptions:
        told = statements(read_application(text, schema), schema)
        nowhere = Uri("print")
        return SqlOptions(Uri("file", tmp_path), nowhere, nowhere, time="arrival", statements=told)

    seed = SEED.read_text()
    StateDirectory(tmp_path).claim(options(seed))
    StateDirectory(tmp_path).claim(
        options(seed.replace("--Creates", "-- a comment\n\n--Creates").replace("STREAM ", "stream  "))
    )
    refusals = {
        seed.replace(
            "100,\n           --subSampleSize", "50,\n           --subSampleSize"
        ): "pump STREAM_PUMP must be CREATE OR",
        seed.replace('"volume"        INTEGER', '"volume"        BIGINT', 1): "stream TEMP_STREAM must be CREATE OR",
        seed + 'CREATE STREAM "MORE" ("x" INTEGER);': "statements must be stream TEMP_STREAM, stream DESTINATION",
    }
    for text, message in refusals.items():
        assert text != seed
        with pytest.raises(ValueError) as refused:
            StateDirectory(tmp_path).claim(options(text))
        assert str(refused.value).startswith(message)
    with pytest.raises(ValueError) as refused:
        StateDirectory(tmp_path).claim(
            options(seed, InputSchema((*SCHEMA.columns[:1], Column("volume", "REAL", "$.volume"))))
        )
    assert str(refused.value).startswith("column volume must be DOUBLE $.volume as in the state of")


def test_columns_that_are_not_told_are_found_and_then_kept_with_the_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.jsonl").write_text('{"volume": 3, "event_time": "now"}\n')
    told = argparse.Namespace(schema=None, source=f"file:{tmp_path / 'in.jsonl'}", state=tmp_path / "s", fresh=False)
    found = input_schema(told)
    assert str(found) == '"volume" INTEGER, "event_time" VARCHAR(16)'
    assert str(found) in capsys.readouterr().err

    application = read_application(
        STREAMS + f'CREATE PUMP p AS INSERT INTO a SELECT STREAM "volume" FROM {INPUT}', found
    )
    nowhere = Uri("print")
    options = SqlOptions(Uri("file", tmp_path), nowhere, nowhere, statements=statements(application, found))
    StateDirectory(tmp_path / "s").claim(options)
    (tmp_path / "in.jsonl").write_text('{"volume": 3.5, "loud": true}\n')
    assert input_schema(told) == found
    told.fresh = True
    assert str(input_schema(told)) == '"volume" DOUBLE, "loud" BOOLEAN'
