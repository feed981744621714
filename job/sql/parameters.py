"""The arguments of the table functions: their order, defaults and ranges, as the service had them."""

import math
from typing import Any

from sqlglot import exp

from job.sql.functions import HOTSPOTS, RANDOM_CUT_FOREST, WITH_EXPLANATION
from job.sql.syntax import SqlError, TableFunction

_LARGEST = 2**31 - 1
_FOREST = (
    ("numberOfTrees", "num_trees", 100, 1, 1000),
    ("subSampleSize", "sample_size", 256, 10, 1000),
    ("timeDecay", "time_decay", 100_000, 1, _LARGEST),
    ("shingleSize", "shingle_size", 1, 1, 30),
)


def parameters(function: TableFunction) -> dict[str, Any]:
    """What `job.sql.library.random_cut_forest` (or `hotspots`) is to be told.

    Raises:
        SqlError: an argument is out of its range, too many, or of another kind; without its place.
    """
    told = [_value(argument) for argument in function.expressions]
    if function.this == HOTSPOTS:
        return _hotspots(told)
    names = [name for name, *_ in _FOREST]
    if function.this == WITH_EXPLANATION:
        names.append("withDirectionality")
    if len(told) > len(names):
        raise SqlError(f"{function.this} must have at most the arguments {', '.join(names)}, got {len(told)}")
    found: dict[str, Any] = {}
    for i, (name, ours, default, low, high) in enumerate(_FOREST):
        found[ours] = _whole(name, told[i], low, high) if i < len(told) else default
    if found["sample_size"] >= found["time_decay"]:
        raise SqlError(f"subSampleSize must be below timeDecay, got {found['sample_size']} and {found['time_decay']}")
    if function.this == RANDOM_CUT_FOREST:
        return found
    directions = told[len(_FOREST)] if len(told) > len(_FOREST) else False
    if not isinstance(directions, bool):
        raise SqlError(f"withDirectionality must be TRUE or FALSE, got {directions}")
    return found | {"explain": True, "directions": directions}


def _hotspots(told: list[Any]) -> dict[str, Any]:
    names = ("windowSize", "scanRadius", "minimumNumberOfPointsInAHotspot")
    if len(told) != len(names):
        raise SqlError(f"HOTSPOTS must have the arguments {', '.join(names)}, got {len(told)}")
    window, radius, points = told
    if isinstance(radius, bool | str) or not 0 < radius < math.inf:
        raise SqlError(f"scanRadius must be above 0, got {radius}")
    window = _whole("windowSize", window, 100, 1000)
    points = _whole("minimumNumberOfPointsInAHotspot", points, 2, window)
    return {"window_size": window, "scan_radius": float(radius), "min_points": points}


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SqlError(f"{name} must be {low} to {high}, got {value}")
    return value


def _value(argument: exp.Expr) -> Any:
    if isinstance(argument, exp.Boolean):
        return bool(argument.this)
    if isinstance(argument, exp.Neg):
        value = _value(argument.this)
        return f"-{value}" if isinstance(value, bool | str) else -value
    if argument.is_string:
        return repr(argument.name)
    return int(argument.name) if argument.name.isdigit() else float(argument.name)
