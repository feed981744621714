"""Applications of the service on a MiniCluster: SQL and records in, rows out."""

import itertools
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from confluent_kafka import Producer
from job_runs import ROOT, command, kill_workers, lines, rows, run_to_a_savepoint, run_to_the_end, until, write_lines
from naive_stagger import stagger_windows
from pytest import approx
from sql_applications import application_run

from job.progress import Silent
from job.run import Run
from job.sql.application import read_application
from job.sql.schema import Column, InputSchema
from job.stop import Stop
from job.uris import SINKS, SOURCES, Uri, parse_uri
from udf.forest_state import forest_of
from udf.hotspots import Hotspots

if TYPE_CHECKING:
    from kafka_broker import KafkaBroker

pytestmark = pytest.mark.cluster

SQL = Path(__file__).parent / "sql"
START = 1767225600000  # 2026-01-01 in UTC
SENSORS = InputSchema(
    (
        Column("id", "INTEGER", "$.id"),
        Column("sensor", "VARCHAR(8)", "$.sensor"),
        Column("value", "DOUBLE", "$.value"),
        Column("text", "VARCHAR(16)", "$.text"),
    )
)


def measured() -> list[dict[str, Any]]:
    """A record a second of each of two sensors, for a minute and a half."""
    noise = np.random.default_rng(7).normal(10, 1, size=180).round(3).tolist()
    return [
        {"time": START + 500 * i, "id": i + 1, "sensor": "ab"[i % 2], "value": noise[i], "text": f" hello {i} "}
        for i in range(180)
    ]


