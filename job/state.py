"""What `--state DIR` holds: checkpoints, savepoints, and the parameters they were made with."""

import json
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from job.flink_client import FlinkClient
from job.options import Options

_REPLACED = ("checkpoints", "savepoints", "drained", "imports", "job.json", "options.json")
"""What a fresh start sets aside; options last, so that what it leaves behind if it is killed is still guarded by them.

The identity stays: transactions that the former run left open at a broker have it in their names, and are ended by it.
"""
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


@dataclass(frozen=True)
class _Complete:
    """A checkpoint or savepoint that is complete: the first digits of its job, its number there, its time."""

    path: Path
    job: str
    number: int
    written: int

    @classmethod
    def of(cls, path: Path) -> "_Complete":
        """`JOB/chk-N` or `savepoint-DIGITS-…`. Raises FileNotFoundError for one that is being deleted."""
        metadata = path / "_metadata"
        with metadata.open("rb") as file:
            head = file.read(16)  # magic number, version, number
        kind, _, rest = path.name.partition("-")
        job = path.parent.name[:6] if kind == "chk" else rest.partition("-")[0]
        return cls(path, job, int.from_bytes(head[8:], "big"), metadata.stat().st_mtime_ns)


class StateDirectory:
    """`checkpoints/E/JOB/chk-N`, `savepoints/E/…` from a stop within epoch E, `drained/E/…` from the end of epoch E.

    `replaced/TIME/…` holds the same of runs before a fresh start. To go on from it after all, move it back:
    checkpoints may name their files by where they were.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def checkpoints(self, epoch: int) -> Path:
        return self._path / "checkpoints" / str(epoch)

    def savepoints(self, epoch: int, *, drained: bool) -> Path:
        return self._path / ("drained" if drained else "savepoints") / str(epoch)

    def restore_point(self) -> RestorePoint:
        """The last complete checkpoint or savepoint.

        A checkpoint that was under way when its job was told to stop may be complete after the savepoint of that stop,
        and Flink then deletes it: of one job, what has the greater number is the later one.
        """
        complete = []
        for pattern in ("checkpoints/*/*/chk-*", "savepoints/*/*", "drained/*/*"):
            for path in self._path.glob(f"{pattern}/_metadata"):
                with suppress(FileNotFoundError):
                    complete.append(_Complete.of(path.parent))
        if not complete:
            return RestorePoint(None, 0)
        job = max(complete, key=lambda point: point.written).job
        newest = max((p for p in complete if p.job == job), key=lambda p: (p.number, p.written)).path
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

    def claim(self, options: Options) -> Path | None:
        """Write down what the state is made with, or compare. With `options.fresh`, start over.

        Returns where what was there has been moved to, if it was.

        Raises:
            ValueError: the state was made with another value of an option, which is named.
            RuntimeError: a job on a cluster has it.
        """
        self._refuse_if_running()
        aside = self._set_aside() if options.fresh else None
        now = {name: _plain(value) for name, value in options.fixed.items()}
        before = self.told()
        if before is None:
            self._path.mkdir(parents=True, exist_ok=True)
            (self._path / "options.json").write_text(json.dumps(now, indent=1) + "\n")
            return aside
        # States of before these were told: there were no shards, and any time zone may have been theirs
        before = {"shards": 1, "time_zone": now.get("time_zone")} | before
        for name, value in now.items():
            if before.get(name) != value:
                raise ValueError(
                    f"{name} must be {_shown(before.get(name))} as in the state of {self._path}, got {_shown(value)}; "
                    f"take it back, or start over with --fresh"
                )
        return aside

    def told(self) -> dict[str, Any] | None:
        """What the state was made with."""
        file = self._path / "options.json"
        return json.loads(file.read_text()) if file.exists() else None

    def put_in(self, key: str, name: str, forest: bytes) -> None:
        """Keep a forest that is to be the one of `key`; `name` is of this import alone."""
        imports = self._path / "imports"
        imports.mkdir(parents=True, exist_ok=True)
        (imports / f"{name}.forest").write_bytes(forest)
        index = imports / "index.json"
        names = json.loads(index.read_text()) if index.exists() else {}
        aside = index.with_suffix(".new")
        aside.write_text(json.dumps(names | {key: name}, indent=1) + "\n")
        aside.replace(index)

    def imports(self) -> dict[str, tuple[str, bytes]]:
        """Forests that were put in, by key: the name of the import, and the forest."""
        index = self._path / "imports" / "index.json"
        names = json.loads(index.read_text()) if index.exists() else {}
        return {key: (name, (index.parent / f"{name}.forest").read_bytes()) for key, name in names.items()}

    def _set_aside(self) -> Path | None:
        """Move what there is of former runs to `replaced/TIME`, in UTC."""
        held = [self._path / name for name in _REPLACED if (self._path / name).exists()]
        if not held:
            return None
        aside = self._path / "replaced" / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside.mkdir(parents=True)
        for entry in held:
            entry.rename(aside / entry.name)
        return aside

    def _refuse_if_running(self) -> None:
        left = self.job()
        if left is not None and FlinkClient(left.cluster, left.job_id).state() in _ALIVE:
            raise RuntimeError(
                f"the job {left.job_id} on {left.cluster} has the state {self._path}; "
                f"stop it first: python -m job stop --state {self._path}"
            )


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, int | str | None) else str(value)


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
