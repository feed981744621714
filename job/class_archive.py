"""Flink's classes as Java has them in memory, in a file that each run maps: it starts three seconds sooner.

`python -m job.class_archive` makes it, once for an installation, from what a small run loads: a class data archive, see
`java -XX:ArchiveClassesAtExit`. Java itself leaves one aside that is not of its version or of these jars.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_FILE = Path(sys.prefix) / "flink-classes.jsa"
_ROOT = Path(__file__).resolve().parents[1]


def java_arguments() -> str:
    """What tells Java to map the archive, without a word where it cannot; nothing where there is none."""
    return f"-XX:SharedArchiveFile={_FILE} -Xlog:cds=off -Xlog:cds+dynamic=off" if _FILE.exists() else ""


def main() -> None:
    """Make the archive anew. Where Java cannot, runs start as they did before."""
    print("putting Flink's classes into an archive, once: half a minute", flush=True)
    _FILE.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="flink-classes-", dir=sys.prefix) as folder:
        work = Path(folder)
        records = ({"event_time": f"2026-01-01T00:00:{i // 10:02d}Z", "volume": i % 7} for i in range(600))
        (work / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        command = [sys.executable, "-m", "job", "run", "--bounded", "--value", "volume"]
        command += ["--source", f"file:{work / 'records.jsonl'}", "--sink", f"file:{work / 'scores'}"]
        archive = work / _FILE.name
        environment = {**os.environ, "JVM_ARGS": f"-XX:ArchiveClassesAtExit={archive}"}
        done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0 and archive.exists():
            archive.replace(_FILE)  # whole or not at all: Java would crash on a part of it
        else:
            print(f"no archive of Flink's classes, so that runs start 3 s later: {done.stderr[-300:]}", file=sys.stderr)


if __name__ == "__main__":
    main()
