"""What a run scores where --value does not say it."""

import math
from collections import Counter
from dataclasses import replace

from job.options import MOST_VALUES, Options
from job.sample import objects, sample
from job.sql.discover import json_path
from job.state import StateDirectory


def assume(options: Options) -> tuple[Options, str]:
    """Options with the fields to score, and one line that says which and why.

    They are those that the state was made with. Without a state they are the numeric ones at the top level of the first
    records of the source, but for time and key: numbers in most records, for a broken record should not change them.
    With nothing to sample they stay the default.

    Raises:
        ValueError: there are too many.
    """
    before = StateDirectory(options.state).told() if options.state and not options.fresh else None
    if before is not None:
        known = replace(options, values=tuple(before["values"]))
        return known, f"--value not given: scoring {_named(known)}, as in the state of {options.state}"
    try:
        found = objects(sample(options.source))
    except (RuntimeError, ImportError) as error:  # a managed service may not have the clients
        return options, f"--value not given, and no record could be sampled ({error}): scoring {_named(options)}"
    if not found:
        return options, f"--value not given, and there is no record to sample yet: scoring {_named(options)}"
    numbers = Counter(name for record in found for name, value in record.items() if _is_number(value))
    names = [name for name, count in numbers.items() if count > len(found) / 2 and not _is_taken(name, options)]
    if not names:
        return options, f"--value not given, and no numeric field in {len(found)} records: scoring {_named(options)}"
    if len(names) > MOST_VALUES:
        raise ValueError(f"value must be given, since the source has more than {MOST_VALUES} numeric fields")
    told = replace(options, values=tuple(json_path((name,)) if name.startswith("$") else name for name in names))
    fields = "field" if len(names) == 1 else "fields"
    return told, (
        f"--value not given: scoring the numeric {fields} {', '.join(told.values)} of {len(found)} records sampled"
    )


def _named(options: Options) -> str:
    return ", ".join(options.values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def _is_taken(name: str, options: Options) -> bool:
    taken = {*options.added, options.time, options.key}
    return not name or not taken.isdisjoint({name, json_path((name,)), f"$['{name}']"})
