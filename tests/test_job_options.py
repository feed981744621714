"""What a run may be told, and what it says of the rest before anything starts."""

import re
from pathlib import Path
from typing import Any

import pytest
from job_runs import command, options

from job.cli import main
from job.options import Options, duration, errors_uri
from job.uris import Uri, parse_uri

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"num_trees": 0}, "num_trees must be 1 to 1000, got 0"),
    ({"num_trees": 1001}, "num_trees must be 1 to 1000, got 1001"),
    ({"sample_size": 3}, "sample_size must be 10 to 16384, got 3"),
    ({"sample_size": 16385}, "sample_size must be 10 to 16384, got 16385"),
    ({"time_decay": 0}, "time_decay must be 1 to 2147483647, got 0"),
    ({"time_decay": 2**31}, "time_decay must be 1 to 2147483647, got 2147483648"),
    ({"time_decay": 10}, "sample_size must be below time_decay, got 10 and 10"),
    ({"shingle_size": 0}, "shingle_size must be 1 to 30, got 0"),
    ({"shingle_size": 31}, "shingle_size must be 1 to 30, got 31"),
    ({"seed": 2**63}, "seed must be -9223372036854775808 to 9223372036854775807, got 9223372036854775808"),
    ({"every": 9}, "every must be 10 to 3600000, got 9"),
    ({"every": 3_600_001}, "every must be 10 to 3600000, got 3600001"),
    ({"quiet": 99}, "quiet must be 100 to 86400000, got 99"),
    ({"parallelism": 0}, "parallelism must be 1 to 128, got 0"),
    ({"parallelism": 129}, "parallelism must be 1 to 128, got 129"),
    ({"checkpoint_interval": 9}, "checkpoint_interval must be 10 to 3600000, got 9"),
    ({"values": ()}, "value must be given 1 to 30 times, got 0"),
    ({"values": tuple(map(str, range(31)))}, "value must be given 1 to 30 times, got 31"),
    ({"values": ("a", "b", "a")}, "value must not name a field twice, got a a b"),
    ({"values": ("a", "")}, "value must be the name of a field, got ''"),
    ({"key": ""}, "key must be the name of a field, got ''"),
    ({"time": ""}, "time must be the name of a field, got ''"),
    ({"values": ("anomaly_score",)}, "value must not be second or anomaly_score, got 'anomaly_score'"),
    ({"key": "second"}, "key must not be second or anomaly_score, got 'second'"),
    ({"time": "second"}, "time must not be second or anomaly_score, got 'second'"),
    ({"time_zone": "Mars/Base"}, "time_zone must be a name such as UTC or Europe/Berlin, got 'Mars/Base'"),
    ({"time_zone": "../x"}, "time_zone must be a name such as UTC or Europe/Berlin, got '../x'"),
]
ACCEPTED: list[dict[str, Any]] = [
    {"num_trees": 1, "sample_size": 10, "time_decay": 11, "shingle_size": 30},
    {"num_trees": 1000, "sample_size": 16384, "time_decay": 2**31 - 1},
    {"seed": -(2**63), "every": 10, "quiet": 100, "parallelism": 128, "checkpoint_interval": 10},
    {"seed": 2**63 - 1, "every": 3_600_000, "values": tuple(map(str, range(30))), "key": "k"},
]


@pytest.mark.parametrize(("changed", "text"), REFUSED, ids=[text for _, text in REFUSED])
def test_what_is_out_of_its_range_is_refused_by_name(tmp_path: Path, changed: dict, text: str) -> None:
    with pytest.raises(ValueError) as refused:
        options(tmp_path, tmp_path, **changed)
    assert str(refused.value) == text


@pytest.mark.parametrize("changed", ACCEPTED)
def test_the_ends_of_the_ranges_are_in_them(tmp_path: Path, changed: dict) -> None:
    assert isinstance(options(tmp_path, tmp_path, **changed), Options)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("100ms", 100), ("1s", 1000), ("1.5s", 1500), ("0s", 0), ("5m", 300_000), ("2h", 7_200_000), ("1d", 86_400_000)],
)  # fmt: skip
def test_durations_are_milliseconds(text: str, milliseconds: int) -> None:
    assert duration("every", text) == milliseconds


@pytest.mark.parametrize("text", ["", "1", "s", "-1s", "1 s", "1S", "1e3s", ".5s", "1s\n", "1min", "infs"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        duration("max_delay", text)
    assert str(refused.value) == f"max_delay must be a duration such as 100ms, 1s or 5m, got {text!r}"


def test_uris_are_files_or_print() -> None:
    both = ("file", "print")
    assert parse_uri("sink", "file:/a/b", both) == Uri("file", Path("/a/b"))
    assert parse_uri("sink", "file:b", both) == Uri("file", Path.cwd() / "b")
    assert parse_uri("sink", "file:a:b", both) == Uri("file", Path.cwd() / "a:b")
    assert parse_uri("sink", "print:", both) == Uri("print")
    for text in ["", "file", "file:", "print", "print:x", "/a/b", "stdout:", "FILE:a"]:
        with pytest.raises(ValueError) as refused:
            parse_uri("sink", text, both)
        assert str(refused.value) == f"sink must be file:PATH or print:, got {text!r}"
    with pytest.raises(ValueError) as refused:
        parse_uri("source", "kafka:topic", ("file", "kafka"))
    assert str(refused.value) == "source must be file:PATH or kafka://HOST:PORT[,HOST:PORT…]/TOPIC, got 'kafka:topic'"


def test_errors_go_beside_the_scores_unless_told() -> None:
    assert errors_uri(None, Uri("file", Path("/a/scores"))) == Uri("file", Path("/a/scores-errors"))
    assert errors_uri(None, Uri("print")) == Uri("print")
    assert errors_uri("file:/e", Uri("print")) == Uri("file", Path("/e"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--sample-size", "3"], "sample_size must be 10 to 16384, got 3"),
        (["--every", "1"], "every must be a duration such as 100ms, 1s or 5m, got '1'"),
        (["--source", "file:gone"], "source must be a file or directory that is there, got 'file:gone'"),
        (
            ["--source", "print:"],
            "source must be file:PATH or kafka://HOST:PORT[,HOST:PORT…]/TOPIC or kinesis://REGION/STREAM, got 'print:'",
        ),
        (
            ["--sink", "kafka://a:1/b"],
            "errors must be given, since the sink is kafka://a:1/b: for instance --errors print:",
        ),
        (["--cluster", "here"], "cluster must be HOST:PORT of a JobManager's REST interface, got 'here'"),
        (["--jar", "gone.jar"], "jar must be a file that is there, got '{folder}/gone.jar'"),
        (["--sink", "file:in.jsonl"], "sink must be a directory, got the file 'file:in.jsonl'"),
    ],
)
def test_mistakes_in_the_arguments_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").touch()
    assert main(["run", "--source", "file:in.jsonl", "--sink", "file:out", *arguments]) == 2
    assert capsys.readouterr() == ("", f"python -m job run: {text.format(folder=tmp_path)}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize("arguments", [["--sample-size", "3"], ["--source", "file:/not/there"]])
def test_the_command_refuses_before_anything_starts(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "in.jsonl").touch()
    source, sink, state = f"file:{tmp_path}/in.jsonl", f"file:{tmp_path}/out", tmp_path / "state"
    process = command("run", "--source", source, "--sink", sink, "--state", state, *arguments)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert re.fullmatch(r"python -m job run: (sample_size|source) must be [^\n]+, got [^\n]+\n", err)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"], "nothing was made"
