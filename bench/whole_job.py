"""Run the project's own job over a file, everything on, or its source alone; print figures as one line of JSON."""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from job.options import Options
from job.progress import Silent
from job.run import Run
from job.uris import Uri


class _SourceAlone(Run):
    """Reads and splits lines as the job does, and drops them."""

    def _build(self, t_env: Any, found: Mapping[str, Any]) -> None:
        from job.sources import open_source  # noqa: PLC0415 - PyFlink reads its environment when it is imported

        blocks = open_source(t_env, self._options, 0, None)
        t_env.create_temporary_view("blocks", t_env.from_data_stream(blocks))
        lines = t_env.sql_query(
            "SELECT line FROM blocks CROSS JOIN UNNEST(SPLIT(`lines`, U&'\\000A')) AS t(line) WHERE line = ''"
        )
        t_env.to_data_stream(lines).print()


def measure(file: Path, *, source_alone: bool) -> dict[str, float]:
    """Records, seconds and records a second, from the moment the file is there until its last score is committed.

    The job waits for the file with all its workers ready, as Java's clock starts with its job, not with its JVM. It is
    the job that a user gets: process mode, exactly-once checkpoints every half second, one key, 100 trees of 256.
    """
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    (folder / "spool").mkdir()
    options = Options(
        source=Uri("file", folder / "spool"),
        sink=Uri("file", folder / "scores"),
        errors=Uri("file", folder / "errors"),
    )
    with open(file, "rb") as lines:
        records = sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))
    (folder / "spool" / ".waiting").symlink_to(file.resolve())
    with (_SourceAlone if source_alone else Run)(options, Silent()) as job:
        job.start()
        while not job.ready():
            time.sleep(0.1)
        began = time.monotonic()
        (folder / "spool" / ".waiting").rename(folder / "spool" / "all.jsonl")
        while job.summary.read < records:
            time.sleep(0.5)
            job.poll()
        job.stop(drain=True)
        seconds = time.monotonic() - began
    shutil.rmtree(folder)
    if not source_alone and job.summary.scored != records:
        raise RuntimeError(f"{job.summary.scored} of {records} records were scored")
    return {"records": records, "seconds": round(seconds, 2), "records_per_second": round(records / seconds)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.whole_job", description=__doc__)
    parser.add_argument("input", type=Path, help="a JSON-lines file, see python -m bench.generate")
    parser.add_argument("--source-alone", action="store_true", help="read, split into lines and drop them")
    told = parser.parse_args()
    print(json.dumps(measure(told.input, source_alone=told.source_alone)))
