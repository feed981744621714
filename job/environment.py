"""The Flink that a run has: Java, configuration, and a MiniCluster in this process (loopback only) or a cluster."""

import os
import sys
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML

from job.class_archive import java_arguments
from job.jars import connector_jars
from job.java import find_java
from job.options import Options
from job.state import RestorePoint, StateDirectory
from udf.share_keys import KEY_GROUPS

_ROOT = Path(__file__).resolve().parents[1]
_OF_A_JOB = ("execution.", "parallelism.", "pipeline.", "python.", "restart-strategy.", "table.")


def start(
    options: Options,
    work: Path,
    state: StateDirectory,
    restore: RestorePoint,
    rest_port: int,
    further: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Any, Any]:
    """A StreamExecutionEnvironment and its StreamTableEnvironment. `work` takes logs and temporary files.

    `further` settings go over all others.

    Raises:
        RuntimeError: the connector of a broker is not there; the message says how it comes.
    """
    _prepare_processes(work)
    from pyflink.common import Configuration  # noqa: PLC0415 - reads the environment set above
    from pyflink.datastream import StreamExecutionEnvironment  # noqa: PLC0415
    from pyflink.java_gateway import get_gateway  # noqa: PLC0415
    from pyflink.table import StreamTableEnvironment  # noqa: PLC0415

    settings = _configured() | _job_settings(options, state, restore)
    if options.cluster or launched():
        # where the cluster is, it knows itself
        settings = {name: value for name, value in settings.items() if name.startswith(_OF_A_JOB)}
        settings["python.files"] = str(_shipped(work))
        if options.requirements is not None:
            settings["python.requirements"] = str(options.requirements)
    else:
        settings |= _local(options, work, rest_port)
    configuration = Configuration()
    for name, value in {**settings, **further}.items():
        configuration.set_string(name, value)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    if options.cluster:
        # Java's own default environment is a local one, whatever execution.target says
        host, _, port = options.cluster.rpartition(":")
        flink, settings_of_java = get_gateway().jvm.org.apache.flink, configuration._j_configuration
        remote = flink.streaming.api.environment.RemoteStreamEnvironment
        # Unless it is told how to restore, it takes the default for that and not what is configured
        restoring = flink.runtime.jobgraph.SavepointRestoreSettings.fromConfiguration(settings_of_java)
        env = StreamExecutionEnvironment(remote(host, int(port), settings_of_java, None, None, restoring))
        env.add_jars(*[jar.as_uri() for jar in _python_jars()])
    jars = [*options.jars]
    if any(end.broker for end in options.ends.values()) and not _has_jar():
        jars += connector_jars()
    if jars:
        env.add_jars(*[jar.as_uri() for jar in jars])
    t_env = StreamTableEnvironment.create(env)
    _number_operators_from_one(t_env)
    return env, t_env


def launched() -> bool:
    """True under `flink run`: Java, and the cluster that the job goes to, are there before this process."""
    return "PYFLINK_GATEWAY_PORT" in os.environ


def _number_operators_from_one(t_env: Any) -> None:
    """State knows operators by their numbers, and Java counts on where a plan before in this process has ended."""
    from pyflink.java_gateway import get_gateway  # noqa: PLC0415 - as above

    gateway = get_gateway()
    planner = t_env._j_tenv.getPlanner().getClass().getClassLoader()  # Flink hides the planner's classes
    numbers = planner.loadClass("org.apache.flink.table.planner.plan.nodes.exec.ExecNodeContext")
    numbers.getMethod("resetIdCounter", gateway.new_array(gateway.jvm.Class, 0)).invoke(None, None)


def _has_jar() -> bool:
    """True in the package for Amazon's service, which names its own jar with the connectors."""
    return launched() and (_ROOT / "lib").is_dir()


def _prepare_processes(work: Path) -> None:
    """Environment of the JVM that PyFlink starts, and through it of the Python workers."""
    logs = work / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    if launched():
        return
    os.environ |= {
        # PyFlink would take another one's Flink from the environment
        "FLINK_HOME": str(Path(find_spec("pyflink").origin).parent),  # type: ignore[union-attr, arg-type]
        "JAVA_HOME": str(find_java()),
        "FLINK_CONF_DIR": str(_ROOT / "flink-conf"),
        "FLINK_LOG_DIR": str(logs),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])),
        # Workers of their own, as on a cluster; else they are threads in this process
        "_python_worker_execution_mode": "process",
        "JVM_ARGS": os.environ.get("JVM_ARGS") or java_arguments(),
    }


def _configured() -> dict[str, str]:
    """flink-conf/config.yaml, which a local environment does not read by itself."""
    return {name: str(value) for name, value in YAML(typ="safe").load(_ROOT / "flink-conf" / "config.yaml").items()}


def _job_settings(options: Options, state: StateDirectory, restore: RestorePoint) -> dict[str, str]:
    settings = {
        "parallelism.default": str(options.parallelism),
        "pipeline.max-parallelism": str(KEY_GROUPS),
        "python.client.executable": sys.executable,
        "execution.checkpointing.interval": f"{options.checkpoint_interval} ms",
        "table.local-time-zone": "UTC",
        "table.exec.uid.generation": "ALWAYS",
        "table.exec.uid.format": f"epoch-{restore.epoch}_<id>_<transformation>",
    }
    if options.state is not None or not (options.cluster or launched()):
        settings["execution.checkpointing.dir"] = state.checkpoints(restore.epoch).absolute().as_uri()
    if restore.path is not None:
        settings["execution.state-recovery.path"] = restore.path.absolute().as_uri()
        # The state of an earlier epoch has no operator here: see RestorePoint
        settings["execution.state-recovery.ignore-unclaimed-state"] = "true"
    return settings


def _local(options: Options, work: Path, rest_port: int) -> dict[str, str]:
    """A MiniCluster in this process."""
    return {
        "rest.port": str(rest_port),
        "taskmanager.numberOfTaskSlots": str(options.parallelism),
        "io.tmp.dirs": str(work),
        "python.executable": sys.executable,
    }


def _python_jars() -> list[Path]:
    """Flink's side of Python, which is not in a cluster's lib; `flink run` brings it to its cluster, too."""
    import pyflink  # noqa: PLC0415 - as above

    return list((Path(pyflink.__file__).parent / "opt").glob("flink-python-*.jar"))


def _shipped(work: Path) -> Path:
    """A zip file of the package `udf`, all that a cluster's workers need of this project beside what its image has."""
    archive = work / "shipped.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for module in sorted((_ROOT / "udf").rglob("*.py")):
            file.write(module, module.relative_to(_ROOT))
    return archive
