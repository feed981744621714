"""Options of a run from arguments, as far as every command that runs a job has them."""

import argparse
from typing import Any

from job.options import Options, duration, size


def of_run(told: argparse.Namespace) -> dict[str, Any]:
    """Of time, state and place; Options checks their ranges. Raises ValueError for what is no duration or size."""
    return {
        "time": told.time,
        "seed": told.seed,
        "max_delay": None if told.max_delay is None else duration("max_delay", told.max_delay),
        "max_ahead": duration("max_ahead", told.max_ahead),
        "quiet": None if told.quiet is None else duration("quiet", told.quiet),
        "bounded": told.bounded,
        "state": told.state,
        "fresh": told.fresh,
        "cluster": told.cluster,
        "jars": tuple(jar.absolute() for jar in told.jar or ()),
        "requirements": told.requirements.absolute() if told.requirements else None,
    }


def of_work(told: argparse.Namespace) -> dict[str, Any]:
    """Of the workers. Raises ValueError as `of_run`."""
    return {
        "parallelism": told.parallelism,
        "checkpoint_interval": duration("checkpoint_interval", told.checkpoint_interval),
        "forest_memory": None if told.forest_memory is None else size("forest_memory", told.forest_memory),
    }


def check_there(options: Options, source: str) -> None:
    """Raise ValueError where the source, which was told so, or a file that an option names is not there."""
    if options.source.path is not None and not options.source.path.exists():
        raise ValueError(f"source must be a file or directory that is there, got {source!r}")
    for name, files in [("jar", options.jars), ("requirements", filter(None, [options.requirements]))]:
        for file in files:
            if not file.is_file():
                raise ValueError(f"{name} must be a file that is there, got {str(file)!r}")
