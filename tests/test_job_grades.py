"""What a score means: probability, grade and explanation in the job's output, whatever is killed meanwhile."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from job_runs import kill_workers, lines, options, run_to_the_end, write_lines

from job.run import Run
from udf.forest_state import forest_of
from udf.rcf import Calibration, grade
from udf.rcf.explanation import explanations

pytestmark = pytest.mark.cluster

START = 1767225600000
SHOUT = 30_000


def test_grades_and_explanations_are_those_of_the_forest_though_a_worker_is_killed(tmp_path: Path) -> None:
    print("seed 41")
    points = np.random.default_rng(41).normal([60, 1], [2, 0.1], size=(40_000, 2)).round(3)
    points[SHOUT] = [60, 4]
    given = [
        {"event_time": START + 10 * i, "grade": "A", "heart": heart, "light": light}
        for i, (heart, light) in enumerate(points.tolist())
    ]
    write_lines(tmp_path / "in.jsonl", given)
    told = options(
        tmp_path,
        tmp_path / "in.jsonl",
        values=("light", "heart"),
        num_trees=50,
        sample_size=256,
        time_decay=10_000,
        bounded=True,
        max_delay=0,
        checkpoint_interval=100,
        grade=True,
        explanation=True,
    )
    killed: list[int] = []

    def kill_once(job: Run) -> None:
        if not killed and 0 < job.summary.scored < len(given):
            killed.append(kill_workers())

    assert run_to_the_end(told, kill_once).scored == len(given)
    assert killed and killed[0] > 0, "the run was over before a worker could be killed"

    scores, low, high = forest_of("", told.forest).attribute_and_learn(points)
    probabilities = Calibration(math.log2(told.sample_size)).observe(scores)
    texts = explanations(low, high, ["heart", "light"])
    of_each = zip(given, scores.tolist(), probabilities.tolist(), grade(probabilities).tolist(), texts, strict=True)
    expected = {
        record["event_time"]: record
        | {"probability": probability, "grade": its_grade, "explanation": json.loads(text), "anomaly_score": score}
        for record, score, probability, its_grade, text in of_each
    }
    found = lines(tmp_path / "scores")
    assert len(found) == len(given)
    rows = [json.loads(line) for line in found]
    assert all(row.pop("second") for row in rows)
    assert {row["event_time"]: row for row in rows} == expected
    # "grade" of the record itself has given way
    assert all(line.count('"grade"') == 1 and line.rindex('"anomaly_score"') > line.rindex("}}") for line in found)

    shout = json.loads(next(line for line in found if f'"event_time": {START + 10 * SHOUT},' in line))
    assert shout["probability"] < 1e-3 and shout["grade"] > 0.25
    assert shout["explanation"]["light"]["DIRECTION"] == "HIGH"
    parts = [float(part["ATTRIBUTION_SCORE"]) for part in shout["explanation"].values()]
    assert sum(parts) == pytest.approx(shout["anomaly_score"], abs=2e-4)
    assert parts[1] > 0.9 * shout["anomaly_score"]
