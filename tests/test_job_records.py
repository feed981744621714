"""What becomes of a record: scored as it came, or rejected with a reason; each in exactly one place."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import options, rows, run_to_the_end, write_lines

from job.flink_line import LINE
from udf.forest_state import forest_of
from udf.rcf import RandomCutForest

pytestmark = pytest.mark.cluster

START = datetime(2026, 1, 1, tzinfo=UTC)
AT = '"event_time":"2026-01-01T00:00:10+00:00"'

BAD = {
    b"": "not a JSON object",
    b"not json": "not a JSON object",
    b"[1]": "not a JSON object",
    b"null": "not a JSON object",
    b"[" * 100_000: "not a JSON object",
    b"\xff\xfe\x00": "not a JSON object",
    f'{{{AT},"volume":1'.encode(): "not a JSON object",
    f'{{{AT},"volume":1}} x'.encode(): "not a JSON object",
    f'{{{AT},"volume":1}}{{{AT},"volume":1}}'.encode(): "not a JSON object",
    f'{{{AT},"volume":1}},{{"a":1}}'.encode(): "not a JSON object",
    f'{{{AT},"volume":NaN}}'.encode(): "not a JSON object",
    # Flink 2.3's JSON parser takes no number of so many digits
    f'{{{AT},"volume":{"1" * 5000}}}'.encode(): "volume is not finite" if LINE == "1.20" else "not a JSON object",
    f'{{{AT},"volume":1,"text":"'.encode() + b'\xff"}': "not UTF-8",
    f"{{{AT}}}".encode(): "volume is missing or null",
    f'{{{AT},"volume":null}}'.encode(): "volume is missing or null",
    f'{{{AT},"Volume":1}}'.encode(): "volume is missing or null",
    f'{{{AT},"volume":"abc"}}'.encode(): "volume is not a number",
    f'{{{AT},"volume":"NaN"}}'.encode(): "volume is not a number",
    f'{{{AT},"volume":"3d"}}'.encode(): "volume is not a number",
    f'{{{AT},"volume":"0x1p3"}}'.encode(): "volume is not a number",
    f'{{{AT},"volume":""}}'.encode(): "volume is not a number",
    f'{{{AT},"volume":true}}'.encode(): "volume is not a number",
    f'{{{AT},"volume":[1]}}'.encode(): "volume is not a number",
    f'{{{AT},"volume":{{}}}}'.encode(): "volume is not a number",
    f'{{{AT},"volume":1e999}}'.encode(): "volume is not finite",
    f'{{{AT},"volume":-1e999}}'.encode(): "volume is not finite",
    b'{"volume":1}': "event_time is missing or null",
    b'{"event_time":null,"volume":1}': "event_time is missing or null",
    b'{"event_time":"yesterday","volume":1}': "event_time is not a time (ISO 8601, or epoch seconds or milliseconds)",
    b'{"event_time":"2026-02-30T00:00:00Z","volume":1}': (
        "event_time is not a time (ISO 8601, or epoch seconds or milliseconds)"
    ),
    b'{"event_time":"2026-01-01T24:00:00Z","volume":1}': (
        "event_time is not a time (ISO 8601, or epoch seconds or milliseconds)"
    ),
    b'{"event_time":1e999,"volume":1}': "event_time is not a time (ISO 8601, or epoch seconds or milliseconds)",
    b'{"event_time":[1],"volume":1}': "event_time is not a time (ISO 8601, or epoch seconds or milliseconds)",
    b'{"event_time":"1900-01-01T00:00:00Z","volume":1}': "event_time is before 1970",
    b'{"event_time":-5,"volume":1}': "event_time is before 1970",
    b'{"event_time":"9999-01-01T00:00:00Z","volume":1}': "event_time is more than 86400 s ahead of its arrival",
}
TIMES = [
    "2026-01-01T00:00:10.5Z",
    "2026-01-01T00:00:10.51",
    "2026-01-01 00:00:10",
    1767225610.52,
    1767225610530,
    1.767225610e9,
    "1767225610",
    "2026-01-01T01:00:10.54+01:00",
    "2025-12-31T19:30:10,55-0430",
    "2026-01-01T02:00:10.560001+02",
]
"""The second 00:00:10 of 2026 in UTC, as it may be written."""


def test_every_record_is_scored_or_rejected_and_none_of_the_bad_touches_the_forest(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).normal(size=400).round(6)
    good: list[dict[str, Any]] = [
        {
            "event_time": (START + timedelta(milliseconds=100 * i)).isoformat(timespec="milliseconds"),
            "volume": float(noise[i]),
            "text": 'é "\u001e\n',
            "nested": {"list": [1, {"none": None}], "big": 12345678901234567890123},
        }
        for i in range(400)
    ]
    also_good = [{"event_time": time, "volume": 50 + i} for i, time in enumerate(TIMES)]
    mixed: list[bytes | str | dict] = [*good[:150], *also_good]
    for bad, following in zip(BAD, good[150:], strict=False):
        mixed += [bad, following]
    mixed += good[150 + len(BAD) :]
    write_lines(tmp_path / "in.jsonl", mixed)
    summary = run_to_the_end(options(tmp_path, tmp_path / "in.jsonl", bounded=True))

    assert (summary.read, summary.scored, summary.rejected, summary.late) == (
        len(mixed),
        len(good) + len(also_good),
        len(BAD),
        0,
    )
    errors = rows(tmp_path / "errors")
    assert {row["raw"].encode(row["encoding"]): row["reason"] for row in errors} == BAD
    scored = rows(tmp_path / "scores")
    assert sorted(scored, key=lambda row: (row["second"], -row["anomaly_score"])) == scored
    extra = {"second", "anomaly_score"}
    came_out = [{k: v for k, v in row.items() if k not in extra} for row in scored]
    assert sorted(map(json.dumps, came_out)) == sorted(map(json.dumps, [*good, *also_good]))
    assert {row["second"] for row in scored if row["volume"] >= 50} == {"2026-01-01T00:00:10Z"}

    forest = RandomCutForest(1, num_trees=20, sample_size=10, time_decay=100)
    in_ten = {row["volume"] for row in scored if row["second"] == "2026-01-01T00:00:10Z"}
    before = [row for row in good if row["event_time"] < "2026-01-01T00:00:10"]
    expected = forest.score_and_learn(np.array([[row["volume"]] for row in before]))
    found = {row["event_time"]: row["anomaly_score"] for row in scored}
    assert [found[row["event_time"]] for row in before] == expected.tolist()
    assert len(in_ten) == 10 + len(TIMES)


def test_forests_of_keys_are_those_of_their_records_whatever_the_parallelism(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    records: list[dict[str, Any]] = [
        {
            "event_time": 1_767_225_600_000 + 7 * i,
            "sensor": f"s{generator.integers(40)}" if i % 50 else None,
            "a": float(generator.normal()),
            "b c": {"d": float(generator.normal())},
        }
        for i in range(4000)
    ]
    shuffled = [records[i] for i in generator.permutation(len(records))]
    for name, order in [("one", records), ("two", shuffled)]:
        write_lines(tmp_path / f"{name}.jsonl", order)
        told = options(
            tmp_path / name,
            tmp_path / f"{name}.jsonl",
            values=("a", "$['b c'].d") if name == "one" else ("$['b c'].d", "a"),
            key="sensor",
            seed=11,
            bounded=True,
            parallelism=1 if name == "one" else 2,
        )
        summary = run_to_the_end(told)
        assert (summary.scored, summary.rejected, summary.late) == (3920, 80, 0)
    one = rows(tmp_path / "one" / "scores")
    assert one == rows(tmp_path / "two" / "scores"), "order of arrival, of fields, and parallelism change nothing"
    assert {row["reason"] for row in rows(tmp_path / "one" / "errors")} == {
        "sensor is missing, null or not a single value"
    }

    parameters = {"dimensions": 2, "num_trees": 20, "sample_size": 10, "time_decay": 100, "seed": 11}
    found = {row["event_time"]: row["anomaly_score"] for row in one}
    for key in {record["sensor"] for record in records} - {None}:
        mine = [record for record in records if record["sensor"] == key]
        points = np.array([[record["b c"]["d"], record["a"]] for record in mine])
        expected = forest_of(key, parameters).score_and_learn(points).tolist()
        assert [found[record["event_time"]] for record in mine] == expected, key


def test_time_of_arrival_and_short_seconds(tmp_path: Path) -> None:
    write_lines(tmp_path / "in.jsonl", [{"volume": i, "event_time": "never"} for i in range(30)])
    before = datetime.now(UTC)
    told = options(tmp_path, tmp_path / "in.jsonl", time="arrival", every=100, bounded=True)
    assert run_to_the_end(told).scored == 30
    seconds = [datetime.fromisoformat(row["second"]) for row in rows(tmp_path / "scores")]
    assert all(before - timedelta(milliseconds=100) <= second <= datetime.now(UTC) for second in seconds)
    assert all(second.microsecond % 100_000 == 0 for second in seconds)


def test_times_without_an_offset_are_of_the_time_zone(tmp_path: Path) -> None:
    times = {
        "2026-07-01T12:00:00": "2026-07-01T10:00:00Z",
        "2026-01-01 12:00:00.25": "2026-01-01T11:00:00Z",
        "2026-07-01T12:00:00Z": "2026-07-01T12:00:00Z",
    }
    write_lines(tmp_path / "in.jsonl", [{"volume": 1, "event_time": time} for time in times])
    run_to_the_end(options(tmp_path, tmp_path / "in.jsonl", time_zone="Europe/Berlin", bounded=True))
    assert {row["event_time"]: row["second"] for row in rows(tmp_path / "scores")} == times
