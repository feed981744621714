"""The note in docs/studio.zpln: its paragraphs are executed in their order, as Zeppelin would."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import ROOT, write_lines

from job.environment import start
from job.flink_client import free_port
from job.options import Options
from job.state import RestorePoint, StateDirectory
from job.uris import Uri

pytestmark = pytest.mark.cluster

START = 1767225600000  # 2026-01-01 in UTC


def executed(note: Path, st_env: Any, source: Path) -> Iterator[list[dict[str, Any]]]:
    """The rows of each query of a note. A file stands in for its stream."""
    from job.sql.rows import columns_of  # PyFlink reads its environment when it is imported

    names = {"st_env": st_env}
    for paragraph in json.loads(note.read_text())["paragraphs"]:
        magic, _, text = paragraph["text"].partition("\n")
        interpreter = magic.partition("(")[0]
        if interpreter == "%flink.pyflink":
            exec(compile(text, note.name, "exec"), names)
        elif interpreter == "%flink.ssql":
            options = f"'connector' = 'filesystem', 'path' = '{source.as_uri()}', 'format' = 'json'"
            if not text.startswith("SELECT"):
                st_env.execute_sql(re.sub(r"WITH \(.*\)", f"WITH ({options})", text, flags=re.DOTALL))
                continue
            query = st_env.sql_query(text)
            columns = [column.name for column in columns_of(query)]
            with query.execute().collect() as rows:
                yield [dict(zip(columns, row, strict=True)) for row in rows]
        else:
            assert interpreter == "%md"


def test_the_note_finds_what_is_unusual_and_where_it_is_crowded(tmp_path: Path) -> None:
    """Three cars at three speeds; one of them drives once as fast as another always does. From the 41st second on every
    second position is in a square of 1 × 1.
    """
    seed, count = 31, 1200
    print("seed", seed)
    random = np.random.default_rng(seed)
    points = random.uniform(0, 20, (count, 2))
    crowded = (np.arange(count) >= 800) & (np.arange(count) // 3 % 2 == 0)
    points[crowded] = random.uniform(5, 6, (crowded.sum(), 2))
    speeds = (np.array([30, 80, 130] * (count // 3)) + random.uniform(-5, 5, count)).round(2).tolist()
    speeds[900] = 80.0
    write_lines(
        tmp_path / "positions.json",
        [
            {"car": "abc"[i % 3], "x": x, "y": y, "speed": speeds[i], "millis": START + 50 * i}
            for i, (x, y) in enumerate(points.round(3).tolist())
        ],
    )
    options = Options(source=Uri("file", tmp_path), sink=Uri("print"), errors=Uri("print"))
    state = StateDirectory(tmp_path / "state")
    _, st_env = start(options, tmp_path / "work", state, RestorePoint(None, 0), free_port())
    unusual, by_time = executed(ROOT / "docs" / "studio.zpln", st_env, tmp_path / "positions.json")

    print("highest", sorted(row["ANOMALY_SCORE"] for row in unusual))
    assert [(row["car"], row["speed"], row["direction"]) for row in unusual] == [("a", 80.0, "HIGH")]

    assert [row["positions"] for row in by_time] == [200] * 6
    print(*by_time, sep="\n")
    assert [row["density"] is not None for row in by_time] == [False] * 4 + [True] * 2
    for row in by_time[4:]:
        assert 4.7 < row["west"] < 5.3 and 5.7 < row["east"] < 6.3
