"""The oldest records of a Kafka topic or a Kinesis stream, read with the producer's clients."""

import logging
import time
from typing import TYPE_CHECKING, Any

from job.kinesis import connected
from producer.broker_uri import BrokerUri
from producer.errors import ProducerError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError

_PATIENCE = 8.0  # seconds for a broker to answer
_FETCH_MILLIS = 5  # a fetch that waits longer meets every next record of a live topic, and no end of it
_PAUSE = 0.2  # seconds between two looks; a Kinesis shard answers five times a second


def sample_kafka(broker: BrokerUri, most: int, wait: float) -> list[bytes]:
    """As `job.sample.sample`."""
    from confluent_kafka import KafkaError  # noqa: PLC0415 - only this end needs it

    consumer, partitions = _open_topic(broker)
    found: list[bytes] = []
    ended: set[int | None] = set()
    last, end = time.monotonic(), time.monotonic() + wait
    while len(found) < most and time.monotonic() - last < _PATIENCE:
        for message in consumer.consume(most - len(found), _PAUSE):
            last, error = time.monotonic(), message.error()
            if error is None:
                found.append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
        if len(ended) == partitions:
            if found or time.monotonic() >= end:
                break
            last = time.monotonic()
    consumer.close()
    return found


def sample_kinesis(broker: BrokerUri, most: int, wait: float) -> list[bytes]:
    """As `job.sample.sample`."""
    found: list[bytes] = []
    end, patience = time.monotonic() + wait, time.monotonic() + max(wait, _PATIENCE)
    with connected("source", broker) as client:
        stream = {"StreamName": broker.topic}
        waiting = [
            client.get_shard_iterator(**stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
            for shard in client.list_shards(**stream)["Shards"]
        ]
        while waiting and time.monotonic() < patience:
            following = []
            for place in waiting:
                answer = client.get_records(ShardIterator=place, Limit=most - len(found))
                found += [record["Data"] for record in answer["Records"]]
                if len(found) == most:
                    return found
                behind = answer.get("MillisBehindLatest", 0) > 0
                if answer.get("NextShardIterator") and (behind or not (found or time.monotonic() >= end)):
                    following.append(answer["NextShardIterator"])
            waiting = following
            time.sleep(_PAUSE if waiting else 0)
    return found


def _open_topic(broker: BrokerUri) -> tuple["Consumer", int]:
    """A consumer at the beginning of all partitions, and how many there are.

    Raises:
        RuntimeError: as `job.sample.sample`, or an option is none of librdkafka's.
    """
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition  # noqa: PLC0415

    from producer.kafka import with_login  # noqa: PLC0415

    troubles: list[KafkaError] = []
    silent = logging.Logger("librdkafka", logging.CRITICAL)
    silent.addHandler(logging.NullHandler())
    client = {name: value for name, value in broker.options.items() if not name.startswith(("scan.", "sink."))}
    told = {"group.id": "random-cut-forest"} | {name.removeprefix("properties."): v for name, v in client.items()}
    own = {
        "bootstrap.servers": broker.servers,
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": _FETCH_MILLIS,
    }
    try:
        consumer = Consumer({**with_login(told), **own, "error_cb": troubles.append}, logger=silent)
        topic = _described(consumer, broker.topic, troubles)
        if topic.error is not None:
            raise KafkaException(topic.error)
    except ProducerError as error:
        raise RuntimeError(f"source: {str(error).removeprefix('to: ')}") from None
    except KafkaException as error:
        raise RuntimeError(f"source: {_sentence(error.args[0], troubles, broker)}") from None
    consumer.assign([TopicPartition(broker.topic, number, OFFSET_BEGINNING) for number in topic.partitions])
    return consumer, len(topic.partitions)


def _described(consumer: "Consumer", topic: str, troubles: list["KafkaError"]) -> Any:
    """What the broker says of a topic. Raises KafkaException after `_PATIENCE`, or when the credentials are refused."""
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415

    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return consumer.list_topics(topic, timeout=1).topics[topic]
        except KafkaException:
            consumer.poll(0)  # fills troubles
            refused = any(trouble.code() == KafkaError._AUTHENTICATION for trouble in troubles)
            if refused or time.monotonic() >= end:
                raise


def _sentence(error: "KafkaError", troubles: list["KafkaError"], broker: BrokerUri) -> str:
    """What an error of librdkafka means to the user."""
    from confluent_kafka import KafkaError  # noqa: PLC0415

    codes = {error.code()} | {trouble.code() for trouble in troubles}
    if KafkaError.UNKNOWN_TOPIC_OR_PART in codes:
        return f"there is no topic {broker.topic!r} at {broker.servers}: create it, or check the name"
    if KafkaError._AUTHENTICATION in codes:
        return f"Kafka at {broker.servers} refuses these credentials"
    if error.code() in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT):
        return (
            f"no Kafka broker answers at {broker.servers}: check host and port, that it runs, and that "
            f"security.protocol is its own (here {broker.options.get('security.protocol', 'PLAINTEXT')})"
        )
    return f"Kafka at {broker.servers}: {error.str()}"
