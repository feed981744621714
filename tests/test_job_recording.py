"""The whole way: a recording through producer and job, and Amazon's recorded series through the job."""

import csv
import statistics
import subprocess
import sys
from datetime import datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from job_runs import ROOT, options, rows, run_to_the_end, write_lines

from udf.rcf import RandomCutForest

pytestmark = pytest.mark.cluster

RECORDING = ROOT / "producer" / "recordings" / "shout.flac"


def test_the_shout_stands_out_of_the_quiet_room(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    arguments = ["--from", str(RECORDING), "--to", f"file:{spool}", "--pace", "fast"]
    subprocess.run([sys.executable, "-m", "producer", *arguments], cwd=ROOT, check=True)
    told = options(tmp_path, spool, num_trees=100, sample_size=10, time_decay=100, shingle_size=1, bounded=True)
    summary = run_to_the_end(told)
    assert (summary.read, summary.scored, summary.rejected, summary.late) == (1500, 1500, 0, 0)

    scored = rows(tmp_path / "scores")
    assert sorted(scored, key=lambda row: (row["second"], -row["anomaly_score"])) == scored
    times = [datetime.fromisoformat(row["event_time"]) for row in scored]
    first = min(times)
    scores = {(t - first).total_seconds(): row["anomaly_score"] for t, row in zip(times, scored, strict=True)}
    quiet = [s for t, s in scores.items() if 1 <= t < 15 or 34 <= t < 44.9 or t >= 48]
    shout = [s for t, s in scores.items() if 45 <= t <= 46.5]
    print(f"quiet median {statistics.median(quiet):.3f}, shout max {max(shout):.3f}")
    assert 0.6 <= statistics.median(quiet) <= 1.2
    assert max(shout) > 1.8
    assert max(shout) == max(scores.values())


@pytest.mark.parametrize("series", ["art_flatline", "TravelTime_387"])
def test_recorded_series_score_as_the_forest_and_as_amazon(tmp_path: Path, recorded: Path, series: str) -> None:
    with (recorded / f"{series}.csv").open(encoding="utf-8") as file:
        given = list(csv.DictReader(file))
    write_lines(
        tmp_path / "in.jsonl",
        [{"event_time": row["timestamp"], "volume": float(row["value"])} for row in given],
    )
    told = options(
        tmp_path,
        tmp_path / "in.jsonl",
        num_trees=100,
        sample_size=256,
        time_decay=100_000,
        bounded=True,
    )
    assert run_to_the_end(told).scored == len(given)

    found = {row["event_time"]: row["anomaly_score"] for row in rows(tmp_path / "scores")}
    scores = np.array([found[row["timestamp"]] for row in given])
    points = np.array([[float(row["value"])] for row in given])
    ours = [RandomCutForest(1, seed=seed).score_and_learn(points) for seed in range(6)]
    assert scores.tolist() == ours[0].tolist()

    hosted = np.array([float(row["kinesis_score"]) for row in given])
    to_hosted = np.abs(scores - hosted)[256:]
    if series == "art_flatline":
        assert to_hosted.max() < 1e-6
        return
    between = np.mean([np.abs(a - b)[256:].mean() for a, b in combinations(ours, 2)])
    print(f"{series}: seed 0 to hosted {to_hosted.mean():.4f}, between seeds {between:.4f}")
    assert to_hosted.mean() <= 1.25 * between
