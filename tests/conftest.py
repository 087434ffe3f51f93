"""What every test shares: how long properties are searched, an environment without anybody's AWS account, who runs beside whom."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", max_examples=500, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("soak", max_examples=5000, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("quick", max_examples=50, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

for name in [name for name in os.environ if name.startswith("AWS_")]:
    os.environ.pop(name)
os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
    POWERTOOLS_SERVICE_NAME="test",
)

BESIDE_EACH_OTHER = {"e2e": "hub", "faults": "hub", "infrastructure": "templates"}
"""Folders whose tests run one after another: a machine with two cores has room for one hub at a time."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share something run in one worker: those of the folders above, elsewhere those of a file."""
    for item in items:
        folder, file = item.path.relative_to(Path(__file__).parent).parts[0], item.path.stem
        item.add_marker(pytest.mark.xdist_group(BESIDE_EACH_OTHER.get(folder, f"{folder}/{file}")))


@pytest.fixture(autouse=True)
def _environment_of_its_own() -> Iterator[None]:
    """The command line sets the emulator's endpoint for its process, which here is the tests' own."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
