"""A Kafka topic, through librdkafka."""

import logging
import re
import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from producer.broker_uri import BrokerUri
from producer.errors import ProducerError, RefusedError

DEFAULTS: dict[str, Any] = {
    "enable.idempotence": True,  # each record once, in order per key, whatever happens to connections
    "acks": "all",
    "partitioner": "murmur2_random",  # Java's: librdkafka's own sends a key to another partition
    "delivery.timeout.ms": 60_000,
    "reconnect.backoff.max.ms": 1_000,  # a broker that comes back is found at once
}
PATIENCE = 8.0  # seconds for the topic to be found
SLICE = 0.1  # seconds of waiting in C, where no signal is handled
_JAAS_WORD = r'{}\s*=\s*"((?:\\.|[^"\\])*)"'


class KafkaOutput:
    """Records in a topic, acknowledged by all its replicas; the record's key chooses the partition.

        send ──▶ librdkafka's queue ── its thread ──▶ broker ── acknowledgement ──▶ _delivered, on our thread

    A broker that goes away is waited for, and records queue up, for delivery.timeout.ms. Raises RefusedError if an
    option is unknown or wrong, or if the topic is not found within PATIENCE.
    """

    def __init__(self, uri: BrokerUri) -> None:
        self.acknowledged = 0
        self._sent = 0
        self._topic = uri.topic
        self._servers = uri.servers
        self._trouble: KafkaError | None = None  # the last one of a connection
        self._lost: KafkaError | None = None  # why the first record was lost
        silent = logging.Logger("librdkafka")
        silent.addHandler(logging.NullHandler())  # what matters of its log comes as errors, too
        own = {"bootstrap.servers": uri.servers, "error_cb": self._note, "logger": silent}
        try:
            self._producer = Producer({**DEFAULTS, **with_login(dict(uri.options)), **own})
        except KafkaException as error:
            raise RefusedError(f"to: the Kafka client refuses an option: {error.args[0].str()}") from error
        self._find_topic()

    def send(self, record: bytes, key: str) -> None:
        """Take one record. Waits while the queue is full; raises ProducerError when records get lost."""
        self._producer.poll(0)
        while True:
            self._check()
            try:
                self._producer.produce(self._topic, record, key, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(SLICE)
            except KafkaException as error:
                reason = error.args[0].str().removeprefix("Unable to produce message: ")
                raise ProducerError(f"A record of {len(record)} bytes cannot be sent to Kafka: {reason}.") from error
        self._sent += 1

    def flush(self) -> None:
        """Wait for every acknowledgement, at most delivery.timeout.ms. Raises ProducerError if one is missing."""
        while len(self._producer) and self._lost is None:
            self._producer.flush(SLICE)
        if self._lost is not None:
            self._producer.purge()
            self._producer.flush(SLICE)
        self._check()

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self._lost is None:
            return
        reason = self._lost.str()
        if self._lost.code() == KafkaError._MSG_TIMED_OUT:
            reason = "delivery.timeout.ms is over" + (f" ({self._trouble.str()})" if self._trouble else "")
        raise ProducerError(
            f"{self._sent - self.acknowledged} of {self._sent} records were not acknowledged by Kafka at "
            f"{self._servers}: {reason}."
        )

    def _delivered(self, error: KafkaError | None, message: Any) -> None:
        if error is None:
            self.acknowledged += 1
        elif self._lost is None:
            self._lost = error

    def _note(self, error: KafkaError) -> None:
        # "All brokers are down" only repeats what was said of each
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._trouble = error

    def _find_topic(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                error = self._producer.list_topics(self._topic, timeout=1).topics[self._topic].error
            except KafkaException as exception:
                error = exception.args[0]
            if error is None:
                return
            self._producer.poll(0)  # calls _note
            self._refuse(error, last=time.monotonic() >= end)

    def _refuse(self, error: KafkaError, last: bool) -> None:
        """Raise RefusedError for what does not get better by itself, and for anything the last time."""
        trouble = self._trouble
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise RefusedError(
                f"There is no topic {self._topic!r} at {self._servers}: create it (kafka-topics.sh --bootstrap-server "
                f"{self._servers} --create --topic {self._topic}), or check the name."
            )
        if error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.TOPIC_EXCEPTION):
            raise RefusedError(f"Kafka at {self._servers} refuses topic {self._topic!r}: {error.str()}.")
        if trouble is not None and trouble.code() == KafkaError._AUTHENTICATION:
            raise RefusedError(
                f"Kafka at {self._servers} refuses the credentials: check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD "
                "and sasl.mechanism."
            )
        if last:
            said = (trouble or error).str()
            raise RefusedError(
                f"No Kafka broker answers at {self._servers}: check host and port, that it runs, and that "
                f"security.protocol is its own ({said})."
            )


def with_login(options: dict[str, str]) -> dict[str, str]:
    """User and password of Java's sasl.jaas.config, if there is one, in librdkafka's own options."""
    jaas = options.pop("sasl.jaas.config", None)
    if jaas is None:
        return options
    words = {word: re.search(_JAAS_WORD.format(word), jaas) for word in ("username", "password")}
    login = {f"sasl.{word}": re.sub(r"\\(.)", r"\1", found[1]) for word, found in words.items() if found}
    if len(login) != 2:
        raise RefusedError('to: sasl.jaas.config must have username="…" and password="…", or not be there')
    return {**login, **options}
