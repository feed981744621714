"""The runs of `python -m bench.state`, each in processes of its own, and the table of what they gave."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]

Figures = dict[str, Any]
"""Of a run: see `bench.state_run.measure`; and `rate`, records a second from the first one read to all committed."""


class RunFailedError(Exception):
    """A run did not come to its end."""


@dataclass
class Table:
    """Rows of figure, bar and whether it was met; and `faults`, which must not be however slow the machine is."""

    folder: Path
    records_per_second: int
    """Of event time."""
    rows: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def run(self, title: str, name: str, source: Path, records: int, *arguments: object) -> Figures:
        """The figures of `bench.state_run`, whose results go to the folder `name`.

        Raises:
            RunFailedError: it failed, of what the message says.
        """
        print(f"{title} …", end=" ", file=sys.stderr, flush=True)
        told = [source, self.folder / name, "--records", records, "--records-per-second", self.records_per_second]
        done = subprocess.run(
            [sys.executable, "-m", "bench.state_run", *map(str, [*told, *arguments, "--began", time.monotonic()])],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RunFailedError(
                f"{title}: {(done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1]}"
            )
        figures: Figures = json.loads(done.stdout.splitlines()[-1])
        figures["rate"] = records / figures["seconds"]
        print(f"{figures['rate']:,.0f} records/s ({figures['seconds_with_start']:.0f} s)", file=sys.stderr, flush=True)
        return figures

    def section(self, title: str) -> None:
        """Begin a group of rows."""
        self.rows += ["", f"{title:68}{'figure':>22}{'bar':>20}  met"]

    def row(self, title: str, figure: str, bar: str = "", met: bool | None = None) -> None:
        """Add a row; without a bar it is only told."""
        self.rows.append(f"{title:68}{figure:>22}{bar or '–':>20}  {'–' if met is None else 'yes' if met else 'no'}")

    def accounted(self, *runs: Figures) -> None:
        """A row on whether every record of some runs was scored or rejected, a fault where not."""
        read, scored, rejected = (sum(run[name] for run in runs) for name in ("records", "scored", "rejected"))
        lost = read - scored - rejected
        self.row(f"  lost of {read:,} records ({scored:,} scored, {rejected:,} rejected)", f"{lost:,}", "0", lost == 0)
        if lost:
            self.faults.append(f"{lost:,} of {read:,} records lost")

    def same_scores(self, name: str, expected: str) -> None:
        """A row on whether the run `name` has the lines of the run `expected` up to its own last, a fault where not."""
        theirs = self._lines(name)
        same = bool(theirs) and theirs == self._lines(expected)[: len(theirs)]
        self.row(f"  scores of {name} and of {expected}", "the same" if same else "others", "the same", same)
        if not same:
            self.faults.append(f"{name} has other scores than {expected}")

    def _lines(self, name: str) -> list[bytes]:
        """In order of event time, with which a line begins."""
        files = (self.folder / name / "scores").glob("[!._]*")
        return sorted(line for file in files for line in file.read_bytes().splitlines())
