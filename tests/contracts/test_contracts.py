"""Contracts: what is committed is what the code says, and every event has somebody who listens."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hub import contexts
from hub.catalog import catalog, schema
from hub.starter import FOLLOWS
from kernel.contracts import Contract, all_contracts, downcasts, upcast
from local import contracts
from stacks import hub as hub_stack
from stacks.routes import OPEN_ROUTES, ROUTES

contexts.declare()
EVENTS = sorted(all_contracts())
DOWNCASTS = downcasts()


def test_the_committed_contracts_are_what_the_code_says() -> None:
    for path, text in contracts.files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: make contracts"


def test_the_api_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(contracts.openapi()).validate()


def test_the_document_and_the_stack_name_the_same_operations() -> None:
    documented = {(method.upper(), path) for path, operations in contracts.openapi()["paths"].items() for method in operations}
    assert documented == {(method, path) for method, path, _ in ROUTES}
    assert {path for _, path, _ in OPEN_ROUTES} == {"/v1/openapi.json", "/v1/docs"}


def test_every_problem_is_declared_as_problem_json() -> None:
    for operations in contracts.openapi()["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status in ("401", "429"):
                    # API Gateway answers these before any function of ours runs, in a form of its own.
                    assert "application/json" in response["content"]
                elif status.startswith(("4", "5")):
                    assert list(response["content"]) == ["application/problem+json"]


@pytest.mark.parametrize(("type_", "version"), EVENTS)
def test_every_event_has_a_schema_and_somebody_who_listens(type_: str, version: int) -> None:
    contract = all_contracts()[type_, version]
    assert contract.consumers or contract.retire_after
    assert contract.trigger
    assert json.loads(json.dumps(schema(type_, version)))["type"] == "object"


@pytest.mark.parametrize(("type_", "version"), EVENTS)
def test_every_older_version_has_a_way_to_the_newest(type_: str, version: int) -> None:
    upcast(type_, version, {})


@pytest.mark.parametrize(("type_", "version"), EVENTS)
def test_every_version_that_is_not_retired_is_still_published(type_: str, version: int) -> None:
    newest = max(other for name, other in EVENTS if name == type_)
    if version < newest and not _retired(all_contracts()[type_, version]):
        assert all((type_, step) in DOWNCASTS for step in range(newest, version, -1)), (
            "it needs downcasters from the newest version"
        )


@pytest.mark.parametrize(("type_", "version"), EVENTS)
def test_listeners_in_the_catalog_are_those_that_the_stacks_wire(type_: str, version: int) -> None:
    contract = all_contracts()[type_, version]
    follows = FOLLOWS.get(f"{type_}.v{version}")
    assert {name for name in contract.consumers if name.endswith(" saga")} == ({f"{follows} saga"} if follows else set())
    if "board" in contract.consumers:
        assert f"orderhub.{contract.context}" in hub_stack.SHOWN


def _retired(contract: Contract) -> bool:
    return contract.retire_after is not None and date.fromisoformat(contract.retire_after) < datetime.now(UTC).date()


def test_rules_name_only_events_that_exist() -> None:
    declared = {entry["type"] for entry in catalog()}
    assert set(FOLLOWS) <= declared
    assert set(hub_stack.STARTS_SAGAS) == set(FOLLOWS)
    assert set(hub_stack.STARTS_REMEDIATION) <= declared
