"""What every test shares: how long properties are searched, and an environment without anybody's AWS account."""

import os
from collections.abc import Iterator

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


@pytest.fixture(autouse=True)
def _environment_of_its_own() -> Iterator[None]:
    """The command line sets the emulator's endpoint for its process, which here is the tests' own."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
