"""Which of the two layouts the trees of a forest have."""

from typing import Any

from . import arrays, line
from .parameters import Parameters


def layout_of(parameters: Parameters) -> Any:
    """The module `line` over one coordinate, else `arrays`; both have words, empty_blocks, leaf_counts, points_of."""
    return line if parameters.coordinates == 1 else arrays
