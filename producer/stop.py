"""The wish to stop, as Ctrl-C (SIGINT) and SIGTERM express it."""

import signal
import time
from types import FrameType, TracebackType


class Stop:
    """Notes the first SIGINT or SIGTERM, so that the loop can end between two records.

    The signals' default action comes back with the first one, so that a second Ctrl-C ends the process at
    once, whatever it waits for. A flag and short sleeps, not threading.Event: setting an Event in a signal
    handler can deadlock with the very wait() it interrupts.
    """

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> "Stop":
        signals = signal.SIGINT, signal.SIGTERM
        self._before = {number: signal.signal(number, self._note) for number in signals}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)

    def sleep_until(self, moment: float) -> None:
        """Sleep until time.monotonic() is moment, or until the wish to stop."""
        while not self.requested and (left := moment - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
