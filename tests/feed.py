"""Feeding brokers in tests through the project's own producer, and reading Kafka topics with read_committed."""

import json
import threading
import time
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from producer.output import Output, open_output


class Feed(threading.Thread):
    """Sends records at a steady pace, as they happen, under `keys` keys in turn; every 50th is not a record at all."""

    def __init__(self, uri: str, records_per_second: int, keys: int) -> None:
        super().__init__(daemon=True)
        self._uri = uri
        self._pause = 1 / records_per_second
        self._keys = keys
        self._enough = threading.Event()
        self.good: dict[int, dict[str, Any]] = {}
        self.bad = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            output = open_output(self._uri)
            number, began = 0, time.time()
            while not self._enough.is_set():
                number += 1
                time.sleep(max(0.0, began + number * self._pause - time.time()))
                self._send(output, number, time.time())
            # A second that nobody waits for closes the last one that counts
            for key in range(self._keys):
                output.send(json.dumps({"event_time": time.time() + 100, "volume": 0, "number": -1}).encode(), f"{key}")
            output.flush()
        except BaseException as error:
            self.failure = error

    def finish(self) -> None:
        """Send the rest, and return when all of it is acknowledged."""
        self._enough.set()
        self.join(120)
        assert not self.is_alive()
        assert self.failure is None, self.failure

    def _send(self, output: Output, number: int, now: float) -> None:
        if number % 50 == 0:
            self.bad += 1
            output.send(b'{"volume": "loud", "event_time": 1}', f"{number % self._keys}")
            return
        record = {"event_time": round(now * 1000), "volume": number * 7919 % 997 / 100, "number": number}
        self.good[number] = record
        output.send(json.dumps(record).encode(), f"{number % self._keys}")


def read(bootstrap: str, topic: str, count: int, seconds: float = 120) -> list[str]:
    """The committed records of a topic's partition 0 in order; waits until there are `count`, and a little for more."""
    settings = {"group.id": "tests", "isolation.level": "read_committed", "enable.auto.commit": False, "log_level": 0}
    consumer = Consumer({"bootstrap.servers": bootstrap, **settings})
    consumer.assign([TopicPartition(topic, 0, 0)])
    texts: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = consumer.poll(1)
        if message is not None and not message.error():
            texts.append((message.value() or b"").decode())
            if len(texts) == count:
                end = min(end, time.monotonic() + 3)
    consumer.close()
    return texts