def at(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{millis % 1000:03d}"


def test_every_construct(tmp_path: Path) -> None:
    given = measured()
    given[4] |= {"value": -1.5}
    given[6] |= {"value": None}
    given[0] |= {"text": "x"}
    bad: list[Any] = [{"time": START, "id": "one"}, {"time": START, "id": 2**40}, "no json", {"id": 1}]
    write_lines(tmp_path / "in.jsonl", [*given, *bad])
    application = read_application((SQL / "constructs.sql").read_text(), SENSORS)
    options, open_run = application_run(tmp_path, application, SENSORS, bounded=False)
    # Live: what is over comes out before the end; then the last minute
    live = {
        "COUNTED": 2,
        "STEPPED": 8,
        "STAGGERED": 24,
        "beside": 59,
        "SLIDING": 178,
        "pairs": 170,
        "PAIRED_BY_MINUTE": 1,
        "SCORED": 178,
        "CROWDED": 177,
        "faults": 5,
    }
    with Stop(), open_run(options, Silent()) as job:
        job.start()
        until(lambda: job.poll() and all(len(rows(tmp_path / name)) >= count for name, count in live.items()))
        assert [row["MINUTE_"] for row in rows(tmp_path / "PAIRED_BY_MINUTE")] == [at(START)]
        job.stop(drain=True)
    found = {name: rows(tmp_path / name) for name in options.outputs}

    counted = {(row["MINUTE_"], row["sensor"]): (row["RECORDS"], row["AVERAGE"]) for row in found["COUNTED"]}
    for minute, sensor in itertools.product((0, 1), "ab"):
        of_minute = [
            r["value"]
            for r in given
            if r["sensor"] == sensor and (r["value"] or -1) >= 0 and (r["time"] - START) // 60_000 == minute
        ]
        assert counted.pop((at(START + 60_000 * minute), sensor)) == (len(of_minute), approx(np.mean(of_minute)))
    assert not counted

    assert sorted(found["STEPPED"], key=lambda row: row["STARTED"]) == [
        {
            "STARTED": at(START + 10_000 * i),
            "HIGHEST": int(max(r["value"] or 0 for r in given[20 * i : 20 * i + 20])),
            "OPENED": None if i == 2 else given[20 * i]["id"],
        }
        for i in range(9)
    ]

    high = [r for r in given if (r["value"] or 0) > 9.5]
    windows = stagger_windows(high, lambda r: (r["sensor"], r["time"] // 60_000), 7000)
    windows = [window for window in windows if len(window) > 1]
    assert sorted(found["STAGGERED"], key=lambda row: row["OPENED"]) == [
        {
            "MINUTE_": at(w[0]["time"] // 60_000 * 60_000),
            "sensor": w[0]["sensor"].upper(),
            "OPENED": at(w[0]["time"]),
            "FIRST_": w[0]["id"],
            "LAST_": w[-1]["id"],
            "RECORDS": len(w),
            "TEXTS": len({r["text"] for r in w}),
            "HIGHEST": approx(max(r["value"] for r in w)),
        }
        for w in windows
    ]
    of_sensors = stagger_windows(given, lambda r: r["sensor"] == "a", 2500)
    whole = stagger_windows([{"time": w[0]["time"] + 6999} for w in windows], lambda r: None, 60_000)
    beside = [
        (at(w[0]["time"] + 2499), "a" if w[0]["sensor"] == "a" else None, sum(r["id"] for r in w)) for w in of_sensors
    ] + [(at(w[-1]["time"] // 60_000 * 60_000), "all", len(w)) for w in whole]
    assert sorted(map(str, beside)) == sorted(str(tuple(row.values())) for row in found["beside"])

    slid = {row["ID"]: row for row in found["SLIDING"]}
    for record in given:
        same = [r for r in given if r["sensor"] == record["sensor"] and r["id"] <= record["id"]]
        within = [r["value"] for r in same if r["time"] >= record["time"] - 5000 and r["value"] is not None]
        last = [r["value"] for r in same[-3:] if r["value"] is not None]
        assert slid[record["id"]]["IN_TIME"] == approx(sum(within))
        assert slid[record["id"]]["HALF"] == approx(sum(within) / 2)
        assert slid[record["id"]]["OF_ROWS"] == min(last)
        assert slid[record["id"]]["BEFORE"] == (same[-6]["value"] if len(same) > 5 else record["id"])
        assert slid[record["id"]]["NOT_SO_FAR"] == -1
        assert slid[record["id"]]["FIRST_"] == same[-3:][0]["value"]
        assert slid[record["id"]]["LAST_"] == last[-1]
        assert slid[record["id"]]["KEPT"] == record["id"]
    assert len(found["SLIDING"]) == len(given)

    pairs = [
        (left["id"], right["id"])
        for left, right in itertools.product(given, given)
        if left["sensor"] == right["sensor"] and right["id"] % 2 == 0 and left is not right
        if right["time"] - 2300 <= left["time"] <= right["time"]
    ]
    assert sorted((row["left"], row["right"]) for row in found["pairs"]) == pairs
    paired = {row["MINUTE_"]: row["PAIRS"] for row in found["PAIRED_BY_MINUTE"]}
    assert paired == {at(START): 117, at(START + 60_000): 60}

    assert sorted(found["SAID"], key=lambda row: row["ID"] or 9) == [
        {"ID": 2, "WHAT": "hello 1!", "N": int(given[1]["value"]), "SEEN": True},
        {"ID": 3, "WHAT": " HELLO 2 ", "N": int(given[2]["value"]), "SEEN": False},
        {"ID": 4, "WHAT": "hello 3!", "N": int(given[3]["value"]), "SEEN": False},
        {"ID": None, "WHAT": None, "N": 4, "SEEN": None},
    ]

    scores = {row["id"]: (row["SCORE"], row["WHY"]) for row in found["SCORED"]}
    for sensor in "ab":
        features = ("id", "value", "square")
        parameters = {"num_trees": 20, "sample_size": 10, "time_decay": 100, "shingle_size": 1, "seed": 0}
        forest = forest_of(sensor, {"dimensions": 3, **parameters, "features": features})
        for record in (r for r in given if r["sensor"] == sensor and r["value"] is not None):
            point = [[record["id"], record["value"], record["value"] * record["value"]]]
            why = forest.explain(point)[0][:200]
            assert scores.pop(record["id"]) == (forest.score_and_learn(point)[0], why)
    assert not scores

    positive = [[r["id"], r["value"]] for r in given if (r["value"] or 0) > 0]
    crowds = Hotspots(dimensions=2, window_size=100, scan_radius=1.5, min_points=3).update(positive)
    assert max(len(json.loads(crowd)["hotspots"]) for crowd in crowds) > 1
    assert {row["id"]: row["FOUND"] for row in found["CROWDED"]} == {
        record[0]: crowd[:4000] for record, crowd in zip(positive, crowds, strict=True)
    }

    errors = found["error_stream"]
    assert sorted((e["ERROR_NAME"] or "", e["MESSAGE"], e["PUMP_NAME"] or "") for e in errors) == [
        ("", "negative", "by hand"),
        ("COERCION", "EXACT must be DECIMAL(9, 1), got NaN", "no edges"),
        *[("COERCION", f"N must be SMALLINT, got {r['value'] * 10000}", "THEN_SAID") for r in by_text(given[:3])],
        ("FEATURES", "a feature is NULL or not finite, or a key is NULL", "SCORE_PUMP"),
        ("PARSE", "id is not an INTEGER", ""),
        ("PARSE", "id is not an INTEGER", ""),
        ("PARSE", "not a JSON object", ""),
        ("PARSE", "time is missing or null", ""),
    ]
    raw = {bytes.fromhex(e["DATA_ROW"]).decode() for e in errors if e["ERROR_NAME"] == "PARSE"}
    assert raw == {line if isinstance(line, str) else json.dumps(line) for line in bad}
    assert sorted(row["WHY"] for row in found["faults"]) == sorted(
        e["MESSAGE"][:20] for e in errors if e["PUMP_NAME"] is not None
    )
    assert {row["LEVEL_"] for row in found["faults"]} == {"ERR", None}

    assert found["records"] == [
        {
            'größe "x`;': "x größer 😀 'x'; -- no",
            "APPROXIMATE_ARRIVAL_TIME": None,
            "MILLIS": START,
            "SINCE": START + 250,
            "AGAIN": at(1000),
            "NARROW": float(np.float32(given[0]["value"])),
            "REPLACED": "yy",
            "SECONDS": 1.5,
            "MINUTES": 1,
            "STEPPED": at(-10_000),
            "PADDED": "x.",
            "NEVER": None,
        }
    ]
    assert found["edges"] == [dict.fromkeys(("NARROW", "WIDE", "EXACT", "WHOLE", "REST"))]


def by_text(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: str(record["value"] * 10000))


VOLUMES = InputSchema((Column("event_time", "VARCHAR(32)", "$.event_time"), Column("volume", "DOUBLE", "$.volume")))


def volumes(count: int, seed: int = 5) -> list[dict[str, Any]]:
    """The volume of a room, twenty a second; somebody shouts at the 400th."""
    noise = np.abs(np.random.default_rng(seed).normal(3, 2, size=count)).round(6).tolist()
    found = [{"event_time": at(START + 50 * i), "volume": noise[i]} for i in range(count)]
    if count > 400:
        found[400]["volume"] = 90.5
    return found


def seed_rows(given: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """What the application of the blog makes of them: by second, and in it by score descending."""
    parameters = {"num_trees": 100, "sample_size": 10, "time_decay": 100, "shingle_size": 1, "seed": 0}
    forest = forest_of("", {"dimensions": 1, **parameters, "features": ("volume",)})
    scores = forest.score_and_learn([[record["volume"]] for record in given]).tolist()
    found = [(i // 20, -scores[i], i) for i in range(len(given))]
    return [(int(given[i]["volume"]), -score) for _, score, i in sorted(found)]


def shown(folder: Path) -> list[tuple[int, float]]:
    files = sorted(folder.glob("[!.]*"), key=lambda file: file.stat().st_mtime_ns)
    found = [json.loads(line, object_pairs_hook=list) for file in files for line in file.read_text().splitlines()]
    assert all([name for name, _ in row] == ["volume", "ANOMALY_SCORE"] for row in found), "in the stream's order"
    return [(row[0][1], row[1][1]) for row in found]


def test_the_application_of_the_blog_runs_as_printed_and_so_does_the_program_that_it_becomes(tmp_path: Path) -> None:
    given = volumes(600)
    write_lines(tmp_path / "in.jsonl", [*given, {"event_time": at(START + 31_000), "volume": 1e11}])
    (tmp_path / "schema.json").write_text(
        json.dumps(
            {"RecordColumns": [{"Name": c.name, "SqlType": c.sql_type, "Mapping": c.mapping} for c in VOLUMES.columns]}
        )
    )
    ends = ["--source", f"file:{tmp_path / 'in.jsonl'}", "--time", "event_time", "--bounded"]
    told = ["sql", SQL / "seed.sql", "--schema", tmp_path / "schema.json", *ends]
    output = f"--output=DESTINATION_SQL_STREAM=file:{tmp_path / 'rows'}"
    for process in (command(*told, output), command(*told, "--explain")):
        program, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    found = shown(tmp_path / "rows")
    assert found == seed_rows(given)
    assert max(found, key=lambda row: row[1])[0] == 90, "the shout"
    (error,) = rows(tmp_path / "rows-errors")
    assert error["MESSAGE"] == "volume must be INTEGER, got 1.0E11"

    (tmp_path / "program.py").write_text(program)
    ran = subprocess.run(
        [sys.executable, tmp_path / "program.py", *ends],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    printed = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    assert printed == lines(tmp_path / "rows")
    assert [line for line in ran.stdout.splitlines() if line.startswith("error_stream> {")], "the error, too"


HOT = """;
CREATE STREAM "HOT" (at_ VARCHAR(32), found VARCHAR(4000));
CREATE PUMP hot_pump AS INSERT INTO "HOT" SELECT STREAM "event_time", HOTSPOTS_RESULT FROM TABLE(
    HOTSPOTS(CURSOR(SELECT STREAM * FROM "SOURCE_SQL_STREAM_001"), 100, 0.2, 5));
CREATE STREAM "LOUD" (opened VARCHAR(32), level INTEGER, n INTEGER);
CREATE PUMP loud_pump AS INSERT INTO "LOUD"
    SELECT STREAM FIRST_VALUE("event_time"), FLOOR("volume"), COUNT(*) FROM "SOURCE_SQL_STREAM_001" WHERE "volume" >= 5
    WINDOWED BY STAGGER (PARTITION BY FLOOR("volume") RANGE INTERVAL '10' SECOND);
"""


def test_stopped_and_crashed_forests_hotspots_and_stagger_windows_go_on(tmp_path: Path) -> None:
    given = volumes(40_000, seed=6)
    spool = tmp_path / "spool"
    spool.mkdir()
    write_lines(spool / "1.jsonl", given[:1000])
    application = read_application((SQL / "seed.sql").read_text() + HOT, VOLUMES)
    told: dict[str, Any] = {
        "time": "event_time",
        "source": Uri("file", spool),
        "state": tmp_path / "state",
        "max_delay": 0,
    }
    told |= {"checkpoint_interval": 100}
    options, open_run = application_run(tmp_path, application, VOLUMES, **told, bounded=False)
    folder = tmp_path / "DESTINATION_SQL_STREAM"
    run_to_a_savepoint(options, 900, lambda _: len(lines(folder)), open_run)

    late = {"event_time": at(START), "volume": 1.0}
    write_lines(spool / "2.jsonl", [*given[1000:], late])
    options, open_run = application_run(tmp_path, application, VOLUMES, **told, parallelism=2)
    killed: list[int] = []

    def kill_once(job: Run) -> None:
        if not killed and 1000 < job.summary.read < len(given):
            killed.append(kill_workers())

    run_to_the_end(options, kill_once, open_run)
    assert killed and killed[0] > 0, "the run was over before a worker could be killed"
    assert shown(folder) == seed_rows(given)
    hot = Hotspots(1, 100, 0.2, 5).update([[record["volume"]] for record in given])
    assert max(len(json.loads(text)["hotspots"]) for text in hot) > 1
    found = {row["AT_"]: row["FOUND"] for row in rows(tmp_path / "HOT")}
    assert found == {record["event_time"]: text for record, text in zip(given, hot, strict=True)}
    assert len(rows(tmp_path / "HOT")) == len(given), "each once"
    loud = [r | {"time": 50 * i} for i, r in enumerate(given) if r["volume"] >= 5]
    windows = stagger_windows(loud, lambda r: int(r["volume"]), 10_000)
    assert sorted(tuple(row.values()) for row in rows(tmp_path / "LOUD")) == sorted(
        (w[0]["event_time"], int(w[0]["volume"]), len(w)) for w in windows
    )
    (error,) = rows(tmp_path / "error_stream")
    assert (error["ERROR_NAME"], error["DATA_ROWTIME"]) == ("LATE", at(START))
    assert json.loads(bytes.fromhex(error["DATA_ROW"])) == late


@pytest.mark.servers
def test_between_topics_rowtime_is_when_a_record_came_to_the_broker(tmp_path: Path, kafka: "KafkaBroker") -> None:
    given = volumes(500)
    for topic in ("sql-in", "sql-rows", "sql-errors"):
        kafka.create_topic(topic)
    sender = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for i, record in enumerate(given):
        sender.produce("sql-in", json.dumps(record), timestamp=START + 50 * i)
    sender.produce("sql-in", b"no json", timestamp=START + 25_000)
    sender.flush()
    application = read_application((SQL / "seed.sql").read_text(), VOLUMES)
    ends = {
        name: parse_uri("output", f"kafka://{kafka.bootstrap}/{topic}", SINKS)
        for name, topic in {"DESTINATION_SQL_STREAM": "sql-rows", "error_stream": "sql-errors"}.items()
    }
    source = parse_uri("source", f"kafka://{kafka.bootstrap}/sql-in", SOURCES)
    told = {"source": source, "time": "arrival", "quiet": 2000, "outputs": ends}
    options, open_run = application_run(tmp_path, application, VOLUMES, **told)
    run_to_the_end(options, open_run=open_run)
    found = [json.loads(message.value() or b"") for message in kafka.records("sql-rows")]
    assert [(row["volume"], row["ANOMALY_SCORE"]) for row in found] == seed_rows(given)
    (error,) = [json.loads(message.value() or b"") for message in kafka.records("sql-errors")]
    assert (bytes.fromhex(error["DATA_ROW"]), error["MESSAGE"]) == (b"no json", "not a JSON object")
