"""A real Kafka broker for tests: one KRaft node in a process of its own, on the loopback."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from install_servers import kafka_jars
from server_process import Server, end_server, start_server

from job.flink_client import free_port
from job.java import find_java

# Quick to start rather than quick in the long run; a log4j without configuration tells errors only.
JVM = ["-Xms64m", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-XX:-UsePerfData"]
SILENT = logging.Logger("kafka-tests", logging.CRITICAL)
CLUSTER = "rcf-tests-cluster-0000"

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal}
listener.security.protocol.map=CLIENT:{protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
log.dirs={data}
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""

PLAIN = """\
listener.name.client.sasl.enabled.mechanisms=PLAIN
listener.name.client.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
"""
SCRAM_OVER_TLS = """\
listener.name.client.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.client.ssl.keystore.type=PKCS12
listener.name.client.ssl.keystore.location={keystore}
listener.name.client.ssl.keystore.password={password}
"""


def java() -> list[str]:
    """The command that runs a class of Kafka. Raises RuntimeError if Kafka cannot be installed."""
    return [str(find_java() / "bin" / "java"), *JVM, "-cp", f"{kafka_jars()}/*"]


def format_storage(settings: Path, *options: str) -> None:
    """What a broker with these settings needs before its first start. Raises RuntimeError if it cannot be done."""
    command = [*java(), "kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER, "--config", str(settings)]
    done = subprocess.run([*command, *options], check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"The broker's storage cannot be formatted:\n{done.stdout}{done.stderr}")


class KafkaBroker(Server):
    """Data, settings and log in `folder`; `bootstrap` is HOST:PORT, the same over restarts.

    sasl: {"user": ..., "password": ...} of the one client that is let in, by SASL/PLAIN, or with `tls` by SCRAM-SHA-512
    over TLS, for which `certificate` is a PEM file; without it, everybody may.

    Raises RuntimeError if it cannot be installed or does not start.
    """

    def __init__(self, folder: Path, sasl: dict[str, str] | None = None, tls: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._settings = folder / "server.properties"
        self._java = java()
        self._ports = {name: free_port() for name in ("client", "internal", "controller")}
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = f"127.0.0.1:{self._ports['client']}"
        self._internal = f"127.0.0.1:{self._ports['internal']}"
        # Of the listener that asks for no credentials; connects when it is used.
        self.admin = AdminClient(
            {"bootstrap.servers": self._internal, "reconnect.backoff.max.ms": 200},
            logger=SILENT,
        )
        self.certificate = folder / "certificate.pem"
        protocol, login, users = "PLAINTEXT", "", []
        if sasl and tls:
            self._make_certificate(sasl["password"])
            protocol, login = "SASL_SSL", SCRAM_OVER_TLS.format(keystore=self._keystore, **sasl)
            users = ["--add-scram", "SCRAM-SHA-512=[name={user},password={password}]".format(**sasl)]
        elif sasl:
            protocol, login = "SASL_PLAINTEXT", PLAIN.format(**sasl)
        self._settings.write_text(SETTINGS.format(**self._ports, protocol=protocol, data=folder / "data") + login)
        format_storage(self._settings, *users)

    @property
    def _keystore(self) -> Path:
        return self._folder / "keystore.p12"

    def _make_certificate(self, password: str) -> None:
        """A key pair for 127.0.0.1, signed by itself."""
        keytool = [str(find_java() / "bin" / "keytool"), "-keystore", str(self._keystore), "-storepass", password]
        pair = ["-genkeypair", "-alias", "broker", "-keyalg", "EC", "-dname", "CN=broker", "-ext", "san=ip:127.0.0.1"]
        for told in (pair, ["-exportcert", "-rfc", "-alias", "broker", "-file", str(self.certificate)]):
            subprocess.run([*keytool, *told], check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        """Start, or start again with the same port and data; returns when topics can be made."""
        log = self._folder / "broker.log"
        command = [*self._java, "kafka.Kafka", str(self._settings)]
        self._process = start_server(command, self._ports["client"], log)
        self.admin.list_topics(timeout=30)

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        if self._process:
            end_server(self._process)
            self._process = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # pytest shows this with the failure
            state = self._process and ("runs" if self._process.poll() is None else "has ended by itself")
            last = (self._folder / "broker.log").read_text(errors="replace").splitlines()[-40:]
            print(f"The broker {state or 'is stopped'}. The end of its log:", *last, sep="\n")
        super().__exit__(kind, error, trace)

    def kill(self) -> None:
        """SIGKILL: a crash."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """A broker that answers nobody, though its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # until all its threads stand still
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def records(self, topic: str) -> list[Message]:
        """All records of a topic that are committed, in order within their partitions."""
        settings = {"bootstrap.servers": self._internal, "group.id": "tests", "fetch.wait.max.ms": 20}
        reader = Consumer(settings | {"enable.auto.commit": False, "enable.partition.eof": True}, logger=SILENT)
        found: list[Message] = []
        left = set(reader.list_topics(topic, timeout=30).topics[topic].partitions)
        reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in left])
        while left:
            message = reader.poll(30)
            assert message is not None, "the broker sends nothing more"
            error = message.error()
            if error is None:
                found.append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                left.discard(message.partition())
        reader.close()
        return found

    def create_topic(self, name: str, partitions: int = 1, **settings: str) -> None:
        """Make a topic, with settings such as `{"max.message.bytes": "1000"}`."""
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=settings)
        end = time.monotonic() + 60
        while True:
            try:
                return self.admin.create_topics([topic])[name].result(30)
            except KafkaException as error:
                # A broker frozen longer than its session with the controller is fenced until its next heartbeat.
                if error.args[0].code() != KafkaError.INVALID_REPLICATION_FACTOR or time.monotonic() > end:
                    raise
            time.sleep(0.1)
