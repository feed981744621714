"""`make bench`: records a second of the job, of its source alone, of a Java job with AWS's library; and with Kafka."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.generate import generate

_ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run all on one file, one after the other, each in processes of its own, and print them side by side."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="how many (default a million)")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "input.jsonl"
        print(f"{told.records:,} records of one key, 100 trees of 256 samples, time decay 100,000", flush=True)
        generate(file, told.records)
        java = _run(
            "the Java job with AWS's library",
            "bench.java_peer",
            "--input",
            file,
            "--output",
            f"{folder}/java",
        )
        source = _run("the source alone", "bench.whole_job", file, "--source-alone")
        whole = _run("the whole job", "bench.whole_job", file)
        kafka = _run("the producer → Kafka → job", "bench.kafka_job", file)
    if java is None or source is None or whole is None or kafka is None:
        return 1
    rate = whole["records_per_second"]
    print(f"whole job / Java job:         {rate / java['records_per_second']:.2f}")
    warm = java["records_per_second_second_half"]
    if warm:
        print(f"whole job / warm Java job:    {rate / warm:.2f}  (Java's second half against all of ours)")
    print(f"whole job / source alone:     {rate / source['records_per_second']:.2f}")
    print(f"producer alone, into Kafka:   {kafka['producer']:,.0f} records/s")
    print(f"Kafka source alone:           {kafka['source_alone']:,.0f} records/s")
    print(f"through Kafka / source alone: {kafka['records_per_second'] / kafka['source_alone']:.2f}")
    return 0


def _run(name: str, module: str, *arguments: object) -> dict[str, Any] | None:
    print(f"{name} …", end=" ", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
        return None
    figures = json.loads(done.stdout.splitlines()[-1])
    print(f"{figures['records_per_second']:,.0f} records/s ({figures['seconds']:.1f} s)", flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main())
