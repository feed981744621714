"""What a run of an application is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from job.options import Options
from job.uris import Uri


@dataclass(frozen=True)
class SqlOptions(Options):
    """Options of a run whose results are streams. `outputs` says where each goes, by its name.

    `statements` are those of the application and of the schema, by what they make: state depends on them.
    """

    outputs: Mapping[str, Uri] = field(default_factory=dict)
    statements: Mapping[str, str] = field(default_factory=dict)

    @property
    def ends(self) -> dict[str, Uri]:
        return {"source": self.source} | {output_name(stream): uri for stream, uri in self.outputs.items()}

    @property
    def fixed(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("source", "time", "time_zone", "seed")}
        # Flink numbers the operators by all that is planned: with other outputs, state would be that of another
        told |= {"outputs": ", ".join(self.outputs)}
        return told | {"statements": ", ".join(self.statements), **self.statements}


def output_name(stream: str) -> str:
    """What the sink of a stream is called in the job and its state.

    >>> output_name("my stream")
    'output_my_stream'
    """
    return "output_" + re.sub(r"\W", "_", stream)
