"""What this machine has."""

import os
from pathlib import Path

_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Of a container, in cgroups of version 2 and 1. Without a limit the one says max, the other a huge number."""


def memory_bytes(root: Path = Path("/")) -> int:
    """Bytes of memory of this machine, or of the container that this process is in. `root` has the files of Linux."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _LIMITS:
        try:
            limits.append(int((root / name).read_text()))
        except (OSError, ValueError):
            continue
    return min(limits)
