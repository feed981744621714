"""Options of `python -m job run` from a file in the form of Amazon Managed Service for Apache Flink.

The file is a list of groups; the group random.cut.forest holds options by their long names, all as text:

    [{"PropertyGroupId": "random.cut.forest",
      "PropertyMap": {"source": "kinesis://eu-west-1/volume", "value": "volume, light", "bounded": "true"}}]
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

GROUP = "random.cut.forest"


def expand(arguments: list[str], parser: argparse.ArgumentParser) -> list[str]:
    """Arguments with each `--properties FILE` in them replaced by what the file says, unless they say it themselves.

    `parser` is the one that they are for, and tells which options there are.

    Raises:
        ValueError: the file is not of the form, or names what is no option.
    """
    first = argparse.ArgumentParser(prog=parser.prog, add_help=False, allow_abbrev=False)
    first.add_argument("--properties", type=Path)
    told, rest = first.parse_known_args(arguments)
    if told.properties is None:
        return rest
    options = {name: action for name, action in parser._option_string_actions.items() if name.startswith("--")}
    given = {id(option) for text in rest for option in _meant(text.partition("=")[0], options)}
    expanded = []
    for name, value in _group(told.properties).items():
        option = options.get(f"--{name}")
        if option is None or name in ("help", "properties"):
            known = ", ".join(sorted(text[2:] for text in options if text not in ("--help", "--properties")))
            raise ValueError(f"{GROUP} must hold options of the run ({known}), got {name!r}")
        if not isinstance(value, str):
            raise ValueError(f"{name} must be text in {GROUP}, got {value!r}")
        if id(option) not in given:
            expanded += _arguments(name, value, option)
    return expanded + rest


def _meant(text: str, options: dict[str, argparse.Action]) -> list[argparse.Action]:
    """The option that an argument names, which argparse lets users shorten."""
    if text in options:
        return [options[text]]
    return [
        option for name, option in options.items() if text.startswith("--") and name.startswith(text) and text != "--"
    ]


def _arguments(name: str, value: str, option: argparse.Action) -> list[str]:
    """One option of the file. Name and value are one argument, so that a value may begin with a dash."""
    if option.nargs == 0:
        if value not in ("true", "false"):
            raise ValueError(f"{name} must be true or false, got {value!r}")
        return [f"--{name}"] if value == "true" else []
    if isinstance(option, argparse._AppendAction):
        return [f"--{name}={part}" for part in re.split(r"[\s,]+", value.strip(" ,\t\n"))]
    return [f"--{name}={value}"]


def _group(file: Path) -> dict[str, Any]:
    try:
        groups = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"properties must be a file of JSON, got {str(file)!r}: {error}") from error
    try:
        maps = [group["PropertyMap"] for group in groups if group["PropertyGroupId"] == GROUP]
        ours = dict(maps[0].items()) if len(maps) == 1 else None
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"properties must be a list of groups with PropertyGroupId and PropertyMap, got {str(file)!r}"
        ) from error
    if ours is None:
        raise ValueError(f"properties must hold one group {GROUP}, got {len(maps)} in {str(file)!r}")
    return ours
