"""The first records of a source, read without Flink."""

import json
import time
from itertools import islice
from pathlib import Path
from typing import Any

from job.broker_sample import sample_kafka, sample_kinesis
from job.uris import Uri
from udf.blocks import Spool

MOST = 1000
_PAUSE = 0.2


def sample(source: Uri, most: int = MOST, wait: float = 0.0) -> list[bytes]:
    """The first records of a source, at most `most`. If there is none yet, waits for one, for `wait` seconds.

    A topic or stream is read from its oldest record on, wherever a job would begin.

    Raises:
        RuntimeError: there is no such topic or stream, no such broker, or it does not let us in; one sentence.
    """
    if source.path is not None:
        return _sample_files(source.path, most, wait)
    assert source.broker is not None
    return (sample_kafka if source.scheme == "kafka" else sample_kinesis)(source.broker, most, wait)


def objects(records: list[bytes]) -> list[dict[str, Any]]:
    """Those of the records that are JSON objects.

    >>> objects([b'{"volume": 3}', b"[3]", b"volume", b'{"volume": NaN}'])
    [{'volume': 3}]
    """
    found = []
    for record in records:
        try:
            value = json.loads(record.decode("utf-8"), parse_constant=_refuse)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _sample_files(path: Path, most: int, wait: float) -> list[bytes]:
    end = time.monotonic() + wait
    while True:
        blocks = Spool(str(path), {}).blocks(take_unfinished=True, whole=True)
        found = list(islice((line for block in blocks for line in block.lines.split(b"\n")), most))
        if found or time.monotonic() >= end:
            return found
        time.sleep(_PAUSE)
