"""Hotspots on a MiniCluster: stopped, crashed and gone on, of each key the windows are what they would have been."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import kill_workers, lines, rows, run_to_a_savepoint, run_to_the_end, write_lines

from job.run import Run
from job.sql.application import read_application
from job.sql.command import planner, statements
from job.sql.options import SqlOptions
from job.sql.run import SqlRun
from job.sql.schema import Column, InputSchema
from job.uris import Uri
from udf.hotspots import Hotspots

pytestmark = pytest.mark.cluster

START = 1767225600000  # 2026-01-01 in UTC
SCHEMA = InputSchema((Column("id", "INTEGER", "$.id"), Column("car", "VARCHAR(8)", "$.car"), *(
    Column(name, "DOUBLE", f"$.{name}") for name in "xy"
)))  # fmt: skip
APPLICATION = """
CREATE STREAM dense ("id" INTEGER, "car" VARCHAR(8), "where" VARCHAR(10000));
CREATE PUMP p AS INSERT INTO dense
    SELECT STREAM h."id", h."car", HOTSPOTS_RESULT FROM TABLE(HOTSPOTS(CURSOR(
        SELECT STREAM CAST("id" AS VARCHAR(9)) AS "id", "car", "x", "y" FROM "SOURCE_SQL_STREAM_001"
    ) PARTITION BY "car", 100, 0.3, 4)) AS h
"""


def test_windows_go_on_after_a_stop_and_a_crash(tmp_path: Path) -> None:
    seed, count = 21, 20_000
    print("seed", seed)
    points = np.random.default_rng(seed).normal(size=(count, 2)).round(3).tolist()
    given: list[dict[str, Any]] = [
        {"time": START + 50 * i, "id": i, "car": "äbc"[i % 3], "x": x, "y": y} for i, (x, y) in enumerate(points)
    ]
    given[500]["x"] = None
    spool, state = tmp_path / "spool", tmp_path / "state"
    spool.mkdir()
    write_lines(spool / "1.jsonl", given[:1000])
    application = read_application(APPLICATION, SCHEMA)

    def open_run(**told: Any) -> Any:
        ends = {name: Uri("file", tmp_path / name) for name in ("DENSE", "error_stream")}
        options = SqlOptions(
            source=Uri("file", spool),
            sink=Uri("print"),
            errors=Uri("print"),
            outputs=ends,
            statements=statements(application, SCHEMA),
            time="time",
            max_delay=0,
            checkpoint_interval=100,
            state=state,
            **told,
        )
        return options, partial(SqlRun, schema=SCHEMA, build=planner(application, options.seed))

    options, opened = open_run(bounded=False)
    run_to_a_savepoint(options, 900, lambda _: len(lines(tmp_path / "DENSE")), opened)
    write_lines(spool / "2.jsonl", given[1000:])
    options, opened = open_run(bounded=True, parallelism=2)
    killed: list[int] = []

    def kill_once(job: Run) -> None:
        if not killed and 1000 < job.summary.read < count:
            killed.append(kill_workers())

    run_to_the_end(options, kill_once, opened)
    assert killed and killed[0] > 0, "the run was over before a worker could be killed"

    windows = {car: Hotspots(2, 100, 0.3, 4) for car in "äbc"}
    found = {row["id"]: (row["car"], row["where"]) for row in rows(tmp_path / "DENSE")}
    assert len(found) == len(lines(tmp_path / "DENSE")) == count - 1, "each once"
    for record in given:
        if record["x"] is not None:
            (text,) = windows[record["car"]].update([[record["x"], record["y"]]])
            assert found[record["id"]] == (record["car"], text)
    assert sum("density" in text for _, text in found.values()) > count / 2
    (error,) = rows(tmp_path / "error_stream")
    assert error["ERROR_NAME"] == "FEATURES"
    assert json.loads(bytes.fromhex(error["DATA_ROW"])) == {
        "id": "500",
        "car": "c",
        "x": None,
        "y": str(points[500][1]),
    }
