"""The applications in docs/samples: run as a user does, without a schema, on data whose anomalies are known."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import ROOT, rows, write_lines

from job.cli import main

pytestmark = pytest.mark.cluster

SAMPLES = ROOT / "docs" / "samples"
START = datetime(2026, 1, 1, tzinfo=UTC)
WARM_UP = 256
Run = Callable[[str, list[dict[str, Any]], int], list[dict[str, Any]]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(sample: str, records: list[dict[str, Any]], per_second: int) -> list[dict[str, Any]]:
        """The rows of the destination stream, of records that come so often."""
        step = timedelta(seconds=1) / per_second
        write_lines(
            tmp_path / "in.jsonl",
            [{**record, "event_time": (START + i * step).isoformat()} for i, record in enumerate(records)],
        )
        told = ["sql", str(SAMPLES / sample), "--source", f"file:{tmp_path / 'in.jsonl'}", "--time", "event_time"]
        code = main([*told, "--bounded", f"--output=DESTINATION_SQL_STREAM=file:{tmp_path / 'out'}"])
        said = capsys.readouterr().err
        assert code == 0, said
        assert "no --schema: columns as in the first records of" in said
        assert rows(tmp_path / "out-errors") == []
        found = rows(tmp_path / "out")
        names = list(records[0])
        key = lambda row: [str(row[name]) for name in names]  # noqa: E731
        assert sorted(key(row) for row in found) == sorted(key(record) for record in records), "all columns pass"
        return found

    return run


def test_of_heart_rates_the_outliers_have_the_highest_scores(run: Run) -> None:
    """One in a hundred is 150 to 200 instead of 60 to 100. All those that come once the forest has its first sample
    score higher than everything else.
    """
    seed = 11
    print("seed", seed)
    random = np.random.default_rng(seed)
    high = random.random(3000) < 0.01
    rates = np.where(high, random.integers(150, 201, 3000), random.integers(60, 101, 3000)).tolist()
    records = [
        {"heartRate": r, "rateType": "HIGH" if is_high else "NORMAL"} for r, is_high in zip(rates, high, strict=True)
    ]
    found = run("heart-rate.sql", records, 50)

    scores = [[row["ANOMALY_SCORE"] for row in found[i : i + 50]] for i in range(0, 3000, 50)]
    assert scores == [sorted(of_second, reverse=True) for of_second in scores], "of each second the highest first"
    outliers = int(high[WARM_UP:].sum())
    highest = sorted(found, key=lambda row: -row["ANOMALY_SCORE"])[:outliers]
    assert outliers == 21
    assert [row["rateType"] for row in highest] == ["HIGH"] * outliers


def test_of_blood_pressures_the_unusual_value_is_named(run: Run) -> None:
    """One of the two values is far from what it mostly is, forty times. These have the forty highest scores, and of at
    least 38 that value has the larger share, with the right direction.
    """
    seed = 12
    print("seed", seed)
    random = np.random.default_rng(seed)
    records: list[dict[str, Any]] = [
        {"Systolic": round(x, 1), "Diastolic": round(y, 1), "BloodPressureLevel": "NORMAL"}
        for x, y in random.uniform([90, 60], [120, 80], size=(3000, 2)).tolist()
    ]
    unusual = [("Systolic", "HIGH", 170.0), ("Systolic", "LOW", 55.0), ("Diastolic", "HIGH", 120.0),
               ("Diastolic", "LOW", 30.0)]  # fmt: skip
    for number, i in enumerate(random.choice(np.arange(300, 3000), 40, replace=False).tolist()):
        value, direction, at = unusual[number % 4]
        records[i] |= {value: round(at + random.uniform(-10, 10), 2), "BloodPressureLevel": f"{value} {direction}"}
    found = run("blood-pressure.sql", records, 50)

    highest = sorted(found, key=lambda row: -row["ANOMALY_SCORE"])[:40]
    named = 0
    for row in highest:
        assert row["BloodPressureLevel"] != "NORMAL"
        why = json.loads(row["ANOMALY_EXPLANATION"])
        assert list(why) == ["Systolic", "Diastolic"]
        first = max(why, key=lambda value: float(why[value]["ATTRIBUTION_SCORE"]))
        named += f"{first} {why[first]['DIRECTION']}" == row["BloodPressureLevel"]
        parts = [float(of_value["ATTRIBUTION_SCORE"]) for of_value in why.values()]
        assert sum(parts) == pytest.approx(row["ANOMALY_SCORE"], abs=2e-4)
    assert named >= 38


def test_the_hot_square_is_in_a_hotspot_and_there_is_none_elsewhere(run: Run) -> None:
    """One in five of the positions in 10 × 10 is in a square of 1 × 1. Of a full window there is one hotspot: at
    least 0.8 of the square, and nothing that is further from it than the radius.
    """
    seed = 13
    print("seed", seed)
    random = np.random.default_rng(seed)
    corner = np.array([2.0, 3.0])
    hot = random.random(2000) < 0.2
    points = np.where(hot[:, np.newaxis], corner + random.uniform(0, 1, (2000, 2)), random.uniform(0, 10, (2000, 2)))
    records = [
        {"x": x, "y": y, "is_hot": "Y" if is_hot else "N"}
        for (x, y), is_hot in zip(points.round(4).tolist(), hot, strict=True)
    ]
    found = run("hotspots.sql", records, 100)

    assert [(row["x"], row["y"]) for row in found] == [(r["x"], r["y"]) for r in records]
    for row in found[1000:]:
        (hotspot,) = json.loads(row["HOTSPOTS_RESULT"])["hotspots"]
        low, high = np.array(hotspot["minValues"]), np.array(hotspot["maxValues"])
        assert (low > corner - 0.2).all() and (high < corner + 1.2).all()
        assert np.prod(np.minimum(high, corner + 1) - np.maximum(low, corner)) > 0.8
        assert 100 < hotspot["density"] < 300
