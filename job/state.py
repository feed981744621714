"""What `--state DIR` holds: checkpoints, savepoints, and the parameters they were made with."""

import json
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from job.flink_client import FlinkClient
from job.options import Options

_FIXED = (
    "source",
    "values",
    "key",
    "num_trees",
    "sample_size",
    "time_decay",
    "shingle_size",
    "seed",
    "every",
)
"""Options that state depends on: a forest continues only as the forest it is."""
_ALIVE = ("INITIALIZING", "CREATED", "RUNNING", "FAILING", "RESTARTING", "CANCELLING", "SUSPENDED", "RECONCILING")


@dataclass(frozen=True)
class RestorePoint:
    """`path` is a checkpoint or savepoint, None for a fresh start.

    `epoch` counts the runs that came to the end of their time. Such a run has closed every second there could ever be,
    and operators that remember that would call all new records late; their state, empty by then, is left behind with
    the epoch. The state of the source, the forests and the sinks belongs to no epoch.
    """

    path: Path | None
    epoch: int


@dataclass(frozen=True)
class LeftJob:
    """A job that was left to run on a cluster (HOST:PORT), in an epoch of its state."""

    cluster: str
    job_id: str
    epoch: int


class StateDirectory:
    """`checkpoints/E/JOB/chk-N`, `savepoints/E/…` from a stop within epoch E, `drained/E/…` from the end of epoch E."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def checkpoints(self, epoch: int) -> Path:
        return self._path / "checkpoints" / str(epoch)

    def savepoints(self, epoch: int, *, drained: bool) -> Path:
        return self._path / ("drained" if drained else "savepoints") / str(epoch)

    def restore_point(self) -> RestorePoint:
        """The last complete checkpoint or savepoint."""
        complete = list(self._path.glob("checkpoints/*/*/chk-*/_metadata"))
        complete += self._path.glob("savepoints/*/*/_metadata")
        complete += self._path.glob("drained/*/*/_metadata")
        if not complete:
            return RestorePoint(None, 0)
        newest = max(complete, key=lambda metadata: metadata.stat().st_mtime_ns).parent
        kind, epoch = newest.relative_to(self._path).parts[:2]
        return RestorePoint(newest, int(epoch) + (kind == "drained"))

    def identity(self) -> str:
        """A name that this state has from its first use on; no other has it."""
        file = self._path / "identity"
        if not file.exists():
            self._path.mkdir(parents=True, exist_ok=True)
            file.write_text(uuid.uuid4().hex)
        return file.read_text()

    def write_job(self, job: LeftJob) -> None:
        """Note the job that this state is now of."""
        (self._path / "job.json").write_text(json.dumps(asdict(job)) + "\n")

    def job(self) -> LeftJob | None:
        """The job that was last left to run with this state."""
        file = self._path / "job.json"
        return LeftJob(**json.loads(file.read_text())) if file.exists() else None

    def claim(self, options: Options) -> None:
        """Write down what the state is made with, or compare.

        Raises:
            ValueError: the state was made with another value of an option, which is named.
            RuntimeError: a job on a cluster has it.
        """
        left = self.job()
        if left is not None and FlinkClient(left.cluster, left.job_id).state() in _ALIVE:
            raise RuntimeError(
                f"the job {left.job_id} on {left.cluster} has the state {self._path}; "
                f"stop it first: python -m job stop --state {self._path}"
            )
        now = {name: _plain(getattr(options, name)) for name in _FIXED}
        file = self._path / "options.json"
        if not file.exists():
            self._path.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(now, indent=1) + "\n")
            return
        before = json.loads(file.read_text())
        for name, value in now.items():
            if before.get(name) != value:
                raise ValueError(
                    f"{name} must be {_shown(before.get(name))} as in the state of {self._path}, got {_shown(value)}; "
                    f"take it back, or start fresh with another --state"
                )


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, int | str | None) else str(value)


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
