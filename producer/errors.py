"""The errors whose text is meant for the person at the command line."""


class ProducerError(Exception):
    """Something failed on the way (exit code 1); the text is one whole sentence."""

    exit_code = 1


class RefusedError(ProducerError):
    """A value, sound or output that was refused before anything was sent (exit code 2)."""

    exit_code = 2
