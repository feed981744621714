"""One run of the job, from its start to its last result: watched from outside, stopped with everything out."""

import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from job.environment import start
from job.flink_client import FlinkClient, free_port
from job.options import Options
from job.results import ResultFiles
from job.state import StateDirectory
from job.stop import Stop
from job.uris import Uri

POLL_SECONDS = 0.1
_HIGHEST = 5


@dataclass
class Summary:
    """What went in and what came out of a run, in records. Scored, rejected and late are known of files only."""

    read: int = 0
    scored: int = 0
    rejected: int = 0
    late: int = 0
    highest: list[dict[str, Any]] = field(default_factory=list)
    started_seconds: dict[str, float] = field(default_factory=dict)

    def add(self, scores: list[dict[str, Any]], errors: list[dict[str, Any]]) -> None:
        late = sum(row["reason"].startswith("late") for row in errors)
        self.scored += len(scores)
        self.late += late
        self.rejected += len(errors) - late
        rows = [*self.highest, *scores]
        self.highest = sorted(rows, key=lambda row: row["anomaly_score"], reverse=True)[:_HIGHEST]


class Display(Protocol):
    """Shows a run while it runs."""

    def phase(self, text: str) -> None:
        """Something has begun that may take seconds."""

    def rows(self, scores: list[dict[str, Any]], errors: list[dict[str, Any]], summary: Summary) -> None:
        """What became visible since the last call (perhaps nothing), and the sums with it."""


class Run:
    """A job on its own MiniCluster. Use as a context manager, which ends everything it began.

    Raises:
        RuntimeError: the job has failed for good; the message is what it failed of.
    """

    def __init__(self, options: Options, display: Display) -> None:
        self.summary = Summary()
        self._options = options
        self._display = display
        self._name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        self._work = tempfile.TemporaryDirectory(prefix="random-cut-forest-", ignore_cleanup_errors=True)
        self._state = StateDirectory(options.state or Path(self._work.name) / "state")
        self._restore = self._state.restore_point()
        self._scores = _result_files(options.sink, self._name)
        self._errors = _result_files(options.errors, self._name)
        self._stopped = False

    def __enter__(self) -> "Run":
        self._display.phase("starting Flink")
        began = time.monotonic()
        port = free_port()
        env, t_env = start(self._options, Path(self._work.name), self._state, self._restore, port)
        self.summary.started_seconds["JVM"] = time.monotonic() - began
        from job.pipeline import build  # noqa: PLC0415 - PyFlink reads its environment when it is imported
        from job.sinks import attach  # noqa: PLC0415
        from job.sources import open_source  # noqa: PLC0415

        results = build(t_env, self._options, open_source(t_env, self._options))
        attach(results.scores, self._options.sink, "scores", self._name)
        attach(results.errors, self._options.errors, "errors", self._name)
        self._display.phase("submitting the job")
        began = time.monotonic()
        self._flink = FlinkClient(env.execute_async("random cut forest"), port)
        self.summary.started_seconds["job"] = time.monotonic() - began
        self._display.phase("starting the Python workers")
        self._submitted = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._stopped:
            self._flink.cancel()
        self._work.cleanup()

    def ready(self) -> bool:
        """True when records that come now are read at once."""
        caught_up = self.poll()
        if caught_up and "Python workers" not in self.summary.started_seconds:
            self.summary.started_seconds["Python workers"] = time.monotonic() - self._submitted
        return caught_up

    def poll(self) -> bool:
        """Show what is new. True when the source has read all there is."""
        state = self._flink.state()
        if state in ("FAILED", "CANCELED"):
            self._stopped = True
            raise RuntimeError(f"the job failed: {self._flink.failure() or state}")
        self.summary.read, caught_up = self._flink.reader()
        self._show()
        return caught_up

    def stop(self, *, drain: bool) -> None:
        """End the job with everything out: with `drain` every second is closed, else the open ones wait in state."""
        self._display.phase("finishing")
        self.summary.read, _ = self._flink.reader()
        savepoints = self._state.savepoints(self._restore.epoch, drained=drain)
        self._flink.stop(savepoints.absolute().as_uri(), drain=drain)
        self._stopped = True
        self._show()

    def _show(self) -> None:
        scores = list(self._scores.new_rows()) if self._scores else []
        errors = list(self._errors.new_rows()) if self._errors else []
        self.summary.add(scores, errors)
        self._display.rows(scores, errors, self.summary)


def run(options: Options, display: Display, stop: Stop) -> Summary:
    """Run the job until `stop` is requested or, bounded, until all is out. A run without --state closes its last second."""
    if options.state is not None:
        StateDirectory(options.state).claim(options)
    with Run(options, display) as job:
        while not stop.requested:
            if job.poll() and options.bounded:
                job.stop(drain=True)
                return job.summary
            time.sleep(POLL_SECONDS)
        job.stop(drain=options.state is None)
        return job.summary


def _result_files(uri: Uri, run_name: str) -> ResultFiles | None:
    return ResultFiles(uri.path, run_name) if uri.path else None
