"""Order of the tests, and what several of them use."""

from pathlib import Path

import pytest

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "data" / "nab"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first, clusters last."""
    items.sort(key=lambda item: item.get_closest_marker("cluster") is not None)


@pytest.fixture
def recorded() -> Path:
    """The folder of Amazon's recorded scores."""
    if not RECORDED.is_dir():
        pytest.skip("the recorded scores of the hosted function are not beside this checkout (../shared/data/nab)")
    return RECORDED
