"""What a run scores where --value does not say it."""

import json
from pathlib import Path
from typing import Any

import pytest
from job_runs import command, options, rows, write_lines

from job.cli import main
from job.options import Options
from job.state import StateDirectory
from job.values import assume

RECORD = {
    "event_time": 1767225600000,
    "volume": 3,
    "latency": 0.5,
    "sensor": 7,
    "note": "x",
    "on": True,
    "at": {"x": 1},
}
SENTENCE = "--value not given: scoring the numeric fields latency, sensor, volume of 3 records sampled"


def told(folder: Path, records: list[Any], **changed: Any) -> Options:
    write_lines(folder / "in.jsonl", [json.dumps(record) for record in records])
    return options(folder, folder / "in.jsonl", **changed)


def test_numeric_fields_at_the_top_are_scored_and_no_others(tmp_path: Path) -> None:
    found, said = assume(told(tmp_path, [RECORD] * 3))
    assert found.values == ("latency", "sensor", "volume")
    assert said == SENTENCE
    assert assume(found)[0] == found


@pytest.mark.parametrize("key", ["sensor", "$.sensor", "$['sensor']"])
@pytest.mark.parametrize("time", ["latency", "$.latency"])
def test_key_and_time_are_not_scored(tmp_path: Path, key: str, time: str) -> None:
    found, said = assume(told(tmp_path, [RECORD], key=key, time=time))
    assert found.values == ("event_time", "volume")
    assert said.endswith("the numeric fields event_time, volume of 1 records sampled")


def test_fields_that_a_run_adds_are_not_scored(tmp_path: Path) -> None:
    found, said = assume(told(tmp_path, [{"volume": 1, "second": 2, "anomaly_score": 3, "": 4}]))
    assert found.values == ("volume",)
    assert said == "--value not given: scoring the numeric field volume of 1 records sampled"


def test_broken_records_do_not_change_what_is_scored(tmp_path: Path) -> None:
    bad = ["loud", RECORD | {"volume": "loud", "rare": 1}]
    assert assume(told(tmp_path, [*[RECORD] * 3, *bad]))[0].values == ("latency", "sensor", "volume")


def test_a_name_like_a_path_is_made_one(tmp_path: Path) -> None:
    assert assume(told(tmp_path, [{"$.a": 1}]))[0].values == ("$['$.a']",)


def test_with_nothing_to_sample_it_is_volume_and_said(tmp_path: Path) -> None:
    found, said = assume(told(tmp_path, []))
    assert found.values == ("volume",)
    assert said == "--value not given, and there is no record to sample yet: scoring volume"
    found, said = assume(told(tmp_path, [{"note": "x"}] * 2))
    assert found.values == ("volume",)
    assert said == "--value not given, and no numeric field in 2 records: scoring volume"


def test_more_numbers_than_a_forest_takes_are_refused(tmp_path: Path) -> None:
    assert len(assume(told(tmp_path, [{str(i): i for i in range(30)}]))[0].values) == 30
    with pytest.raises(ValueError) as refused:
        assume(told(tmp_path, [{str(i): i for i in range(31)}]))
    assert str(refused.value) == "value must be given, since the source has more than 30 numeric fields"


def test_a_state_goes_on_with_its_values(tmp_path: Path) -> None:
    state = tmp_path / "state"
    before = told(tmp_path, [RECORD], values=("latency",), state=state)
    StateDirectory(state).claim(before)
    found, said = assume(told(tmp_path, [RECORD], state=state))
    assert found.values == ("latency",)
    assert said == f"--value not given: scoring latency, as in the state of {state}"
    StateDirectory(state).claim(found)
    anew, _ = assume(told(tmp_path, [RECORD], state=state, fresh=True))
    assert anew.values == ("latency", "sensor", "volume")


def test_an_unreachable_broker_is_left_to_the_run_to_report(tmp_path: Path) -> None:
    from job.uris import SOURCES, parse_uri

    source = parse_uri("source", "kafka://127.0.0.1:1/room?fetch.nonsense=1", SOURCES)
    found, said = assume(options(tmp_path, source))
    assert found.values == ("volume",)
    assert said.startswith("--value not given, and no record could be sampled (source: Kafka at 127.0.0.1:1: ")
    assert said.endswith("): scoring volume")


def test_nothing_is_sampled_for_a_run_that_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(tmp_path / "in.jsonl", [RECORD])
    ends = ["--source", f"file:{tmp_path / 'in.jsonl'}", "--sink", "print:"]
    assert main(["run", *ends, "--sample-size", "3"]) == 2
    assert capsys.readouterr().err == "python -m job run: sample_size must be 10 to 16384, got 3\n"


@pytest.mark.cluster
def test_a_run_scores_what_it_says_and_the_next_one_the_same(tmp_path: Path) -> None:
    given = [{"event_time": 1767225600000 + 100 * i, "level": i % 7, "light": i * i % 5} for i in range(30)]
    spool = tmp_path / "spool"
    spool.mkdir()
    write_lines(spool / "1.jsonl", given[:20])
    ends = ["--source", f"file:{spool}", "--sink", f"file:{tmp_path / 'scores'}", "--state", tmp_path / "state"]
    forest = ["--num-trees", 5, "--sample-size", 10, "--time-decay", 100]

    def run() -> list[str]:
        process = command("run", "--bounded", *ends, *forest)
        out, err = process.communicate(timeout=300)
        assert (process.returncode, out) == (0, ""), err
        return err.splitlines()

    first = run()
    assert first[0] == "--value not given: scoring the numeric fields level, light of 20 records sampled"
    assert "20 records read, 20 scored, 0 rejected, 0 late" in first
    write_lines(spool / "2.jsonl", [record | {"more": 1} for record in given[20:]])
    second = run()
    assert second[0] == f"--value not given: scoring level, light, as in the state of {tmp_path / 'state'}"
    assert len(rows(tmp_path / "scores")) == 30
