from __future__ import annotations

import pytest

from tests.infrastructure.deployment import Deployment, synthesise

STAGES = ("local", "dev", "prod")


@pytest.fixture(scope="session")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Deployment]:
    """Every stage, synthesised once."""
    return {stage: Deployment(stage, synthesise(tmp_path_factory.mktemp(stage), stage=stage)) for stage in STAGES}


@pytest.fixture(params=STAGES)
def deployment(request: pytest.FixtureRequest, deployments: dict[str, Deployment]) -> Deployment:
    """Each stage in turn."""
    return deployments[request.param]


@pytest.fixture
def local(deployments: dict[str, Deployment]) -> Deployment:
    return deployments["local"]


@pytest.fixture
def dev(deployments: dict[str, Deployment]) -> Deployment:
    return deployments["dev"]


@pytest.fixture
def prod(deployments: dict[str, Deployment]) -> Deployment:
    return deployments["prod"]
