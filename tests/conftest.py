"""Order of the tests, and what several of them use."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kafka_broker import KafkaBroker
    from kinesis_mock import KinesisMock

# No JVM of a test lives long enough to earn what its best compiler and its parallel collector cost
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "data" / "nab"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first, then those of real brokers, clusters last."""
    items.sort(key=lambda item: [item.get_closest_marker(name) is not None for name in ("cluster", "servers")])


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator["KafkaBroker"]:
    """A real Kafka broker, for all tests of the session: make topics of your own, and leave it running."""
    from install_servers import MissingToolError
    from kafka_broker import KafkaBroker

    try:
        broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    except MissingToolError as error:
        pytest.skip(str(error))
    with broker:
        yield broker


@pytest.fixture(scope="session")
def kinesis(tmp_path_factory: pytest.TempPathFactory) -> Iterator["KinesisMock"]:
    """A real Kinesis endpoint (kinesis-mock), for all tests of the session: make streams of your own."""
    from install_servers import MissingToolError
    from kinesis_mock import KinesisMock

    try:
        mock = KinesisMock(tmp_path_factory.mktemp("kinesis"))
    except MissingToolError as error:
        pytest.skip(str(error))
    with mock:
        yield mock


@pytest.fixture
def recorded() -> Path:
    """The folder of Amazon's recorded scores."""
    if not RECORDED.is_dir():
        pytest.skip("the recorded scores of the hosted function are not beside this checkout (../shared/data/nab)")
    return RECORDED
