"""How long a reader has listened, which is what tells a silence of its stream from a stall of its own."""

import math


class Listening:
    """A clock of polls, in milliseconds: of the time between two of them it counts at most two `poll_millis`.

    A process that starts, a machine that is overloaded or suspended: what arrived meanwhile is still on its way to the
    reader, and by the clock on the wall the stream would have been silent all along. Never goes back.

    A reader that is sent its records is also sent a tick every `tick_millis`, and `heard` that or a record. Two ticks
    after the last it stops: what holds up ticks (a checkpoint, a job that starts beside it) holds up records.

    >>> listening = Listening(poll_millis=100, now=5000)
    >>> listening.until(5100), listening.until(65100), listening.until(65200)
    (5100, 5300, 5400)
    >>> listening = Listening(poll_millis=100, now=5000, tick_millis=100)
    >>> [listening.until(now) for now in (5100, 5200, 5300, 5400)]
    [5100, 5200, 5200, 5200]
    >>> listening.heard()
    >>> listening.until(5500)
    5300
    """

    def __init__(self, poll_millis: int, now: int, tick_millis: float = math.inf) -> None:
        self._most = 2 * poll_millis
        self._polled = now
        self._until = now
        self._held_up = 2 * tick_millis
        self._unheard = 0

    def until(self, now: int) -> int:
        """The time listened to, at a poll at the time `now`."""
        counted = min(max(now - self._polled, 0), self._most, self._held_up - self._unheard)
        self._until += int(counted)
        self._unheard += int(counted)
        self._polled = now
        return self._until

    def heard(self) -> None:
        """A tick or a record has come."""
        self._unheard = 0
