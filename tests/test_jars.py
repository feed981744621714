"""The connector jars: pinned, checked, found; and the package that they go into."""

import hashlib
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from job import jars, package

POM = (jars.ROOT / "pom.xml").read_text()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No jars, and no Maven to bring them."""
    monkeypatch.setattr(jars, "_JARS", tmp_path / "jars")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "jars"


def _fill(directory: Path, hashes: dict[str, str], **changed: bytes) -> None:
    directory.mkdir(parents=True)
    for name in hashes:
        (directory / name).write_bytes(changed.get(name, name.encode()))


@pytest.mark.parametrize("line", jars.LINES)
def test_every_version_in_the_pom_has_a_hash(line: str) -> None:
    profile = re.search(rf"<id>flink-{line}</id>.*?</profile>", POM, re.DOTALL)
    assert profile is not None
    pinned = re.findall(r"<artifactId>([\w-]+)</artifactId>\s*<version>([\w.-]+)</version>", profile[0])
    assert {f"{artifact}-{version}.jar" for artifact, version in pinned} == jars.expected(line).keys()
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in jars.expected(line).values())


def test_a_jar_that_differs_is_named(tmp_path: Path) -> None:
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("a.jar", "b.jar")}
    _fill(tmp_path / "good", hashes)
    assert jars.difference(tmp_path / "good", hashes) is None
    _fill(tmp_path / "bad", hashes, **{"b.jar": b"other"})
    other = hashlib.sha256(b"other").hexdigest()
    said = jars.difference(tmp_path / "bad", hashes)
    assert said == f"b.jar must have the SHA-256 {hashes['b.jar']}, got {other}"
    (tmp_path / "good" / "c.jar").touch()
    assert jars.difference(tmp_path / "good", hashes) == "good must hold a.jar, b.jar, got a.jar, b.jar, c.jar"
    assert jars.difference(tmp_path / "none", hashes) == "none must hold a.jar, b.jar, got nothing"


def test_jars_that_are_there_need_no_maven(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {"a.jar": hashlib.sha256(b"a.jar").hexdigest()}
    monkeypatch.setattr(jars, "expected", lambda line: hashes)
    _fill(nowhere / "2.3", hashes)
    assert not jars.fetch("2.3")


def test_a_wrong_jar_replaces_nothing(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {"a.jar": hashlib.sha256(b"a.jar").hexdigest()}
    monkeypatch.setattr(jars, "expected", lambda line: hashes)
    _fill(nowhere / "2.3", {"old.jar": ""})
    monkeypatch.setattr(jars, "run_maven", lambda *_: _fill(nowhere / "2.3.new", hashes, **{"a.jar": b"evil"}))
    with pytest.raises(RuntimeError) as refused:
        jars.fetch("2.3")
    assert str(refused.value).startswith("a.jar must have the SHA-256 ")
    assert [jar.name for jar in (nowhere / "2.3").iterdir()] == ["old.jar"]


def test_without_maven_it_says_so(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert jars.main() == 1
    said = "The connectors come with Maven, and no mvn is on the PATH: install Maven 3.8 or newer."
    assert capsys.readouterr().err == f"make jars: {said}\n"


def test_without_jars_a_run_says_how_they_come(nowhere: Path) -> None:
    line = jars.installed_line()
    with pytest.raises(RuntimeError) as refused:
        jars.connector_jars()
    assert str(refused.value) == f"The connectors for Flink {line} are not in build/jars/{line}: run `make jars`."


@pytest.mark.parametrize("line", jars.LINES)
def test_the_package_is_what_the_service_wants(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_fat_jar", lambda line: tmp_path / "fat.jar")
    (tmp_path / "fat.jar").touch()
    files = package.contents(line)
    properties = YAML(typ="safe").load(files["application_properties.json"].decode())
    options = properties[0]["PropertyMap"]
    assert {options["python"], options["jarfile"], "job/cli.py", "udf/rcf/__init__.py"} <= files.keys()
    assert files["main.py"] == files["job/main.py"]
    # the service has PyFlink, and what that brings
    pins = [pin.partition("==")[0] for pin in files["requirements.txt"].decode().split()]
    assert "numba" in pins and set(pins) <= set(package.NEEDED)
    assert not [name for name in files if re.search(r"__pycache__|test|\.venv|recordings/.*\.(wav|flac)", name)]
