from __future__ import annotations

import re

import pytest

from tests.infrastructure.deployment import ROOT, Deployment
from tests.infrastructure.rights import RIGHTS

KNOW_NO_RESOURCES = ("logs:", "xray:")
"""Services whose vended-log delivery and trace actions cannot be bound to a resource (AWS service authorization reference)."""

PURPOSES = {"ContactKey": "contact", "Last4Key": "last4", "BidKey": "bids", "WebhookKey": "webhooks"}
"""What each key is for."""

ON_THE_EMULATOR = {"states:SendTaskSuccess remediation": "states:SendTaskSuccess *"}
"""Rights that the emulator cannot bind to their resource."""

EMULATORS_OWN = {"sqs:SendMessageBatch"}
"""Actions that only the emulator asks for; on AWS SendMessage covers the batch."""


def test_every_function_is_in_the_table(deployment: Deployment) -> None:
    assert set(deployment.functions) == set(RIGHTS)


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_a_function_may_do_what_the_table_says_and_nothing_else(deployment: Deployment, name: str) -> None:
    logs = {f"logs:{action} /aws/lambda/{name}" for action in ("CreateLogStream", "PutLogEvents")}
    wanted = {ON_THE_EMULATOR.get(right, right) if deployment.stage == "local" else right for right in RIGHTS[name]}
    found = deployment.grants(deployment.role_of(deployment.functions[name]))
    own = EMULATORS_OWN if deployment.stage == "local" else set()
    assert {str(grant) for grant in found if grant.action not in own} == wanted | logs


def test_every_function_has_a_role_of_its_own(deployment: Deployment) -> None:
    roles = [deployment.role_of(function).logical_id for function in deployment.functions.values()]
    assert len(set(roles)) == len(roles)


def test_no_role_has_wildcard_actions(deployment: Deployment) -> None:
    wild = {str(g) for role in deployment.of_type("AWS::IAM::Role") for g in deployment.grants(role) if "*" in g.action}
    assert wild == set()


def test_only_log_delivery_and_tracing_of_sagas_reach_every_resource(deployment: Deployment) -> None:
    for role in deployment.of_type("AWS::IAM::Role"):
        for grant in deployment.grants(role):
            if deployment.stage == "local" and str(grant) in ON_THE_EMULATOR.values():
                continue
            if grant.action == "execute-api:ManageConnections" and grant.resource.endswith("/live/*/@connections/*"):
                continue
            # All objects of one bucket are one resource.
            if "*" in grant.resource.removesuffix("/*"):
                assert "saga" in role.logical_id
                assert grant.resource == "*"
                assert grant.action.startswith(KNOW_NO_RESOURCES)


@pytest.mark.parametrize("saga", ["fulfilment", "settlement", "cancellation", "returns", "remediation"])
def test_a_saga_may_call_the_functions_that_its_file_names(deployment: Deployment, saga: str) -> None:
    machine = next(m for m in deployment.of_type("AWS::StepFunctions::StateMachine") if deployment.name(m) == saga)
    grants = deployment.grants(deployment.role_of(machine, "RoleArn"))
    rest = {grant for grant in grants if not grant.action.startswith(KNOW_NO_RESOURCES)}
    named = re.findall(r"\$\{(\w+)Tasks\}", (ROOT / "statemachines" / f"{saga}.asl.json").read_text(encoding="utf-8"))
    assert {str(grant) for grant in rest} == {f"lambda:InvokeFunction {context.lower()}-tasks" for context in named}


CALLS = {"inventory-sweep": "inventory-relay"}
"""Schedules that call a function of another name."""


def test_a_schedule_may_call_its_function_and_no_other(deployment: Deployment) -> None:
    schedules = deployment.of_type("AWS::Scheduler::Schedule")
    assert {deployment.name(schedule) for schedule in schedules} >= {"watch", "subscribers-sweep"}
    for schedule in schedules:
        name = deployment.name(schedule)
        role = deployment.target(schedule, schedule.properties["Target"]["RoleArn"])
        function = CALLS.get(name, name)
        assert {str(grant) for grant in deployment.grants(role)} == {
            f"lambda:InvokeFunction {function}",
            f"sqs:SendMessage {name}-dlq",
        }


def _opens(deployment: Deployment, *keys: str) -> set[tuple[str, str]]:
    return {
        (name, grant.resource)
        for name, function in deployment.functions.items()
        for grant in deployment.grants(deployment.role_of(function))
        if grant.action in {"kms:Decrypt", "kms:*", "kms:ReEncryptFrom"} and grant.resource in keys
    }


def test_every_key_has_a_purpose(deployment: Deployment) -> None:
    assert {deployment.name(key) for key in deployment.of_type("AWS::KMS::Key")} == set(PURPOSES)


def test_only_the_warehouse_step_opens_personal_data_and_only_the_last_four_digits(deployment: Deployment) -> None:
    assert _opens(deployment, "ContactKey", "Last4Key") == {("fulfilment-tasks", "Last4Key")}


def test_only_who_signs_webhooks_and_who_shows_a_new_secret_open_signing_secrets(deployment: Deployment) -> None:
    assert {name for name, _ in _opens(deployment, "WebhookKey")} == {"webhook-sender", "webhooks-api"}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_on_aws_a_key_is_used_in_the_context_of_its_purpose_only(deployments: dict[str, Deployment], stage: str) -> None:
    deployment = deployments[stage]
    for function in deployment.functions.values():
        for grant in deployment.grants(deployment.role_of(function)):
            if grant.action.startswith("kms:"):
                purpose = PURPOSES[grant.resource]
                assert grant.conditions == f'{{"StringEquals": {{"kms:EncryptionContext:purpose": "{purpose}"}}}}'


def test_whoever_puts_events_puts_them_on_the_hubs_bus(deployment: Deployment) -> None:
    buses = {
        grant.resource
        for role in deployment.of_type("AWS::IAM::Role")
        for grant in deployment.grants(role)
        if grant.action == "events:PutEvents"
    }
    assert buses == {"bus"}
