"""One hub for all end-to-end tests of a run."""

from collections.abc import Iterator

import pytest

from local.api_client import Hub
from local.instance import Instance
from tests.system import running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at everything that the other tests left comes last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def instance() -> Iterator[Instance]:
    # Warehouses have longer to bid than usual: what is held here is who wins, on a machine that may be busy.
    with running("test", auction_window_s="8") as found:
        yield found


@pytest.fixture
def hub(instance: Instance) -> Hub:
    return Hub(instance)
