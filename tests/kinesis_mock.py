"""A Kinesis endpoint for tests: kinesis-mock in a process of its own, on the loopback."""

import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
from install_servers import PINS, find_node, kinesis_mock_main
from server_process import Server, start_server

from job.flink_client import free_port

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "mock", "AWS_SECRET_ACCESS_KEY": "mock"}  # it takes any


class KinesisMock(Server):
    """`endpoint` is its URL; `environment` is what a client process needs to use it, credentials included.

    Raises RuntimeError if it cannot be installed or does not start.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._settings = settings
        self._node, self._main = find_node(), kinesis_mock_main()
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self.environment = {**os.environ, **CREDENTIALS, "AWS_EC2_METADATA_DISABLED": "true"}
        self.client: Any = boto3.client(
            "kinesis",
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def start(self) -> None:
        """Start it, without any stream; returns when it listens."""
        environment = {
            **os.environ,
            "KINESIS_MOCK_CERT_PATH": str(self._main.with_name("server.json")),
            "KINESIS_MOCK_PLAIN_PORT": str(self._port),
            "KINESIS_MOCK_TLS_PORT": str(free_port()),
            "AWS_REGION": REGION,
            "CREATE_STREAM_DURATION": "50ms",
            "LOG_LEVEL": "ERROR",
            **self._settings,
        }
        command = [str(self._node), "--require", str(PINS / "loopback.js"), str(self._main)]
        self._process = start_server(command, self._port, self._folder / "kinesis.log", environment=environment)

    def stop(self) -> None:
        """End it; its streams are gone."""
        if self._process:
            self._process.kill()  # it would wait for its clients on SIGTERM
            self._process.wait()
            self._process = None

    def create_stream(self, name: str, shards: int = 1) -> None:
        """Make a stream, and wait until it takes records."""
        self.client.create_stream(StreamName=name, ShardCount=shards)
        waiter = self.client.get_waiter("stream_exists")
        waiter.config.delay = 0.1
        waiter.wait(StreamName=name)

    def records(self, name: str) -> list[dict[str, Any]]:
        """All records of a stream (Data, PartitionKey, SequenceNumber …), in order within their shards."""
        found = []
        for shard in self.client.list_shards(StreamName=name)["Shards"]:
            iterator = self.client.get_shard_iterator(
                StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while (got := self.client.get_records(ShardIterator=iterator))["Records"]:
                found += [{**record, "ShardId": shard["ShardId"]} for record in got["Records"]]
                iterator = got["NextShardIterator"]
        return found
