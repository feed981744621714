"""One run of the job for `python -m bench.state`, in a process of its own; prints figures as one line of JSON."""

import argparse
import json
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from bench.cpu_time import CpuTime
from job import environment
from job.options import Options
from job.progress import Silent
from job.run import Run
from job.state import StateDirectory
from job.uris import Uri

_SLOWEST = "forest_microseconds"  # of the subtask that has most of them
_COUNTERS = ("records_scored", "forest_state_bytes", "forests_evicted", "forests_restored", _SLOWEST)
_PATIENCE_SECONDS = 120.0


class _Watched(Run):
    """A run that also tells what the forest's operator counts."""

    _forest = ""

    def counters(self) -> dict[str, int]:
        """What the forest's operator counts, by the names in `_COUNTERS`; empty before its first record."""
        assert self._flink is not None
        if not self._forest:
            vertices = self._flink.get("").get("vertices", [])
            ids = [vertex["id"] for vertex in vertices if vertex["name"].startswith("random-cut-forest")]
            if not ids:
                return {}
            self._forest = f"/vertices/{ids[0]}/metrics"
        names = [metric["id"] for metric in self._flink.get(self._forest)]
        ours = [name for name in names if any(counter in name for counter in _COUNTERS)]
        counted = dict.fromkeys(_COUNTERS if ours else (), 0)
        for metric in self._flink.get(f"{self._forest}?get={quote(','.join(ours))}") if ours else ():
            name, value = next(c for c in _COUNTERS if c in metric["id"]), int(metric["value"])
            counted[name] = max(counted[name], value) if name == _SLOWEST else counted[name] + value
        return counted

    def checkpoints(self) -> dict[str, Any]:
        """Flink's own account of the checkpoints."""
        assert self._flink is not None
        told = self._flink.get("/checkpoints")
        summary = told.get("summary", {})
        return {
            "completed": told.get("counts", {}).get("completed", 0),
            "failed": told.get("counts", {}).get("failed", 0),
            "milliseconds": summary.get("end_to_end_duration", {}),
            "bytes": summary.get("state_size", {}),
        }


def measure(options: Options, settings: dict[str, str], told: argparse.Namespace) -> dict[str, Any]:
    """Run over a source that has `told.records` new records, and look every `told.look` seconds.

    `settings` go over those of flink-conf/config.yaml. A bounded run is drained at its end, another one stopped with a
    savepoint; before, all but the open second has to be scored, because the counters are gone with the job. Times are
    in seconds since `told.began`, a time of `time.monotonic`, which all processes of a machine share.
    """
    if options.state is not None:
        StateDirectory(options.state).claim(options)
    configured = environment._configured() | settings
    samples: list[tuple[float, int, int, int, float]] = []
    counted: dict[str, int] = {}
    patched = patch.object(environment, "_configured", lambda: configured)
    with CpuTime() as cpu, patched, (job := _Watched(options, Silent())):
        job.start()
        moved = time.monotonic()
        while time.monotonic() - moved < _PATIENCE_SECONDS:
            caught_up = job.poll()
            before, counted = counted, job.counters() or counted
            now = time.monotonic()
            moved = moved if counted == before and caught_up else now
            scored = counted.get("records_scored", 0)
            samples.append((now - told.began, job.summary.read, scored, job.summary.scored, cpu.seconds()))
            if caught_up and scored >= told.records - told.records_per_second:
                break
            time.sleep(told.look)
        checkpoints = job.checkpoints()
        job.stop(drain=options.bounded)
        ended, used = time.monotonic() - told.began, cpu.seconds()
    nothing_read = [sample for sample in samples if sample[1] == 0] or samples[:1]
    visible = [sample[0] for sample in samples if sample[3]]
    summary = job.summary
    return {
        "records": told.records,
        "scored": summary.scored,
        "rejected": summary.rejected + summary.late,
        "seconds": ended - nothing_read[-1][0],
        "seconds_with_start": ended,
        "cpu_seconds": used - nothing_read[-1][4],
        "first_score": visible[0] if visible else ended,
        "counted": counted,
        "checkpoints": checkpoints,
        "samples": [(at, scored) for at, _, scored, _, _ in samples],
    }


def main() -> None:
    """Run once and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.state_run", description=__doc__)
    parser.add_argument("source", type=Path, help="a directory of JSON-lines files, see python -m bench.generate")
    parser.add_argument("output", type=Path, help="a directory for scores and errors")
    parser.add_argument("--records", type=int, required=True, help="of the source, not yet read")
    parser.add_argument("--records-per-second", type=int, default=10_000, help="of event time, as in the source")
    parser.add_argument("--backend", default="hashmap", help="hashmap or rocksdb")
    parser.add_argument("--began", type=float, default=time.monotonic(), help="when the clock began, monotonic")
    parser.add_argument("--look", type=float, default=0.25, help="seconds between two looks at the counters")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--leave", action="store_true", help="stop with a savepoint, the last second open")
    parser.add_argument("--checkpoint-interval", type=int, default=500)
    parser.add_argument("--forest-memory", type=int)
    parser.add_argument("--one-forest", action="store_true", help="for all keys")
    parser.add_argument("--sample-size", type=int, default=10)
    parser.add_argument("--shards", type=int, default=1, help="and as many workers")
    told = parser.parse_args()
    bound = {} if told.forest_memory is None else {"forest_memory": told.forest_memory}
    options = Options(
        source=Uri("file", told.source.absolute()),
        sink=Uri("file", told.output.absolute() / "scores"),
        errors=Uri("file", told.output.absolute() / "errors"),
        key=None if told.one_forest else "key",
        num_trees=100,
        sample_size=told.sample_size,
        time_decay=10 * told.sample_size,
        parallelism=told.shards,
        shards=told.shards,
        max_delay=0,
        bounded=not told.leave,
        state=told.state,
        checkpoint_interval=told.checkpoint_interval,
        **bound,
    )
    settings = {
        "state.backend.type": told.backend,
        "execution.checkpointing.incremental": str(told.backend == "rocksdb").lower(),  # as on the local cluster
        "metrics.fetcher.update-interval": str(round(told.look * 1000)),
    }
    print(json.dumps(measure(options, settings, told)))


if __name__ == "__main__":
    main()
