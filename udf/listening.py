"""How long a reader has listened, which is what tells a silence of its stream from a stall of its own."""

import math

_LOST_MILLIS = 60_000


class Listening:
    """A clock of polls, in milliseconds: of the time between two of them it counts at most two `poll_millis`.

    A process that starts, a machine that is overloaded or suspended: what arrived meanwhile is still on its way to the
    reader, and by the clock on the wall the stream would have been silent all along. Never goes back.

    >>> listening = Listening(poll_millis=100, now=5000)
    >>> listening.until(5100), listening.until(65100), listening.until(65200)
    (5100, 5300, 5400)

    A reader that is sent its records is also sent a tick every `tick_millis`, and `heard` that or a record. From two
    ticks after the last on, and before the first, nothing counts: what holds up ticks (a checkpoint, a job that starts
    beside it) holds up records. After a minute it counts all the same, since ticks follow the clock on the wall, which
    may be set back.

    >>> listening = Listening(poll_millis=100, now=5000, tick_millis=100)
    >>> listening.until(5100)
    5000
    >>> listening.heard()
    >>> [listening.until(now) for now in (5200, 5300, 5400, 5500)]
    [5100, 5200, 5200, 5200]
    >>> [listening.until(now) for now in range(5600, 65300, 100)][-2:]
    [5200, 5300]
    """

    def __init__(self, poll_millis: int, now: int, tick_millis: float = math.inf) -> None:
        self._most = 2 * poll_millis
        self._polled = now
        self._until = now
        self._held_up = 2 * tick_millis
        self._unheard = self._held_up

    def until(self, now: int) -> int:
        """The time listened to, at a poll at the time `now`."""
        passed = min(max(now - self._polled, 0), self._most)
        self._unheard += passed
        if self._unheard <= self._held_up or self._unheard > _LOST_MILLIS:
            self._until += passed
        self._polled = now
        return self._until

    def heard(self) -> None:
        """A tick or a record has come."""
        self._unheard = 0
