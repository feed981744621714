"""Write the file that every job of the benchmark reads: a noisy sine with spikes, one JSON object a line."""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

START = np.datetime64("2026-01-01T00:00:00.000", "ms")
CHUNK = 50_000  # lines formatted at once: bounds the memory, and sets how often progress can be told
QUIET_SECONDS = 2.0  # shorter runs need no progress


def generate(path: Path, records: int, seed: int = 1, records_per_second: int = 10_000, keys: int = 0) -> None:
    """Write `records` lines `{"event_time": …, "volume": …}` to `path`, in order of time.

    With `keys` they have a `"key"` before the volume, `"sensor-00000"` and so on in turn; all else is the same.

    The time is ISO 8601 in UTC with milliseconds; it advances by a second every `records_per_second` lines,
    so a million records at the default span 100 s. One value in a thousand is a spike. The same arguments
    write the same bytes.

    Raises:
        ValueError: if `records` or `records_per_second` is below 1, or `keys` below 0.
    """
    for name, value in (("records", records), ("records_per_second", records_per_second)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value!r}")
    if keys < 0:
        raise ValueError(f"keys must be at least 0, got {keys!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    began = time.monotonic()
    told = began + QUIET_SECONDS - 1.0
    # Written aside and renamed when whole: an interrupted run leaves no short file that looks like the input.
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="ascii") as out:
        for first in range(0, records, CHUNK):
            index = np.arange(first, min(first + CHUNK, records), dtype=np.int64)
            out.write(_lines(index, rng, records_per_second, keys))
            now = time.monotonic()
            if now - told >= 1.0:
                told = now
                print(f"{index[-1] + 1:,} of {records:,} records written", file=sys.stderr)
    os.replace(partial, path)


def _lines(index: np.ndarray, rng: np.random.Generator, records_per_second: int, keys: int) -> str:
    # Integer arithmetic: every second holds exactly records_per_second lines, however long the file.
    times = np.datetime_as_string(START + (index * 1000 // records_per_second).astype("timedelta64[ms]"))
    volume = 1.0 + 0.5 * np.sin(index * (2 * np.pi / 1000)) + rng.normal(0.0, 0.1, index.size)
    volume += np.where(rng.random(index.size) < 0.001, rng.uniform(3.0, 8.0, index.size), 0.0)
    named = [f' "key": "sensor-{key:05d}",' for key in (index % keys).tolist()] if keys else [""] * index.size
    return "".join(
        f'{{"event_time": "{t}+00:00",{k} "volume": {v:.6f}}}\n'
        for t, k, v in zip(times.tolist(), named, volume.tolist(), strict=True)
    )


def main() -> None:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=__doc__)
    parser.add_argument("--records", type=int, required=True, help="number of lines; a million takes a few seconds")
    parser.add_argument("--out", type=Path, required=True, help="file to write; its folder is made, a file is replaced")
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed writes the same bytes (default: %(default)s)"
    )
    parser.add_argument(
        "--records-per-second",
        type=int,
        default=10_000,
        help="records in one second of event time: the size of the groups that the jobs sort "
        "(default: %(default)s, so that a million records span 100 s)",
    )
    parser.add_argument("--keys", type=int, default=0, help="sensors in turn (default: records have no key)")
    args = parser.parse_args()
    try:
        generate(args.out, args.records, args.seed, args.records_per_second, args.keys)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
