"""Build the Java peer with Maven, once: into `build/java-peer`, which git ignores."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "bench" / "java"
BUILD = ROOT / "build" / "java-peer"  # the same folder as in pom.xml
JAR = BUILD / "java-peer.jar"
LIBRARIES = BUILD / "lib"


class PeerUnavailableError(RuntimeError):
    """The Java peer cannot be built or run here; the message says why, in a sentence for the user."""


def built_classpath() -> list[Path]:
    """Return the peer's own jars, built first where sources or pom.xml are newer than the last build.

    A build that is up to date needs neither Maven nor a network.

    Raises:
        PeerUnavailableError: if a build is needed and Maven is missing or fails.
    """
    BUILD.parent.mkdir(exist_ok=True)
    with BUILD.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run two at a time
        if not _is_fresh():
            _build()
    return [JAR, *sorted(LIBRARIES.glob("*.jar"))]


def _is_fresh() -> bool:
    sources = [PROJECT / "pom.xml", *(PROJECT / "src").rglob("*.java")]
    return JAR.exists() and all(source.stat().st_mtime <= JAR.stat().st_mtime for source in sources)


def _build() -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise PeerUnavailableError(
            "The Java peer is built with Maven, and no mvn is on the PATH: install Maven 3.8 or newer."
        )
    print("building the Java peer with Maven (the first time it fetches its libraries)", file=sys.stderr)
    # Old libraries would stay on the classpath beside new ones; and a failed build must leave no jar behind.
    shutil.rmtree(BUILD, ignore_errors=True)
    done = subprocess.run(
        [
            maven,
            "--batch-mode",
            "--quiet",
            "-Dstyle.color=never",
            "--file",
            str(PROJECT / "pom.xml"),
            "package",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[:5])
        raise PeerUnavailableError(f"Maven could not build the Java peer:\n{said}")
