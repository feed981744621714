"""Kafka as an end of the job: the options of its tables, and whether its topic is there.

Both speak to Kafka as the job will: with the connector's own Java client and the same options.
"""

from typing import Any

from job.broker_table import Found, SourceTable
from job.flink_line import KAFKA_PACKAGE, KAFKA_SINK_OPTIONS
from producer.broker_uri import BrokerUri

_TABLE_OPTIONS = ("scan.", "sink.", "properties.")
_OURS = ("connector", "topic", "format", "topic-pattern")
_PATIENCE_MILLIS = 6000
_LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def source_table(broker: BrokerUri) -> SourceTable:
    """The table that reads a topic, by default from its beginning."""
    defaults = {
        "scan.startup.mode": "earliest-offset",
        "properties.group.id": "random-cut-forest",
        "properties.isolation.level": "read_committed",
    }
    return SourceTable(
        options=_table(broker) | defaults | _told(broker, ("scan.", "properties.")),
        metadata="arrival_time TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,"
        " partition_id INT NOT NULL METADATA FROM 'partition' VIRTUAL,",
        arrived="arrival_time",
        partition_number="CAST(partition_id AS BIGINT)",
    )


def sink_table(broker: BrokerUri, transactional_id: str, transaction_timeout_millis: int) -> dict[str, str]:
    """The options of the table that writes a topic: exactly once, all into one partition, to stay in order."""
    defaults = {
        "sink.partitioner": "fixed",
        "sink.delivery-guarantee": "exactly-once",
        "sink.transactional-id-prefix": transactional_id,
        "properties.transaction.timeout.ms": str(transaction_timeout_millis),
    }
    return _table(broker) | defaults | KAFKA_SINK_OPTIONS | _told(broker, ("sink.", "properties."))


def find(name: str, broker: BrokerUri) -> Found:
    """Look for the topic of the end `name`. Java and the connector have to be there.

    Raises:
        RuntimeError: there is no such topic, no such broker, or it does not let us in; one sentence.
    """
    from py4j.protocol import Py4JJavaError  # noqa: PLC0415 - only where Java is
    from pyflink.java_gateway import get_gateway  # noqa: PLC0415

    jvm = get_gateway().jvm
    properties = jvm.java.util.Properties()
    for option, value in _properties(broker).items():
        properties.setProperty(option, value)
    properties.setProperty("bootstrap.servers", broker.servers)
    properties.setProperty("default.api.timeout.ms", str(_PATIENCE_MILLIS))
    properties.setProperty("request.timeout.ms", str(_PATIENCE_MILLIS))
    admins = getattr(jvm, f"{KAFKA_PACKAGE}.clients.admin.AdminClient")
    topics = jvm.java.util.Collections.singletonList(broker.topic)
    try:
        admin = admins.create(properties)
        try:
            described = admin.describeTopics(topics).allTopicNames().get()
            return Found(described.get(broker.topic).partitions().size())
        finally:
            admin.close(jvm.java.time.Duration.ZERO)
    except Py4JJavaError as error:
        raise RuntimeError(f"{name}: {_sentence(error.java_exception, broker)}") from None


def _table(broker: BrokerUri) -> dict[str, str]:
    servers = {"properties.bootstrap.servers": broker.servers}
    return {"connector": "kafka", "topic": broker.topic, "format": "raw"} | servers


def _told(broker: BrokerUri, prefixes: tuple[str, ...]) -> dict[str, str]:
    """What the user told, as options of a table that takes those with `prefixes`."""
    table = {name: value for name, value in broker.options.items() if name.startswith(_TABLE_OPTIONS)}
    client = {f"properties.{name}": value for name, value in _properties(broker).items()}
    return {name: value for name, value in (table | client).items() if name.startswith(prefixes)}


def _properties(broker: BrokerUri) -> dict[str, str]:
    """The options of the Java client. What the producer's client calls otherwise is told in Java's way.

    Those are user, password and the file of the broker's certificates, so that one URI is good for both.

    Raises:
        ValueError: an option is the job's own, or user and password lack a mechanism.
    """
    told = dict(broker.options)
    for name in _OURS:
        if name in told:
            raise ValueError(f"{name} must not be given, the job sets it")
    told = {n.removeprefix("properties."): v for n, v in told.items() if not n.startswith(("scan.", "sink."))}
    user, password = told.pop("sasl.username", None), told.pop("sasl.password", None)
    mechanism = told.pop("sasl.mechanisms", None) or told.get("sasl.mechanism")
    if mechanism is not None:
        told["sasl.mechanism"] = mechanism
    if user is not None and password is not None and "sasl.jaas.config" not in told:
        if mechanism not in _LOGIN_MODULES:
            raise ValueError(f"sasl.mechanism must be one of {', '.join(_LOGIN_MODULES)}, got {mechanism!r}")
        told["sasl.jaas.config"] = (
            f"{_LOGIN_MODULES[mechanism]} required username={_quoted(user)} password={_quoted(password)};"
        )
    if "ssl.ca.location" in told:
        told |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": told.pop("ssl.ca.location")}
    if "sasl.jaas.config" in told:
        # the connector has Kafka's classes under names of its own
        told["sasl.jaas.config"] = told["sasl.jaas.config"].replace("org.apache.kafka", KAFKA_PACKAGE, 1)
    return told


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _sentence(exception: Any, broker: BrokerUri) -> str:
    """What an exception of the Java client means to the user."""
    while exception.getCause() is not None:
        exception = exception.getCause()
    kind, said = str(exception.getClass().getSimpleName()), str(exception.getMessage())
    if kind == "UnknownTopicOrPartitionException":
        return f"there is no topic {broker.topic!r} at {broker.servers}: create it, or check the name"
    if kind in ("TimeoutException", "DisconnectException"):
        return (
            f"no Kafka broker answers at {broker.servers}: check host and port, that it runs, and that "
            f"security.protocol is its own (here {broker.options.get('security.protocol', 'PLAINTEXT')})"
        )
    if kind == "SaslAuthenticationException":
        return f"Kafka at {broker.servers} refuses these credentials: {said}"
    if kind.startswith("Ssl") or "SSL" in kind:
        return f"no secure connection to Kafka at {broker.servers}: {said}"
    if kind.endswith("AuthorizationException"):
        return f"Kafka at {broker.servers} does not let this user read topic {broker.topic!r}: {said}"
    return f"Kafka at {broker.servers}: {said}"
