"""A directory that is watched: its backlog, its quiet, its live data, and the end that Ctrl-C brings."""

import json
import random
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from job_runs import command, rows, until, write_lines

pytestmark = pytest.mark.cluster

FOREST = ["--value", "volume", "--num-trees", 20, "--sample-size", 10, "--time-decay", 100]
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def at(seconds: float, **more: Any) -> dict[str, Any]:
    """A record `seconds` after START."""
    return {"event_time": (START + timedelta(seconds=seconds)).isoformat(), "volume": seconds % 7, **more}


def test_watched_directory(tmp_path: Path) -> None:
    spool, sink, errors = tmp_path / "spool", tmp_path / "scores", tmp_path / "scores-errors"
    spool.mkdir()
    numbers = list(range(1, 13))
    random.Random(4).shuffle(numbers)
    for number in numbers:
        write_lines(spool / f"{number}.jsonl", [at(5 * number + i / 10) for i in range(50)])
    process = command("run", "--source", f"file:{spool}", "--sink", f"file:{sink}", *FOREST)
    given = 600

    def comes(file: str, records: list[dict[str, Any]]) -> float:
        """Write `records`; the seconds from their visibility to that of their rows."""
        nonlocal given
        given += len(records)
        write_lines(spool / file, records)
        began = time.monotonic()
        until(lambda: len(rows(sink)) >= given or process.poll() is not None, 30)
        return time.monotonic() - began

    try:
        until(lambda: len(rows(sink)) >= given or process.poll() is not None)
        assert len(rows(sink)) == given, "the last second of the backlog is out, though nothing came after it"
        assert rows(errors) == [], "a backlog makes nothing late"

        for file, hours in [("13.jsonl", 1), ("14.jsonl", 2)]:
            took = comes(file, [at(3600 * hours + i / 10) for i in range(10)])
            print(f"quiet stream: its last second came out {took:.2f} s after its file")
            assert took < 10
        assert rows(errors) == [], "data that resumes is not late"

        closed = [at(7.05), at(2 * 3600 + 0.95)]
        write_lines(spool / "15.jsonl", closed)
        until(lambda: len(rows(errors)) >= 2)
        assert [(json.loads(row["raw"]), row["reason"]) for row in rows(errors)] == [
            (record, "late: its second was closed") for record in closed
        ]

        with (spool / "16.jsonl").open("w", encoding="utf-8", buffering=1) as slow:
            text = json.dumps(at(3 * 3600, text="written in two pieces"))
            slow.write(text[:40])
            slow.flush()
            time.sleep(2.5)  # longer than the stream must be quiet for
            slow.write(text[40:])
            slow.flush()
            given += 1
            until(lambda: len(rows(sink)) >= given or process.poll() is not None, 30)
            slow.write("\n")
        assert [row["text"] for row in rows(sink) if "text" in row] == ["written in two pieces"]

        for number in range(17, 20):
            now = datetime.now(UTC)
            live = [{"event_time": now.isoformat(), "volume": i} for i in range(5)]
            took = comes(f"{number}.jsonl", live)
            print(f"live data: came out {took:.2f} s after its file")
            assert took < 10

        write_lines(spool / "20.jsonl", [at(22 * 3600), at(3 * 86400)])
        write_lines(spool / "21.jsonl", [{"event_time": datetime.now(UTC).isoformat(), "volume": 1}])
        time.sleep(0.6)  # it is read, but its second is open
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, ""), err
    assert sorted(row["reason"] for row in rows(errors)) == [
        "event_time is more than 86400 s ahead of its arrival",
        *["late: its second was closed"] * 3,
    ]
    assert len(rows(sink)) == given + 1
    assert f"\n{given + 5} records read, {given + 1} scored, 1 rejected, 3 late\n" in err
    assert re.search(r"highest scores:\n( +\d\.\d{3}  at \S+Z\n){5}$", err)
    files = sorted(sink.glob("[!._]*"), key=lambda file: file.stat().st_mtime_ns)
    seconds = [json.loads(line)["second"] for file in files for line in file.read_text().splitlines()]
    assert seconds == sorted(seconds)


def test_printed_rows_are_all_of_standard_output(tmp_path: Path) -> None:
    write_lines(tmp_path / "in.jsonl", [*[at(i / 10) for i in range(100)], "bad"])
    source = f"file:{tmp_path / 'in.jsonl'}"
    process = command("run", "--bounded", "--source", source, "--sink", "print:", "--parallelism", 2, *FOREST)
    try:
        out, err = process.communicate(timeout=90)
    finally:
        process.kill()
    assert process.returncode == 0, err
    printed = [json.loads(line) for line in out.splitlines()]
    scores = [row for row in printed if "anomaly_score" in row]
    [error] = [row for row in printed if row not in scores]
    assert (error["reason"], error["raw"]) == ("not a JSON object", "bad")
    assert len(scores) == 100
    assert sorted(scores, key=lambda row: (row["second"], -row["anomaly_score"])) == scores
