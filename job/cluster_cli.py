"""The command line of the local cluster: `flink-conf/local-cluster start | status | stop`."""

import argparse
import sys
from pathlib import Path

from job.local_cluster import DEFAULTS, LocalCluster, flink_home

_ABOUT = """\
A Flink cluster of real processes on this machine, reachable from this machine only. start also replaces what has died.
Logs, checkpoints, savepoints and configuration are in its directory, and stay there when it stops.
"""


def main(arguments: list[str]) -> int:
    """Run the command. Returns the exit code: 0 done, 1 it failed, 2 a mistake in the arguments, 3 not all run."""
    told = _parser().parse_args(arguments)
    try:
        cluster = LocalCluster(told.directory)
        if told.command == "start":
            return _start(cluster, told)
        if told.command == "stop":
            for process in cluster.stop():
                print(f"{process.name} (process {process.pid}) ended")
            return 0
        for process in cluster.processes:
            print(f"{process.name} {process.pid} {'runs' if process.alive() else 'has ended'}")
        return 0 if cluster.processes and cluster.running == cluster.processes else 3
    except ValueError as error:
        print(f"local-cluster: {error}", file=sys.stderr)
        return 2
    except (RuntimeError, OSError) as error:
        print(f"local-cluster: {error}", file=sys.stderr)
        return 1


def _start(cluster: LocalCluster, told: argparse.Namespace) -> int:
    settings = {name: getattr(told, name) for name in DEFAULTS if getattr(told, name) is not None}
    begun = cluster.start(told.taskmanagers, settings)
    for process in begun:
        print(f"{process.name} (process {process.pid}) runs")
    print(
        f"{'Flink is up' if begun else 'running already'}: {cluster.url}\n"
        f"submit with: python -m job run --cluster 127.0.0.1:{cluster.settings['port']} …\n"
        f"         or: FLINK_CONF_DIR={cluster.directory / 'conf'}"
        f" {flink_home(cluster.settings['flink_python']) / 'bin' / 'flink'} run …"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local-cluster", description=_ABOUT)
    parser.add_argument("command", choices=["start", "status", "stop"])
    parser.add_argument("--directory", type=Path, default=Path("cluster"), help="of all its files (default cluster)")
    parser.add_argument("--taskmanagers", type=_count, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--slots", type=_count, metavar="N", help="of each TaskManager (default 2)")
    parser.add_argument("--port", type=_count, metavar="PORT", help="of REST and web interface (default 8081)")
    parser.add_argument("--flink-python", metavar="PYTHON", help="whose Flink to run (default: this one's)")
    parser.add_argument(
        "--prometheus",
        metavar="PORTS",
        help="serve metrics, a port a process, such as 9250-9260; on all interfaces: Flink's reporter cannot do less",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
