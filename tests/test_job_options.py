"""What a run may be told, and what it says of the rest before anything starts."""

import re
from pathlib import Path
from typing import Any

import pytest
from job_runs import command, options

from job.cli import main
from job.machine import memory_bytes
from job.options import Options, duration, errors_uri, size
from job.uris import Uri, parse_uri
from udf.rcf import RandomCutForest

ONE_FOREST = RandomCutForest.estimate_bytes(dimensions=2, num_trees=20, sample_size=10, shingle_size=3)
_OF_ONE_FOREST: dict[str, Any] = {"values": ("a", "b"), "shingle_size": 3}
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
    (
        {"grade": True, "values": ("grade",)},
        "value must not be second or anomaly_score or probability or grade, got 'grade'",
    ),
    ({"shards": 2, "explanation": True}, "shards must be 1 with grade or explanation, got 2"),
    ({"shards": 33, "num_trees": 100}, "shards must be 1 to 32, got 33"),
    ({"shards": 11, "num_trees": 10}, "shards must be 1 to 10, got 11"),
    ({"key": "second"}, "key must not be second or anomaly_score, got 'second'"),
    ({"time": "second"}, "time must not be second or anomaly_score, got 'second'"),
    ({"key_ttl": 1000}, "key must be given with key_ttl, got none"),
    ({"key": "k", "key_ttl": 999}, "key_ttl must be every (1000) to 3153600000000, got 999"),
    ({"key": "k", "key_ttl": 9, "every": 10}, "key_ttl must be every (10) to 3153600000000, got 9"),
    ({"key": "k", "key_ttl": 10**15}, "key_ttl must be every (1000) to 3153600000000, got 1000000000000000"),
    ({"fresh": True}, "state must be given with fresh, got none"),
    (
        {"forest_memory": ONE_FOREST - 1, **_OF_ONE_FOREST},
        f"forest_memory must be at least that of one forest, {ONE_FOREST}, got {ONE_FOREST - 1}",
    ),
    ({"time_zone": "Mars/Base"}, "time_zone must be a name such as UTC or Europe/Berlin, got 'Mars/Base'"),
    ({"time_zone": "../x"}, "time_zone must be a name such as UTC or Europe/Berlin, got '../x'"),
]
ACCEPTED: list[dict[str, Any]] = [
    {"num_trees": 1, "sample_size": 10, "time_decay": 11, "shingle_size": 30},
    {"num_trees": 1000, "sample_size": 16384, "time_decay": 2**31 - 1},
    {"seed": -(2**63), "every": 10, "quiet": 100, "parallelism": 128, "checkpoint_interval": 10},
    {"seed": 2**63 - 1, "every": 3_600_000, "values": tuple(map(str, range(30))), "key": "k"},
    {"key": "k", "key_ttl": 1000, "state": Path("state"), "fresh": True},
    {"forest_memory": ONE_FOREST, **_OF_ONE_FOREST},
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


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("1KB", 1000), ("512MB", 512_000_000), ("1.5GB", 1_500_000_000), ("2TB", 2_000_000_000_000), ("0MB", 0)],
)
def test_sizes_are_bytes_in_thousands(text: str, size_bytes: int) -> None:
    assert size("forest_memory", text) == size_bytes


@pytest.mark.parametrize("text", ["", "1", "GB", "-1GB", "1 GB", "1gb", "1G", "1GiB", "1e3MB", ".5GB", "1GB\n", "1PB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        size("forest_memory", text)
    assert str(refused.value) == f"forest_memory must be a size such as 512MB or 2GB, got {text!r}"


def test_workers_share_half_the_memory_of_the_machine_unless_told(tmp_path: Path) -> None:
    assert options(tmp_path, tmp_path).forest_memory_bytes == memory_bytes() // 2
    assert options(tmp_path, tmp_path, parallelism=4).forest_memory_bytes == memory_bytes() // 2 // 4
    assert options(tmp_path, tmp_path, parallelism=4, forest_memory=10**6).forest_memory_bytes == 10**6


def test_the_default_memory_has_room_for_one_forest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("job.options.memory_bytes", lambda: 1000)
    assert options(tmp_path, tmp_path, **_OF_ONE_FOREST).forest_memory_bytes == ONE_FOREST


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
@pytest.mark.parametrize(("limit", "counts"), [("300000000", True), ("max", False), ("9223372036854771712", False)])
def test_a_container_has_what_its_limit_says(tmp_path: Path, name: str, limit: str, counts: bool) -> None:
    file = tmp_path / "sys/fs/cgroup" / name
    file.parent.mkdir(parents=True)
    whole = memory_bytes(tmp_path)
    file.write_text(limit + "\n")
    assert memory_bytes(tmp_path) == (300_000_000 if counts else whole)
    assert whole > 300_000_000


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
        (["--forest-memory", "2G"], "forest_memory must be a size such as 512MB or 2GB, got '2G'"),
        (["--key", "k", "--key-ttl", "1"], "key_ttl must be a duration such as 100ms, 1s or 5m, got '1'"),
        (["--key-ttl", "1h"], "key must be given with key_ttl, got none"),
        (["--fresh"], "state must be given with fresh, got none"),
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
