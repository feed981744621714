"""`make bench-state`: the job with a forest a key, many keys: rates, state, bounded memory, restart, checkpoints."""

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path

from bench.generate import generate
from bench.state_figures import longest_pause, rate_back
from bench.state_table import Figures, RunFailedError, Table
from udf.rcf import RandomCutForest

_BACKENDS = ("hashmap", "rocksdb")
_OWN_BYTES = len("sensor-00000") + 8 + 8
"""Of a record: its key in UTF-8, its time, its value."""
_BOUNDED_SHARE = 5
"""Of the records, one in so many goes through the bounded memory: at its bar all of them took a quarter of an hour."""
_WARM_UP = 5.0


def main() -> int:
    """Measure, say on stderr how far it is, print the table. 1 for lost records, differing scores or a failed run."""
    parser = argparse.ArgumentParser(prog="python -m bench.state", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="of each run (default: a million)")
    parser.add_argument("--keys", type=int, default=10_000, help="in turn, each once a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="for pauses to be looked for (default: %(default)s)")
    parser.add_argument("--backends", default=",".join(_BACKENDS), help="with a comma between (default: %(default)s)")
    parser.add_argument(
        "--parts",
        default=",".join(_PARTS),
        help="what to measure on the first of the backends, beside the rates on all (default: %(default)s)",
    )
    told = parser.parse_args()
    backends, parts = told.backends.split(","), told.parts.split(",") if told.parts else []
    for name, given, known in (("backends", backends, _BACKENDS), ("parts", parts, _PARTS)):
        if not set(given) <= set(known):
            parser.error(f"--{name} must be of {','.join(known)}, got {','.join(given)}")
    if told.records < 100 * told.keys or told.keys < 1:
        parser.error(f"--records must be at least 100 of each key, got {told.records} for {told.keys}")

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # the processes we start inherit it
    with tempfile.TemporaryDirectory(prefix="bench-state-") as folder:
        table = Table(Path(folder), told.keys)
        try:
            _measure(table, told, backends, parts)
        except RunFailedError as error:
            table.faults.append(str(error))
    print(f"1-D 100 × 10, {len(os.sched_getaffinity(0))} cores; {told.keys:,} keys in turn, a record each a second")
    print(*table.rows, *(f"FAULT: {fault}" for fault in table.faults), sep="\n")
    return 1 if table.faults else 0


def _measure(table: Table, told: argparse.Namespace, backends: list[str], parts: list[str]) -> None:
    one, many = table.folder / "input-one", table.folder / "input-many"
    generate(one / "1.jsonl", told.records, records_per_second=told.keys, keys=1)
    generate(many / "1.jsonl", told.records, records_per_second=told.keys, keys=told.keys)
    rates = [_rates(table, told, backend, one, many)["rate"] for backend in backends]
    for backend in backends[1:]:
        table.same_scores(f"{backend}-many", f"{backends[0]}-many")
    if parts:
        table.section(f"{backends[0]}, {told.keys:,} keys")
    for part in parts:
        try:
            _PARTS[part](table, told, backends[0], rates[0])
        except RunFailedError as error:
            table.faults.append(str(error))


def _rates(table: Table, told: argparse.Namespace, backend: str, one: Path, many: Path) -> Figures:
    keys = f"{told.keys:,} keys"
    choice = ("--backend", backend)
    single = table.run(f"{backend}, 1 key", f"{backend}-one", one, told.records, *choice)
    several = table.run(f"{backend}, {keys}", f"{backend}-many", many, told.records, *choice)
    table.section(backend)
    for name, run in (("1 key", single), (keys, several)):
        written = run["counted"]["forest_state_bytes"] / run["counted"]["records_scored"]
        table.row(
            f"written to state a record, to its own {_OWN_BYTES} B, {name}",
            f"{written:.1f} B, {written / _OWN_BYTES:.2f} times",
            "at most 8 times",
            written <= 8 * _OWN_BYTES,
        )
    for name, run in (("1 key", single), (keys, several)):
        cores = run["cpu_seconds"] / run["seconds"]
        cold = told.records / run["seconds_with_start"]
        table.row(f"records/s, {name} ({cores:.2f} cores used; with cold start {cold:,.0f})", f"{run['rate']:,.0f}")
    a_core = told.records / several["cpu_seconds"]
    share = several["rate"] / single["rate"]
    table.row(f"  of a core used, {keys}", f"{a_core:,.0f}", "at least 10,000", a_core >= 10_000)
    table.row(f"  to that of 1 key, {keys}", f"{share:.2f}", "at least 0.5", share >= 0.5)
    table.accounted(single, several)
    return several


def _memory(table: Table, told: argparse.Namespace, backend: str, rate: float) -> None:
    title = "records/s in a tenth of the memory"
    records = told.records // _BOUNDED_SHARE // told.keys * told.keys
    source = table.folder / "input-bounded"
    _part(table.folder / "input-many" / "1.jsonl", source / "1.jsonl", 0, records)
    needed = RandomCutForest.estimate_bytes(dimensions=1, num_trees=100, sample_size=10) * told.keys
    run = table.run(
        "a tenth of the memory", "bounded", source, records, "--backend", backend, "--forest-memory", needed // 10
    )
    counted = run["counted"]
    evicted, restored = (counted[f"forests_{what}"] for what in ("evicted", "restored"))
    table.row(f"{title}, {needed // 10 / 1e6:,.1f} MB", f"{run['rate']:,.0f}", "at least 1,000", run["rate"] >= 1_000)
    table.row("  to that without a bound", f"{run['rate'] / rate:.2f}")
    table.row("  forests evicted, restored", f"{evicted:,}, {restored:,}")
    table.accounted(run)
    table.same_scores("bounded", f"{backend}-many")


def _restart(table: Table, told: argparse.Namespace, backend: str, rate: float) -> None:
    """Half of the input, a stop with a savepoint, and a start on the rest."""
    half = told.records // 2 // told.keys * told.keys  # in the middle of a second the rest of it would be late
    source = table.folder / "input-restart"
    state = ("--backend", backend, "--state", table.folder / "state")
    _part(table.folder / "input-many" / "1.jsonl", source / "1.jsonl", 0, half)
    before = table.run("before a restart", "restarted", source, half, *state, "--leave")
    _part(table.folder / "input-many" / "1.jsonl", source / "2.jsonl", half, told.records)
    after = table.run("after it", "restarted", source, told.records - half, *state)
    first, back = after["first_score"], rate_back(after["samples"], 0.9 * rate)
    table.row("restart, s to the first score in a committed file", f"{first:.1f}", "at most 20", first <= 20)
    out = next((at for at, scored in after["samples"] if scored), math.nan)
    table.row("  to the first out of the forest", f"{out:.1f}")
    table.row(
        f"restart, s to the end of 2 s at 0.9 of {rate:,.0f} records/s",
        "never" if math.isinf(back) else f"{back:.1f}",
        "at most 60",
        back <= 60,
    )
    table.accounted(before, after)
    table.same_scores("restarted", f"{backend}-many")


def _checkpoints(table: Table, told: argparse.Namespace, backend: str, rate: float) -> None:
    """As many records as take long enough."""
    records = max(
        told.records, math.ceil(1.5 * rate * (told.seconds + _WARM_UP) / told.keys) * told.keys if told.seconds else 0
    )
    source = table.folder / "input-checkpoints"
    generate(source / "1.jsonl", records, records_per_second=told.keys, keys=told.keys)
    run = table.run(
        "a checkpoint every 2 s",
        "checkpoints",
        source,
        records,
        "--backend",
        backend,
        "--checkpoint-interval",
        2000,
        "--look",
        "0.1",
    )
    pause, seconds = longest_pause(run["samples"], _WARM_UP)
    short = seconds < told.seconds
    table.row(
        f"longest pause with a checkpoint every 2 s, in {seconds:.0f} s{' (too short)' if short else ''}",
        f"{pause:.1f} s",
        "at most 2 s",
        None if short else pause <= 2,
    )
    taken = run["checkpoints"]
    for what, unit, scale in (("milliseconds", "s", 1e3), ("bytes", "MB", 1e6)):
        figures = taken[what]
        shown = ", ".join(f"{figures[part] / scale:,.1f}" for part in ("min", "avg", "max") if part in figures)
        table.row(f"  {taken['completed']} checkpoints, {taken['failed']} aborted: least, mean, most {unit}", shown)
    table.accounted(run)


def _shards(table: Table, told: argparse.Namespace, backend: str, rate: float) -> None:
    """One forest of 100 × 256 for all keys, whole and in two shards."""
    source = table.folder / "input-many"
    shape = ("--backend", backend, "--one-forest", "--sample-size", 256)
    whole = table.run("one forest of 100 × 256", "whole", source, told.records, *shape)
    dealt = table.run("in two shards", "dealt", source, told.records, *shape, "--shards", 2)
    for name, run in (("whole", whole), ("in two shards", dealt)):
        spent = run["counted"]["forest_microseconds"] / told.records
        table.row(f"100 × 256, one key, {name}: records/s", f"{run['rate']:,.0f}")
        table.row("  CPU µs a record in the forest, of the subtask with most of them", f"{spent:.2f}")
    faster = whole["counted"]["forest_microseconds"] / dealt["counted"]["forest_microseconds"]
    table.row("  the forest part in two shards, times as fast", f"{faster:.2f}", "at least 1.6", faster >= 1.6)
    table.accounted(whole, dealt)


def _part(file: Path, out: Path, first: int, end: int) -> None:
    """Lines from `first` to before `end` of a file."""
    out.parent.mkdir(exist_ok=True)
    with file.open("rb") as lines, out.open("wb") as written:
        for number, line in enumerate(lines):
            if first <= number < end:
                written.write(line)


_PARTS = {"memory": _memory, "restart": _restart, "checkpoints": _checkpoints, "shards": _shards}

if __name__ == "__main__":
    sys.exit(main())
