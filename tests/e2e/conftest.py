"""One hub for all end-to-end tests of a run."""

from collections.abc import Iterator

import pytest

from local.api_client import Hub
from local.instance import Instance
from tests.system import running


@pytest.fixture(scope="session")
def instance() -> Iterator[Instance]:
    with running("test") as found:
        yield found


@pytest.fixture
def hub(instance: Instance) -> Hub:
    return Hub(instance)
