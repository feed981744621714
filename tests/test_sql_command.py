"""What columns an application's input has, where --schema does not say it."""

import argparse
from pathlib import Path
from typing import Any

import pytest
from job_runs import write_lines

from job.arguments import add_sql
from job.sql.application import read_application
from job.sql.command import input_schema, sql, statements
from job.sql.options import SqlOptions
from job.sql.schema import Column, InputSchema
from job.state import StateDirectory
from job.uris import Uri

PUMP = 'CREATE STREAM s (x DOUBLE); CREATE PUMP p AS INSERT INTO s SELECT STREAM 1 FROM "SOURCE_SQL_STREAM_001"'
ODD = InputSchema(
    (
        Column("exact", "DECIMAL(9, 2)", "$.exact"),
        Column("wide", "DOUBLE PRECISION", "$['a $b']"),
        Column("a $ b", "VARCHAR(16)", "$.motor.name"),
    )
)


def told(folder: Path, **changed: Any) -> argparse.Namespace:
    return argparse.Namespace(
        **{"schema": None, "source": f"file:{folder / 'in.jsonl'}", "state": None, "fresh": False} | changed
    )


def test_columns_are_those_of_the_state_until_a_fresh_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(tmp_path / "in.jsonl", [{"volume": 3}])
    nowhere, state = Uri("print"), tmp_path / "state"
    made = statements(read_application(PUMP, ODD), ODD)
    StateDirectory(state).claim(SqlOptions(Uri("file", tmp_path), nowhere, nowhere, time="arrival", statements=made))
    assert input_schema(told(tmp_path, state=state)) == ODD
    assert capsys.readouterr().err == f"no --schema: columns as in the state of {state}: {ODD}\n"
    assert str(input_schema(told(tmp_path, state=state, fresh=True))) == '"volume" INTEGER'


def test_what_has_no_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as missing:
        input_schema(told(tmp_path))
    assert str(missing.value).startswith("source must be a file or directory that is there, got 'file:")
    write_lines(tmp_path / "in.jsonl", ["no json"])
    with pytest.raises(RuntimeError) as none:
        input_schema(told(tmp_path))
    assert str(none.value).endswith("none is among the 1 records sampled; --schema FILE says what columns there are")


def test_a_pump_that_is_left_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(tmp_path / "in.jsonl", [{"volume": 3}])
    (tmp_path / "app.sql").write_text(f"{PUMP};{PUMP.partition(';')[2].replace('PUMP p', 'PUMP q STOPPED')}")
    parser = argparse.ArgumentParser()
    add_sql(parser)
    arguments = parser.parse_args(["--source", f"file:{tmp_path / 'in.jsonl'}", "--output", "none=print:"])
    arguments.schema, arguments.application = None, tmp_path / "app.sql"
    with pytest.raises(ValueError, match=r"^output must be STREAM=URI of one of "):
        sql(arguments)
    assert "left out, since they are STOPPED: Q\n" in capsys.readouterr().err
