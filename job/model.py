"""A forest as a thing: taken out of a job's state into a file, and put into the state of another."""

import shutil
import tempfile
import uuid
from pathlib import Path

from job.environment import start
from job.flink_client import free_port
from job.options import Options
from job.run import told_in_one_line
from job.state import StateDirectory
from udf.forest_state import check_forest
from udf.rcf import RandomCutForest
from udf.rcf.shares import join

_READING = {
    # The state stays the job's, and what cannot be read cannot be read by trying again
    "execution.state-recovery.claim-mode": "NO_CLAIM",
    "restart-strategy.type": "none",
    # Of the job's operators only the forests' has its state here
    "table.exec.uid.format": "export_<id>_<transformation>",
}


def export(state: Path, key: str | None) -> bytes:
    """The bytes of the forest of `key` as the last checkpoint or savepoint in `state` has it.

    Raises:
        ValueError: there is no state, or no such forest in it.
        RuntimeError: Flink cannot read it.
    """
    directory = StateDirectory(state)
    restore = directory.restore_point()
    if restore.path is None:
        raise ValueError(f"state must have a checkpoint or savepoint, got {state}")
    options = _options_of(directory, state, key)
    work = Path(tempfile.mkdtemp(prefix="random-cut-forest-"))
    try:
        _, t_env = start(options, work, StateDirectory(work / "state"), restore, free_port(), _READING)
        from job.forests import saved_forest  # noqa: PLC0415 - PyFlink reads its environment when it is imported

        with told_in_one_line():
            shares = saved_forest(t_env, options, key or "")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not all(shares):
        raise ValueError(f"key must be of a forest in the state of {state}, got {key!r}")
    return shares[0] if len(shares) == 1 else join([RandomCutForest.from_bytes(share) for share in shares]).to_bytes()


def put_in(state: Path, key: str | None, file: Path) -> RandomCutForest:
    """Have the next run with `state` go on with the forest in `file` for `key`, from the key's next record on.

    Raises:
        ValueError: the file is no forest, or it is not one as the job has them.
    """
    try:
        forest = RandomCutForest.from_bytes(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file} must be a forest that export has written: {error}") from error
    directory = StateDirectory(state)
    options = _options_of(directory, state, key)
    check_forest(forest, key or "", options.forest)
    directory.put_in(key or "", uuid.uuid4().hex, forest.to_bytes())
    return forest


def _options_of(directory: StateDirectory, state: Path, key: str | None) -> Options:
    """The options that the job of a state had, as far as forests depend on them."""
    told = directory.told()
    if told is None:
        raise ValueError(f"state must be a directory that a job was run with, got {state}")
    if "key" not in told:
        raise ValueError(f"state must be of a job that run has run, got that of a SQL application in {state}")
    if (key is None) != (told["key"] is None):
        rule = "given, as the job has a forest for each" if key is None else "left out, as the job has one forest"
        raise ValueError(f"key must be {rule}")
    names = ("key", "num_trees", "sample_size", "time_decay", "shingle_size", "seed", "every", "shards")
    return Options.without_ends(values=tuple(told["values"]), **{n: told[n] for n in names if n in told})
