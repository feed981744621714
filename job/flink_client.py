"""What a run asks of Flink while it runs: its state, its counts, and to stop with everything out."""

import contextlib
import json
import random
import socket
import time
import urllib.error
import urllib.request
from typing import Any

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_given: set[int] = set()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, another one each time.

    It is below those that outgoing connections get: one of those may take it before its server does, and a client that
    tries again and again to reach a server that is away may connect to itself.
    """
    for _ in range(100):
        port = random.randrange(12_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
    raise RuntimeError("no free port on 127.0.0.1")


class StopFailedError(Exception):
    """A job failed while it stopped."""


class FlinkClient:
    """The job `job_id`, by Flink's REST interface at `address`, which is HOST:PORT."""

    def __init__(self, address: str, job_id: str) -> None:
        self.job_id = job_id
        self._url = f"http://{address}/jobs/{job_id}"
        self._reader_metrics = ""
        self._answered = time.monotonic()

    def state(self) -> str:
        """CREATED, RUNNING, RESTARTING, FAILED, FINISHED, …; GONE where Flink has not answered for a while."""
        answer = self.get("")
        if answer:
            self._answered = time.monotonic()
        elif time.monotonic() - self._answered > _PATIENCE_SECONDS:
            return "GONE"
        return str(answer.get("state", "UNKNOWN"))

    def running(self) -> bool:
        """True when every task runs; only then a job can be stopped with a savepoint."""
        vertices = self.get("").get("vertices", [])
        return bool(vertices) and all(vertex["status"] == "RUNNING" for vertex in vertices)

    def failure(self) -> str | None:
        """What the job last failed of, in its own words: the Python error where there was one."""
        root = self.get("/exceptions?maxExceptions=1").get("exceptionHistory", {}).get("entries", [])
        return cause_of(root[0]["stacktrace"]) if root else None

    def reader(self) -> tuple[int, bool]:
        """Records that the source has read, since its state began, and whether it has read all there is."""
        if not self._reader_metrics:
            vertices = self.get("").get("vertices", [])
            ids = [v["id"] for v in vertices if v["name"].startswith("reader")]
            if not ids:
                return 0, False
            self._reader_metrics = f"/vertices/{ids[0]}/metrics?get=0.reader.recordsRead,0.reader.caughtUp"
        values = {m["id"].rpartition(".")[2]: m["value"] for m in self.get(self._reader_metrics)}
        return int(values.get("recordsRead", 0)), values.get("caughtUp") == "1"

    def stop(self, savepoints: str | None, *, drain: bool) -> str:
        """Stop with a savepoint in `savepoints`, a URI, or else where Flink is configured to; its place.

        `drain` first closes every second there is. Returns when all results are committed.

        Raises:
            StopFailedError: the job failed while it stopped; it goes on from its last checkpoint.
        """
        told = {"targetDirectory": savepoints, "drain": drain, "formatType": "CANONICAL"}
        request = self._send("POST", "/stop", told).get("request-id")
        if request is None:
            raise StopFailedError("Flink did not take the request to stop")
        answered = time.monotonic()
        while True:
            answer = self.get(f"/savepoints/{request}")
            if answer.get("status", {}).get("id") == "COMPLETED":
                operation = answer["operation"]
                if "failure-cause" in operation:
                    raise StopFailedError(self.failure() or cause_of(operation["failure-cause"]["stack-trace"]))
                return str(operation["location"])
            if answer:
                answered = time.monotonic()
            elif time.monotonic() - answered > _PATIENCE_SECONDS:
                raise StopFailedError("Flink no longer answers")
            time.sleep(_POLL_SECONDS)

    def cancel(self) -> None:
        """End at once; what no checkpoint has is gone."""
        self._send("PATCH", "?mode=cancel", None)

    def get(self, path: str) -> Any:
        """What Flink answers about the job, at a path below it; empty where it does not."""
        return self._send("GET", path, None)

    def _send(self, method: str, path: str, told: Any) -> Any:
        """Flink's answer, or an empty one before it listens and after it has gone."""
        body = None if told is None else json.dumps(told).encode()
        headers = {"Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self._url + path, body, headers, method=method), timeout=10
            ) as answer:
                return json.loads(answer.read() or b"{}")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}


class LocalFlinkClient(FlinkClient):
    """The job of a MiniCluster in this process. It ends with its job, before its REST interface could say how."""

    def __init__(self, address: str, job_client: Any) -> None:
        super().__init__(address, str(job_client.get_job_id()))
        self._job_client = job_client

    def stop(self, savepoints: str | None, *, drain: bool) -> str:
        """As of any job."""
        # PyFlink 2.3's own stop_with_savepoint calls a method that Java no longer has
        from py4j.protocol import Py4JError  # noqa: PLC0415
        from pyflink.java_gateway import get_gateway  # noqa: PLC0415

        canonical = get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType.CANONICAL
        try:
            return str(self._job_client._j_job_client.stopWithSavepoint(drain, savepoints, canonical).get())
        except Py4JError as error:
            raise StopFailedError(self.failure() or str(error).splitlines()[0]) from error

    def cancel(self) -> None:
        """As of any job; returns when it has ended."""
        self._job_client._j_job_client.cancel().get()


def cause_of(stacktrace: str) -> str:
    """The line of a stack trace that says most: the end of Python's traceback, the deepest cause, or its first."""
    lines = stacktrace.splitlines()
    traceback = [i for i, line in enumerate(lines) if line.endswith("Traceback (most recent call last):")]
    if traceback:
        for line in lines[traceback[0] + 1 :]:
            if line and not line.startswith((" ", "\t")):
                return line
    # Py4J puts a colon before the first exception
    causes = [line.partition(": ")[2] for line in lines if line.startswith((": ", "Caused by: "))]
    return causes[-1] if causes else next((line for line in lines if line.strip()), "")
