"""Loudness of a block of samples, and the record that carries it."""

import json
import math
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from producer.errors import ProducerError


def volume(samples: NDArray[np.floating], gain: float) -> float:
    """L2 norm of a block over all its channels, times gain.

    samples: (frames, channels), in [-1, 1]. The norm grows with the square root of the number of samples,
    so volumes compare only between blocks of the same length, rate and channels.

    >>> volume(np.array([[0.3], [-0.4]]), gain=10)
    5.0
    """
    return float(np.linalg.norm(samples.astype(np.float64))) * gain


def encode(event_time: datetime, level: float) -> bytes:
    r"""One record: a line of JSON in UTF-8, its end of line left to the output.

    Raises ProducerError if level is not finite: JSON has no such number.

    >>> from datetime import timezone
    >>> encode(datetime(2022, 10, 11, 16, 16, 4, 614177, timezone.utc), 1.5)
    b'{"event_time": "2022-10-11T16:16:04.614177+00:00", "volume": 1.5}'
    """
    if not math.isfinite(level):
        raise ProducerError(f"volume must be finite, got {level!r} (samples that are NaN, infinite or huge)")
    return json.dumps({"event_time": event_time.isoformat(timespec="microseconds"), "volume": level}).encode()
