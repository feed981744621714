"""The Flink that a run has: Java, configuration, and a MiniCluster in this process that only this machine can reach."""

import os
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from job.java import find_java
from job.options import Options
from job.pipeline import KEY_GROUPS
from job.state import RestorePoint, StateDirectory

_ROOT = Path(__file__).resolve().parents[1]


def start(
    options: Options, work: Path, state: StateDirectory, restore: RestorePoint, rest_port: int
) -> tuple[Any, Any]:
    """A StreamExecutionEnvironment and its StreamTableEnvironment. `work` takes logs and temporary files."""
    _prepare_processes(work)
    from pyflink.common import Configuration  # noqa: PLC0415 - reads the environment set above
    from pyflink.datastream import StreamExecutionEnvironment  # noqa: PLC0415
    from pyflink.table import StreamTableEnvironment  # noqa: PLC0415

    configuration = Configuration()
    for name, value in _settings(options, work, state, restore, rest_port).items():
        configuration.set_string(name, value)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    return env, StreamTableEnvironment.create(env)


def _prepare_processes(work: Path) -> None:
    """Environment of the JVM that PyFlink starts, and through it of the Python workers."""
    logs = work / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "JAVA_HOME": str(find_java()),
        "FLINK_CONF_DIR": str(_ROOT / "flink-conf"),
        "FLINK_LOG_DIR": str(logs),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])),
        # Workers of their own, as on a cluster; else they are threads in this process
        "_python_worker_execution_mode": "process",
    }


def _settings(
    options: Options, work: Path, state: StateDirectory, restore: RestorePoint, rest_port: int
) -> dict[str, str]:
    # A local environment does not read the file by itself
    configured = YAML(typ="safe").load(_ROOT / "flink-conf" / "config.yaml")
    settings = {name: str(value) for name, value in configured.items()} | {
        "parallelism.default": str(options.parallelism),
        "pipeline.max-parallelism": str(KEY_GROUPS),
        "rest.port": str(rest_port),
        "taskmanager.numberOfTaskSlots": str(options.parallelism),
        "io.tmp.dirs": str(work),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "execution.checkpointing.interval": f"{options.checkpoint_interval} ms",
        "execution.checkpointing.dir": state.checkpoints(restore.epoch).absolute().as_uri(),
        "table.local-time-zone": "UTC",
        "table.exec.uid.generation": "ALWAYS",
        "table.exec.uid.format": f"epoch-{restore.epoch}_<id>_<transformation>",
    }
    if restore.path is not None:
        settings["execution.state-recovery.path"] = restore.path.absolute().as_uri()
        # The state of an earlier epoch has no operator here: see RestorePoint
        settings["execution.state-recovery.ignore-unclaimed-state"] = "true"
    return settings
