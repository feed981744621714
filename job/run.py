"""One run of the job, from its start to its last result: watched from outside, stopped with everything out."""

import heapq
import json
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from job.environment import start
from job.flink_client import FlinkClient, StopFailedError, free_port
from job.options import Options
from job.results import ResultFiles, score_of
from job.state import StateDirectory
from job.stop import Stop
from job.uris import Uri

POLL_SECONDS = 0.25
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

    def add(self, scores: list[bytes], errors: list[bytes]) -> None:
        """Count lines of the two results."""
        late = sum(json.loads(line)["reason"].startswith("late") for line in errors)
        self.scored += len(scores)
        self.late += late
        self.rejected += len(errors) - late
        candidates = [json.loads(line) for line in heapq.nlargest(_HIGHEST, scores, key=score_of)]
        self.highest = heapq.nlargest(_HIGHEST, self.highest + candidates, key=lambda row: row["anomaly_score"])


class Display(Protocol):
    """Shows a run while it runs."""

    def phase(self, text: str) -> None:
        """Something has begun that may take seconds."""

    def lines(self, scores: list[bytes], errors: list[bytes], summary: Summary) -> None:
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
        self._work = Path(tempfile.mkdtemp(prefix="random-cut-forest-"))  # removed by __exit__
        self._state = StateDirectory(options.state or self._work / "state")
        self._restore = self._state.restore_point()
        self._scores = _result_files(options.sink, self._name)
        self._errors = _result_files(options.errors, self._name)
        self._flink: FlinkClient | None = None
        self._last_state = ""
        self._under_way = False

    def __enter__(self) -> "Run":
        return self

    def start(self) -> None:
        """Submit the job; from then on it runs by itself."""
        self._display.phase("starting Flink")
        compiling = threading.Thread(target=_compile_kernels, args=[self._options.forest], daemon=True)
        compiling.start()
        began = time.monotonic()
        port = free_port()
        env, t_env = start(self._options, self._work, self._state, self._restore, port)
        self._took("JVM", began)
        from job.sources import open_source  # noqa: PLC0415 - PyFlink reads its environment when it is imported

        self._display.phase("planning the job")
        began = time.monotonic()
        self._build(t_env, open_source(t_env, self._options, self._restore.epoch))
        self._took("plan", began)
        self._display.phase("compiling the forest (once for this machine)")
        began = time.monotonic()
        compiling.join()
        self._took("kernels", began)
        self._display.phase("starting the MiniCluster")
        began = time.monotonic()
        self._flink = FlinkClient(env.execute_async("random cut forest"), port)
        self._took("MiniCluster", began)
        self._display.phase("starting the Python workers")
        self._submitted = time.monotonic()

    def _build(self, t_env: Any, blocks: Any) -> None:
        from job.pipeline import build  # noqa: PLC0415
        from job.sinks import attach  # noqa: PLC0415

        results = build(t_env, self._options, blocks)
        attach(results.scores, self._options.sink, "scores", self._name)
        attach(results.errors, self._options.errors, "errors", self._name)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._flink is not None:
            self._flink.cancel()
        if kind is None:
            shutil.rmtree(self._work, ignore_errors=True)
        else:
            self._display.phase(f"Flink's log is kept in {self._work / 'logs'}")

    def ready(self) -> bool:
        """True when records that come now are read at once."""
        caught_up = self.poll()
        if caught_up and "Python workers" not in self.summary.started_seconds:
            self._took("Python workers", self._submitted)
        return caught_up

    def poll(self) -> bool:
        """Show what is new. True when the source has read all there is."""
        assert self._flink is not None
        state = self._flink.state()
        if state in ("FAILED", "CANCELED", "GONE"):
            failure, self._flink = self._flink.failure(), None
            raise RuntimeError(f"the job failed: {failure or {'GONE': 'Flink no longer answers'}.get(state, state)}")
        if state == "RESTARTING" != self._last_state:
            self._display.phase(f"restarting from the last checkpoint after: {self._flink.failure()}")
        self._last_state = state
        self.summary.read, caught_up = self._flink.reader()
        self._under_way |= caught_up or self.summary.read > 0
        self._show()
        return caught_up

    def stop(self, *, drain: bool) -> None:
        """End the job with everything out: with `drain` every second is closed, else the open ones wait in state.

        A job that is not yet under way has nothing to bring out. One that fails in its last moments (its worker may be
        killed even then) goes on from its last checkpoint and is stopped again.
        """
        self._display.phase("finishing")
        savepoints = self._state.savepoints(self._restore.epoch, drained=drain).absolute().as_uri()
        while self._under_way and self._flink is not None:
            self.poll()
            try:
                if self._flink.running():
                    self._flink.stop(savepoints, drain=drain)
                    self._flink = None
                    break
            except StopFailedError as error:
                self._display.phase(f"restarting from the last checkpoint after: {error}")
            time.sleep(POLL_SECONDS)
        self._show()

    def _took(self, part: str, began: float) -> None:
        self.summary.started_seconds[part] = time.monotonic() - began

    def _show(self) -> None:
        scores = list(self._scores.new_lines()) if self._scores else []
        errors = list(self._errors.new_lines()) if self._errors else []
        self.summary.add(scores, errors)
        self._display.lines(scores, errors, self.summary)


def run(options: Options, display: Display, stop: Stop) -> Summary:
    """Run until `stop` is requested or, bounded, until all is out. A run without --state closes its last second."""
    if options.state is not None:
        StateDirectory(options.state).claim(options)
    with Run(options, display) as job:
        job.start()
        while not stop.requested:
            if job.poll() and options.bounded:
                job.stop(drain=True)
                return job.summary
            time.sleep(POLL_SECONDS)
        job.stop(drain=options.state is None)
        return job.summary


def _compile_kernels(parameters: dict[str, Any]) -> None:
    """Bring a forest's machine code into numba's cache while the JVM starts; a worker would stand still for it."""
    from udf.rcf import RandomCutForest  # noqa: PLC0415 - half a second to import, beside the JVM

    forest = RandomCutForest(**parameters)
    forest.score_and_learn(np.zeros((2, parameters["dimensions"])))
    RandomCutForest.from_bytes(forest.to_bytes())


def _result_files(uri: Uri, run_name: str) -> ResultFiles | None:
    return ResultFiles(uri.path, run_name) if uri.path else None
