"""The zip file that Amazon Managed Service for Apache Flink runs: `python -m job.package [LINE]`, or `make package`.

main.py                        job/main.py
job/ udf/ producer/            the code; of producer only what names brokers
lib/pyflink-dependencies.jar   the connectors of one Flink line, as one jar
requirements.txt               what workers need besides PyFlink, which the service has
flink-conf/ application_properties.json
"""

import shutil
import sys
import zipfile
from pathlib import Path

from job.jars import DEFAULT_LINE, LINES, ROOT, fetch, run_maven

PACKAGE = ROOT / "build" / "package"
NEEDED = ("numba", "llvmlite")
_REQUIREMENTS = {"2.3": "requirements.txt", "1.20": "requirements-1.20.txt"}
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build(line: str) -> Path:
    """Make the package for a Flink line, and return it. Same sources, same bytes.

    Raises:
        RuntimeError: Maven is missing or failed, or a jar is not the one that was pinned.
    """
    fetch(line)  # checks the jars that Maven is about to merge
    shutil.rmtree(_fat_jar(line).parent, ignore_errors=True)  # or it would merge its last result again
    run_maven(line, "jar:jar", "shade:shade")
    PACKAGE.mkdir(parents=True, exist_ok=True)
    package = PACKAGE / f"random-cut-forest{'' if line == DEFAULT_LINE else '-' + line}.zip"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents(line).items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content)
    return package


def contents(line: str) -> dict[str, bytes]:
    """The files of the package by name; the fat jar has been built."""
    code = [path for folder in ("job", "udf", "producer") for path in (ROOT / folder).rglob("*.py")]
    configuration = [ROOT / "flink-conf" / name for name in ("config.yaml", "log4j-cli.properties", "jars.sha256")]
    files = {str(path.relative_to(ROOT)): path.read_bytes() for path in sorted(code) + configuration}
    return files | {
        "main.py": (ROOT / "job" / "main.py").read_bytes(),
        "requirements.txt": requirements(line).encode(),
        "application_properties.json": (ROOT / "flink-conf" / "application_properties.json").read_bytes(),
        "lib/pyflink-dependencies.jar": _fat_jar(line).read_bytes(),
    }


def _fat_jar(line: str) -> Path:
    return ROOT / "build" / f"pom-{line}" / "pyflink-dependencies.jar"  # as in pom.xml


def requirements(line: str) -> str:
    """The pins of what the workers import and PyFlink does not bring."""
    pins = (ROOT / _REQUIREMENTS[line]).read_text().splitlines()
    return "".join(f"{pin}\n" for pin in pins if pin.partition("==")[0] in NEEDED)


def main(arguments: list[str]) -> int:
    """Build it. Returns the exit code."""
    line = arguments[0] if arguments else DEFAULT_LINE
    if line not in LINES:
        print(f"make package: the Flink line must be {' or '.join(LINES)}, got {line!r}", file=sys.stderr)
        return 2
    try:
        package = build(line)
    except RuntimeError as error:
        print(f"make package: {error}", file=sys.stderr)
        return 1
    print(f"{package.relative_to(ROOT)}: {package.stat().st_size / 1e6:.1f} MB, for Flink {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
