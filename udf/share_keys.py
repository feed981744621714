"""Flink's keys: key groups, and shares of them where the trees of a forest are dealt to several subtasks.

Flink sends a key to one of its 128 groups by a hash, and of P subtasks the first has the first of these groups, and so
on. So that the shares of one key group are on as many subtasks as there are, a share has, of many numbers, the first
whose hash is where the share belongs: on a circle of Flink's groups at an equal distance from the next share, and
turned from key group to key group so that each subtask gets as much to do.
"""

import numpy as np
import numpy.typing as npt

KEY_GROUPS = 128
"""Buckets of keys: each is one row a second into Python, and the least that moves when the parallelism changes."""
MOST_SHARES = 32
"""More would leave too few of Flink's groups to each."""

_TRIES = 2**20 // KEY_GROUPS
_ROW_HASH = 62  # Flink's hash of a Row of one number, less the number
_GOLDEN_RATIO = 0.6180339887498949


def share_keys(key_group: int, shares: int) -> list[int]:
    """Flink's keys of the shares of a key group, always the same ones; the key group itself where it is not shared.

    >>> share_keys(5, 1), flink_groups(share_keys(0, 4)).tolist()
    ([5], [1, 33, 65, 97])
    """
    if shares == 1:
        return [key_group]
    least = shares / KEY_GROUPS  # at least one of Flink's groups after where a share's begin
    begin = least + (1 - least) * (key_group * _GOLDEN_RATIO % 1)
    keys = []
    for share in range(shares):
        wanted = int(((share + key_group) % shares + begin) * KEY_GROUPS / shares)
        tried = (share * _TRIES + np.arange(_TRIES)) * KEY_GROUPS + key_group
        keys.append(int(tried[np.argmax(flink_groups(tried) == wanted)]))
    return keys


def share_of_key(key: int) -> int:
    """The number of the share that has this key; 0 for a key group, whose forests are whole."""
    return key // KEY_GROUPS // _TRIES


def flink_groups(keys: npt.ArrayLike) -> np.ndarray:
    """Where Flink sends keys: (n,) → (n,), from 0 to 127. Its MurmurHash of a Row, which its state holds it to."""
    code = (np.asarray(keys, np.int64) + _ROW_HASH).astype(np.uint32)
    code *= np.uint32(0xCC9E2D51)
    code = _rotated(code, 15) * np.uint32(0x1B873593)
    code = _rotated(code, 13) * np.uint32(5) + np.uint32(0xE6546B64)
    code ^= np.uint32(4)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        code = (code ^ (code >> np.uint32(shift))) * np.uint32(factor)
    return np.abs(code.view(np.int32).astype(np.int64)) % KEY_GROUPS


def _rotated(code: np.ndarray, bits: int) -> np.ndarray:
    return code << np.uint32(bits) | code >> np.uint32(32 - bits)
