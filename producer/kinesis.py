"""A Kinesis stream, through boto3."""

import random
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from producer.broker_uri import BrokerUri
from producer.errors import ProducerError, RefusedError

INTERVAL = 0.2  # seconds of waiting after which a batch is sent
MOST_RECORDS = 500  # of a request, by the service
MOST_BYTES = 5 << 20  # of a request, partition keys included; streams for larger records take 10 MiB
PATIENCE = 60.0  # seconds without any acknowledgement after which the records count as lost
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two tries

_PASSING = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "LimitExceededException",
    "KMSThrottlingException",
    "RequestTimeout",
}
_CREDENTIALS = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "ExpiredTokenException",
    "ExpiredToken",
}


class KinesisOutput:
    """Records in a stream, in batches; the record's key is the partition key.

        send ──▶ batch ── full, or 0.2 s old ──▶ PutRecords ──┬──▶ acknowledged
                            ▲────── what failed, alone ───────┘

    Nothing newer is sent before all of a batch is acknowledged. Kinesis itself may take the later records of a batch
    and refuse an earlier one; with the option ordered=true a request has one record of each key, and the order of
    every key is kept at the price of a round trip for each of its records. A request whose answer is lost is sent
    again: records arrive at least once.

    Raises RefusedError if an option is unknown, or if the stream cannot be found or used.
    """

    def __init__(self, uri: BrokerUri) -> None:
        self.acknowledged = 0
        self._sent = 0
        self._stream = uri.topic
        self._batch: list[dict[str, Any]] = []
        self._size = 0
        self._oldest = 0.0
        for option in uri.options:
            if option not in ("endpoint", "profile", "ordered"):
                raise RefusedError(f"to: the options of kinesis are endpoint, profile and ordered, got {option}")
        ordered = uri.options.get("ordered", "false")
        if ordered not in ("true", "false"):
            raise RefusedError(f"to: ordered must be true or false, got {ordered!r}")
        self._ordered = ordered == "true"
        self._client = _client(uri.servers, uri.options.get("endpoint"), uri.options.get("profile"))
        self._largest = self._find_stream(uri.servers)

    def send(self, record: bytes, key: str) -> None:
        """Take one record; a batch is sent when it is full or INTERVAL old. Raises ProducerError as flush does."""
        size = len(record) + len(key.encode())
        if size > self._largest:
            raise ProducerError(
                f"A record of stream {self._stream!r} must have at most {self._largest} bytes with its key, got {size}."
            )
        if self._size + size > MOST_BYTES:
            self.flush()
        if not self._batch:
            self._oldest = time.monotonic()
        self._batch.append({"Data": record, "PartitionKey": key})
        self._size += size
        self._sent += 1
        if len(self._batch) == MOST_RECORDS or time.monotonic() - self._oldest >= INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Send what has gathered, again and again. Raises ProducerError after PATIENCE; it is given up then."""
        waiting, self._batch, self._size = self._batch, [], 0
        pause, end = FIRST_PAUSE, time.monotonic() + PATIENCE
        while waiting:
            chosen = _first_of_each_key(waiting) if self._ordered else waiting
            failed, reason = self._put(chosen)
            if len(failed) < len(chosen):
                self.acknowledged += len(chosen) - len(failed)
                pause, end = FIRST_PAUSE, time.monotonic() + PATIENCE
            left = {id(record) for record in chosen} - {id(record) for record in failed}
            waiting = [record for record in waiting if id(record) not in left]
            if not failed:
                continue
            if time.monotonic() + pause > end:
                raise self._lost(reason, f" within {PATIENCE:g} s")
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(2 * pause, LONGEST_PAUSE)

    def close(self) -> None:
        self._client.close()

    def _put(self, records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
        """One request: the records that failed for now, and the last reason. Raises ProducerError for good ones."""
        try:
            answers = self._client.put_records(StreamName=self._stream, Records=records)["Records"]
        except ClientError as error:
            code = _code(error)
            if code not in _PASSING and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise self._lost(code) from error
            return records, code
        except (NoConnectionError, HTTPClientError) as error:
            return records, type(error).__name__
        except BotoCoreError as error:
            raise self._lost(type(error).__name__) from error
        failed = [(record, answer) for record, answer in zip(records, answers, strict=True) if answer.get("ErrorCode")]
        return [record for record, _ in failed], failed[-1][1]["ErrorCode"] if failed else ""

    def _lost(self, reason: str, when: str = "") -> ProducerError:
        return ProducerError(
            f"{self._sent - self.acknowledged} of {self._sent} records were not acknowledged by Kinesis stream "
            f"{self._stream!r}{when}: the last error was {reason}."
        )

    def _find_stream(self, region: str) -> int:
        """The bytes that a record may have. Raises RefusedError."""
        try:
            stream = self._client.describe_stream_summary(StreamName=self._stream)["StreamDescriptionSummary"]
        except ClientError as error:
            code = _code(error)
            if code == "AccessDeniedException":  # it may be allowed to write and nothing else
                return 1 << 20
            if code == "ResourceNotFoundException":
                raise RefusedError(
                    f"There is no Kinesis stream {self._stream!r} in {region}: create it (aws kinesis create-stream "
                    f"--region {region} --stream-name {self._stream}), or check name and region."
                ) from error
            if code in _CREDENTIALS:
                raise RefusedError(f"AWS refuses the credentials: {code}.") from error
            raise RefusedError(f"The Kinesis stream {self._stream!r} in {region} cannot be used: {code}.") from error
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
            raise RefusedError(
                "No AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws configure."
            ) from error
        except (NoConnectionError, HTTPClientError) as error:
            raise RefusedError(
                f"No Kinesis answers at {self._client.meta.endpoint_url}: check region, endpoint and network "
                f"({type(error).__name__})."
            ) from error
        except BotoCoreError as error:
            raise RefusedError(f"Kinesis in {region} cannot be used: {error}") from error
        if stream["StreamStatus"] not in ("ACTIVE", "UPDATING"):
            raise RefusedError(
                f"The Kinesis stream {self._stream!r} is {stream['StreamStatus']}: wait until it is ACTIVE."
            )
        return int(stream.get("MaxRecordSizeInKiB", 1024)) << 10


def _client(region: str, endpoint: str | None, profile: str | None) -> Any:
    # one try: trying again is ours, for some of the records and with our patience
    config = Config(connect_timeout=4, read_timeout=10, retries={"total_max_attempts": 1}, tcp_keepalive=True)
    try:
        session = boto3.Session(profile_name=profile)
        return session.client("kinesis", region_name=region, endpoint_url=endpoint, config=config)
    except ProfileNotFound as error:
        raise RefusedError(f"There is no AWS profile {profile!r}.") from error
    except (BotoCoreError, ValueError) as error:
        raise RefusedError(f"to: {error}") from error


def _first_of_each_key(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first: dict[str, dict[str, Any]] = {}
    for record in records:
        first.setdefault(record["PartitionKey"], record)
    return list(first.values())


def _code(error: ClientError) -> str:
    """AWS's name of the error. Its message may repeat what was signed, and is not shown."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))
