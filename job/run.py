"""One run of the job, from its start to its last result: watched from outside, stopped with everything out."""

import gc
import heapq
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from job.environment import launched, start
from job.flink_client import FlinkClient, LocalFlinkClient, StopFailedError, cause_of, free_port
from job.kernels import compile_forest
from job.options import Options
from job.results import ResultFiles, score_of
from job.state import LeftJob, StateDirectory
from job.stop import Stop
from job.uris import Uri

POLL_SECONDS = 0.25
_HIGHEST = 5


@dataclass
class Summary:
    """What went in and what came out of a run, in records. What came out is `counted` in files only."""

    read: int = 0
    scored: int = 0
    rejected: int = 0
    late: int = 0
    highest: list[dict[str, Any]] = field(default_factory=list)
    started_seconds: dict[str, float] = field(default_factory=dict)
    job_id: str = ""
    counted: bool = False

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
    """A job on a MiniCluster of its own or on a cluster. Use as a context manager, which ends what was not left.

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
        self.summary.counted = self._scores is not None
        self._flink: FlinkClient | None = None
        self._last_state = ""
        self._last_failure: str | None = None
        self._under_way = False

    def __enter__(self) -> "Run":
        return self

    def start(self) -> None:
        """Submit the job; from then on it runs by itself."""
        self._display.phase("starting Flink")
        compiling = threading.Thread(target=self._compile, daemon=True)
        cluster, port = self._options.cluster, free_port()
        with no_garbage_collected():
            if not launched():
                compiling.start()
            env = self._planned(port)
        if not launched():
            self._display.phase("compiling the forest (once for this machine)")
            began = time.monotonic()
            compiling.join()
            self._took("kernels", began)
        local = not cluster and not launched()
        self._display.phase("starting the MiniCluster" if local else f"submitting to {cluster or 'the cluster'}")
        began = time.monotonic()
        with told_in_one_line():
            job_client = env.execute_async("random cut forest")
        self.summary.job_id = str(job_client.get_job_id()) if cluster or launched() else ""
        if launched():
            return
        if cluster:
            self._flink = FlinkClient(cluster, self.summary.job_id)
        else:
            self._flink = LocalFlinkClient(f"127.0.0.1:{port}", job_client)
        self._took("MiniCluster", began)
        self._display.phase("starting the Python workers")
        self._submitted = time.monotonic()

    def _compile(self) -> None:
        """Compile kernels while the JVM starts."""
        options = self._options
        compile_forest(options.forest, explained=options.explanation, graded=options.grade)

    def _planned(self, port: int) -> Any:
        """The environment of the job, as far as it is before it is executed."""
        began = time.monotonic()
        env, t_env = start(self._options, self._work, self._state, self._restore, port)
        self._took("JVM", began)
        from job.brokers import find_all  # noqa: PLC0415 - PyFlink reads its environment when it is imported

        found = find_all(self._options)
        self._display.phase("planning the job")
        began = time.monotonic()
        with told_in_one_line():
            self._build(t_env, found)
        self._took("plan", began)
        return env

    def _build(self, t_env: Any, found: Mapping[str, Any]) -> None:
        from job.pipeline import build  # noqa: PLC0415 - as above
        from job.sinks import Sinks  # noqa: PLC0415
        from job.sources import open_source  # noqa: PLC0415

        source = open_source(t_env, self._options, self._restore.epoch, found.get("source"))
        results = build(t_env, self._options, source, self._state.imports())
        sinks = Sinks(t_env, self._options, self._name, self._state.identity())
        sinks.attach(results.scores, self._options.sink, "scores", found.get("sink"))
        sinks.attach(results.errors, self._options.errors, "errors", found.get("errors"))

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
            # A MiniCluster ends with its job, and may be gone before it has said what the job failed of
            failure, self._flink = self._flink.failure() or self._last_failure, None
            raise RuntimeError(f"the job failed: {failure or {'GONE': 'Flink no longer answers'}.get(state, state)}")
        if state == "RESTARTING" != self._last_state:
            self._restarts(self._flink.failure())
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
        savepoints = None
        if self._options.state is not None or self._options.cluster is None:
            savepoints = self._state.savepoints(self._restore.epoch, drained=drain).absolute().as_uri()
        while self._under_way and self._flink is not None:
            self.poll()
            try:
                if self._flink.running():
                    self._flink.stop(savepoints, drain=drain)
                    self._flink = None
                    break
            except StopFailedError as error:
                self._restarts(str(error))
            time.sleep(POLL_SECONDS)
        self._show()

    def leave(self) -> bool:
        """Let a cluster's job run on without this process, if it runs; what it takes to stop it is in its state."""
        self.poll()
        if self._flink is None or not self._flink.running():
            return False
        assert self._options.cluster is not None
        if self._options.state is not None:
            self._state.write_job(LeftJob(self._options.cluster, self._flink.job_id, self._restore.epoch))
        self._flink = None
        return True

    def _restarts(self, failure: str | None) -> None:
        """Tell why the job restarts from its last checkpoint. Raises RuntimeError where that cannot help."""
        assert self._flink is not None
        self._last_failure = failure
        if failure is not None and "ForestStateError: " in failure:
            self._flink.cancel()
            self._flink = None
            raise RuntimeError(f"the job cannot go on from its state: {failure.partition('ForestStateError: ')[2]}")
        self._display.phase(f"restarting from the last checkpoint after: {failure}")

    def _took(self, part: str, began: float) -> None:
        self.summary.started_seconds[part] = time.monotonic() - began

    def _show(self) -> None:
        scores = list(self._scores.new_lines()) if self._scores else []
        errors = list(self._errors.new_lines()) if self._errors else []
        self.summary.add(scores, errors)
        self._display.lines(scores, errors, self.summary)


def run(options: Options, display: Display, stop: Stop, open_run: Callable[[Options, Display], Run] = Run) -> Summary:
    """Run until `stop` is requested or, bounded, until all is out. A run without --state closes its last second.

    On a cluster an unbounded job is left to run, and under `flink run` any job.
    """
    if options.state is not None and (aside := StateDirectory(options.state).claim(options)):
        print(f"starting over; what {options.state} held is now in {aside}", file=sys.stderr)
    with open_run(options, display) as job:
        job.start()
        while not stop.requested:
            if launched():
                return job.summary
            if options.cluster is not None and not options.bounded:
                if job.leave():
                    return job.summary
            elif job.poll() and options.bounded:
                job.stop(drain=True)
                return job.summary
            time.sleep(POLL_SECONDS)
        job.stop(drain=options.state is None)
        return job.summary


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Raises RuntimeError for what Java raises: its deepest cause, without the stack and the options of tables."""
    from py4j.protocol import Py4JJavaError  # noqa: PLC0415 - as in start
    from pyflink.util.exceptions import JavaException  # noqa: PLC0415

    try:
        yield
    except (Py4JJavaError, JavaException) as error:
        raise RuntimeError(f"Flink does not take the job: {cause_of(str(error))}") from None


@contextmanager
def no_garbage_collected() -> Iterator[None]:
    """While Flink plans, Python's collector does not tell Java, from the thread that compiles, what it has collected.

    Thereafter calls may come back on that thread's connection, and so in another thread of Java, which has not what
    Flink's planner keeps by thread: planning would end, now and then, with a NullPointerException. To be entered
    before there is that thread, for a collection that it has begun goes on.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _result_files(uri: Uri, run_name: str) -> ResultFiles | None:
    return ResultFiles(uri.path, run_name) if uri.path else None
