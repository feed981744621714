"""Options from a file of application properties, and the package that such a file belongs to."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from job.arguments import parsers
from job.properties import GROUP, expand

FILE = Path(__file__).resolve().parents[1] / "flink-conf" / "application_properties.json"
KNOWN = "bounded, key, source, value"


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--source")
    parser.add_argument("--key")
    parser.add_argument("--value", action="append")
    parser.add_argument("--bounded", action="store_true")
    return parser


def _write(directory: Path, content: Any) -> str:
    file = directory / "properties.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


def _file(directory: Path, **properties: Any) -> str:
    other = {"PropertyGroupId": "other", "PropertyMap": {"source": "of another"}}
    return _write(directory, [other, {"PropertyGroupId": GROUP, "PropertyMap": properties}])


def test_without_a_file_arguments_stay(parser: argparse.ArgumentParser) -> None:
    assert expand(["--source", "a", "--bounded"], parser) == ["--source", "a", "--bounded"]


def test_properties_become_arguments(tmp_path: Path, parser: argparse.ArgumentParser) -> None:
    file = _file(tmp_path, source="file:a b", key="-k", value="$.a.b, light  heat", bounded="true")
    told = parser.parse_args(expand(["--properties", file], parser))
    assert vars(told) == {"source": "file:a b", "key": "-k", "value": ["$.a.b", "light", "heat"], "bounded": True}
    assert not parser.parse_args(expand([f"--properties={_file(tmp_path, bounded='false')}"], parser)).bounded


@pytest.mark.parametrize("given", [["--value", "mine"], ["--value=mine"], ["--val", "mine"]])
def test_arguments_override_properties(tmp_path: Path, parser: argparse.ArgumentParser, given: list[str]) -> None:
    file = _file(tmp_path, source="file:a", value="one two")
    for arguments in (["--properties", file, *given], [*given, "--properties", file]):
        told = parser.parse_args(expand(arguments, parser))
        assert (told.source, told.value) == ("file:a", ["mine"])


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"sauce": "x"}, f"{GROUP} must hold options of the run ({KNOWN}), got 'sauce'"),
        ({"help": "true"}, f"{GROUP} must hold options of the run ({KNOWN}), got 'help'"),
        ({"source": 3}, f"source must be text in {GROUP}, got 3"),
        ({"bounded": "yes"}, "bounded must be true or false, got 'yes'"),
    ],
)
def test_what_is_no_option_is_refused_by_name(
    tmp_path: Path, parser: argparse.ArgumentParser, properties: dict, text: str
) -> None:
    with pytest.raises(ValueError) as refused:
        expand(["--properties", _file(tmp_path, **properties)], parser)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "be a file of JSON"),
        ({}, f"hold one group {GROUP}"),
        ([{"PropertyGroupId": "other", "PropertyMap": {}}], f"hold one group {GROUP}"),
        ([{"PropertyGroupId": GROUP, "PropertyMap": {}}] * 2, f"hold one group {GROUP}"),
        ([{"PropertyGroupId": GROUP}], "be a list of groups with PropertyGroupId and PropertyMap"),
        ([1], "be a list of groups with PropertyGroupId and PropertyMap"),
        ([{"PropertyGroupId": GROUP, "PropertyMap": []}], "be a list of groups with PropertyGroupId and PropertyMap"),
    ],
)
def test_a_file_of_another_form_is_refused(
    tmp_path: Path, parser: argparse.ArgumentParser, content: Any, rule: str
) -> None:
    with pytest.raises(ValueError) as refused:
        expand(["--properties", _write(tmp_path, content)], parser)
    assert str(refused.value).startswith(f"properties must {rule}, got ")


def test_a_file_that_is_not_there_is_refused(parser: argparse.ArgumentParser) -> None:
    with pytest.raises(ValueError) as refused:
        expand(["--properties", "gone.json"], parser)
    assert str(refused.value).startswith("properties must be a file of JSON, got 'gone.json': ")


def test_our_own_file_is_of_the_services_form_and_a_run() -> None:
    groups = {group["PropertyGroupId"]: group["PropertyMap"] for group in json.loads(FILE.read_text())}
    assert groups["kinesis.analytics.flink.run.options"] == {
        "python": "main.py",
        "jarfile": "lib/pyflink-dependencies.jar",
    }
    _, run = parsers()
    told = run.parse_args(expand(["--properties", str(FILE)], run))
    assert told.source == groups[GROUP]["source"]
    assert told.sample_size == int(groups[GROUP]["sample-size"])


def test_every_option_of_a_run_can_be_in_the_file(tmp_path: Path) -> None:
    _, run = parsers()
    given = {"forest-memory": "2GB", "key-ttl": "1h", "fresh": "true", "source": "file:a", "sink": "print:"}
    told = run.parse_args(expand(["--properties", _file(tmp_path, **given)], run))
    assert (told.forest_memory, told.key_ttl, told.fresh) == ("2GB", "1h", True)
