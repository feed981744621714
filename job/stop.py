"""The wish to stop a run, as Ctrl-C (SIGINT) and SIGTERM express it."""

import signal
from types import FrameType


class Stop:
    """Notes the first signal, so that a run can end with everything out; a second one ends the process at once."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> "Stop":
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)
