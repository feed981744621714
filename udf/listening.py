"""How long a reader has listened, which is what tells a silence of its stream from a stall of its own."""


class Listening:
    """A clock of polls, in milliseconds: of the time between two of them it counts at most two `poll_millis`.

    A process that starts, a machine that is overloaded or suspended: what arrived meanwhile is still on its way to the
    reader, and by the clock on the wall the stream would have been silent all along. Never goes back.

    >>> listening = Listening(poll_millis=100, now=5000)
    >>> listening.until(5100), listening.until(65100), listening.until(65200)
    (5100, 5300, 5400)
    """

    def __init__(self, poll_millis: int, now: int) -> None:
        self._most = 2 * poll_millis
        self._polled = now
        self._until = now

    def until(self, now: int) -> int:
        """The time listened to, at a poll at the time `now`."""
        self._until += min(max(now - self._polled, 0), self._most)
        self._polled = now
        return self._until
