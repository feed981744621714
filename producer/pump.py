"""From what is heard to the output: the one loop of the producer."""

from collections.abc import Iterator

from producer.counts import Counts
from producer.output import Output
from producer.pace import Heard
from producer.progress import Progress
from producer.volume import encode, volume


def pump(heard: Iterator[Heard], gain: float, output: Output, key: str, counts: Counts, progress: Progress) -> None:
    """Send a record for every block, and whatever ends the sound, flush what has been sent."""
    try:
        for event_time, samples in heard:
            level = volume(samples, gain)
            output.send(encode(event_time, level), key)
            counts.sent += 1
            counts.acknowledged = output.acknowledged
            progress.tell(level)
    finally:
        progress.end()
        try:
            output.flush()
        finally:
            counts.acknowledged = output.acknowledged
            output.close()
