"""How kernels are compiled, and where their machine code is kept."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

_SETTINGS = vars(numba.config)


def _candidates() -> Iterator[Path]:
    if _SETTINGS["CACHE_DIR"]:
        yield Path(_SETTINGS["CACHE_DIR"])
    yield Path(__file__).parent / "__pycache__"
    yield Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "udf-rcf"
    yield Path(tempfile.gettempdir()) / f"udf-rcf-{os.getuid()}"


def _is_ours_to_write(folder: Path) -> bool:
    """numba unpickles what it finds in its cache, so a folder that another user owns is not taken."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder.stat().st_uid == os.getuid()
    except (OSError, RuntimeError):
        return False


@cache
def cache_folder() -> str:
    """The first writable folder for machine code, with the state of the whole package and NumPy's version in its name.

    numba notices a change of the file a kernel is in, not of the files whose functions it calls, nor of NumPy, which
    differs between the Flink lines.
    """
    digest = hashlib.blake2b(np.__version__.encode(), digest_size=8)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    for folder in _candidates():
        own = folder / f"rcf-{digest.hexdigest()}"
        if _is_ours_to_write(own):
            return str(own)
    return tempfile.mkdtemp(prefix="udf-rcf-")


@contextmanager
def _cached_in(folder: str) -> Iterator[None]:
    before = _SETTINGS["CACHE_DIR"]
    _SETTINGS["CACHE_DIR"] = folder
    try:
        yield
    finally:
        _SETTINGS["CACHE_DIR"] = before


def kernel(function: Callable[..., Any]) -> Any:
    """Compile at the first call and keep the machine code.

    No fastmath: sums must not depend on the width of the CPU's vectors. Division follows NumPy, since
    no denominator here is ever 0 and Python's check costs a branch.
    """
    with _cached_in(cache_folder()):
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


def part(function: Callable[..., Any]) -> Any:
    """A piece of kernels, which stays a function of its own in their machine code."""
    return numba.njit(error_model="numpy")(function)


def inlined(function: Callable[..., Any]) -> Any:
    """A piece of kernels that is copied into its caller, where constants then specialise it."""
    return numba.njit(error_model="numpy", forceinline=True)(function)


def on_both_sides(function: Callable[..., Any]) -> Any:
    """The same for what Python calls, too, which gets it as it is: compiled, it would cost each process a second."""
    return register_jitable(error_model="numpy", forceinline=True)(function)
