"""The connector jars that Flink needs beside its distribution: fetched with Maven, checked by hash, found for a run.

`python -m job.jars` (or `make jars`) fills build/jars with a directory for each Flink line. What belongs there, and
with which bytes, says flink-conf/jars.sha256, which `sha256sum --check` reads too.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINES = ("2.3", "1.20")
DEFAULT_LINE = "2.3"
_JARS = ROOT / "build" / "jars"
_HASHES = ROOT / "flink-conf" / "jars.sha256"
_TIMEOUT_SECONDS = 900


def installed_line() -> str:
    """The Flink line of this interpreter's PyFlink, such as 2.3."""
    from pyflink.version import __version__  # noqa: PLC0415 - who fetches needs no PyFlink

    return ".".join(__version__.split(".")[:2])


def connector_jars() -> list[Path]:
    """The jars for the Flink that is installed in this interpreter.

    Raises:
        RuntimeError: they are not there, or no connectors are known for this Flink.
    """
    line = installed_line()
    if line not in LINES:
        raise RuntimeError(f"Flink must be of a line that has connectors here ({', '.join(LINES)}), got {line!r}")
    jars = [_JARS / line / name for name in expected(line)]
    if not all(jar.is_file() for jar in jars):
        raise RuntimeError(f"The connectors for Flink {line} are not in build/jars/{line}: run `make jars`.")
    return jars


def expected(line: str) -> dict[str, str]:
    """SHA-256 by name of each jar of a Flink line, as flink-conf/jars.sha256 has them."""
    entries = [entry.split() for entry in _HASHES.read_text().splitlines()]
    return {Path(path).name: digest for digest, path in entries if Path(path).parent.name == line}


def fetch(line: str) -> bool:
    """Bring the jars of a line into build/jars. False where they were there already; then nothing is run.

    Raises:
        RuntimeError: Maven is missing or failed, or a jar is not the one that was pinned.
    """
    target = _JARS / line
    if difference(target, expected(line)) is None:
        return False
    fresh = _JARS / f"{line}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    run_maven(line, "dependency:copy-dependencies", f"-DoutputDirectory={fresh}")
    differs = difference(fresh, expected(line))
    if differs is not None:
        raise RuntimeError(f"{differs}. Nothing in build/jars/{line} was changed.")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return True


def difference(directory: Path, hashes: dict[str, str]) -> str | None:
    """What differs between the jars that are there and those that should be; None where nothing does."""
    there = {jar.name: jar for jar in sorted(directory.glob("*.jar"))}
    if there.keys() != hashes.keys():
        return f"{directory.name} must hold {', '.join(sorted(hashes))}, got {', '.join(there) or 'nothing'}"
    for name, jar in there.items():
        with jar.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != hashes[name]:
            return f"{name} must have the SHA-256 {hashes[name]}, got {digest}"
    return None


def run_maven(line: str, *goals: str) -> None:
    """Run goals of pom.xml with the profile of a Flink line.

    Raises:
        RuntimeError: Maven is missing or failed; the message says so in its first lines.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise RuntimeError("The connectors come with Maven, and no mvn is on the PATH: install Maven 3.8 or newer.")
    command = [maven, "--batch-mode", "--quiet", "--strict-checksums", "-Dstyle.color=never"]
    try:
        done = subprocess.run(
            [*command, "--file", str(ROOT / "pom.xml"), f"--activate-profiles=flink-{line}", *goals],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"Maven did not end within {_TIMEOUT_SECONDS} s: {' '.join(goals)}") from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[:5])
        raise RuntimeError(f"Maven could not do {goals[0]} for Flink {line}:\n{said}")


def main() -> int:
    """Fetch what is missing. Returns the exit code."""
    try:
        for line in LINES:
            print(f"build/jars/{line}: {'fetched and checked' if fetch(line) else 'up to date'}")
    except RuntimeError as error:
        print(f"make jars: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
