from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
import pytest

from stacks.stage import stage_of

if TYPE_CHECKING:
    from tests.infrastructure.deployment import Deployment

NOT_ON_THE_EMULATOR = (
    "AWS::AppSync::Api",
    "AWS::Bedrock::",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::Events::ApiDestination",
    "AWS::Events::Archive",
    "AWS::Events::Connection",
    "AWS::EventSchemas::",
    "AWS::Logs::QueryDefinition",
    "AWS::S3Vectors::",
    "AWS::WAFv2::WebACLAssociation",
)
OUTPUTS = {
    *("ApiId", "LiveApiId", "OrdersTable", "ViewsTable", "InventoryTable", "EventBus", "UserPoolId"),
    *(f"{name}ClientId" for name in ("People", "Cli", "PaymentProvider", "Warehouse", "Carrier", "Channel")),
    *(f"{name}StateMachine" for name in ("Fulfilment", "Settlement", "Cancellation", "Returns", "Remediation")),
    *("ProviderKeySecret", "ProviderWebhookSecret", "WarehouseKeySecret"),
}
KEEPS = (
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::GlobalTable",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
)


def _tables(deployment: Deployment) -> dict[str, dict[str, object]]:
    return {deployment.name(t): t.properties["Replicas"][0] for t in deployment.of_type("AWS::DynamoDB::GlobalTable")}


def _saga_types(deployment: Deployment) -> dict[str, str]:
    machines = deployment.of_type("AWS::StepFunctions::StateMachine")
    return {deployment.name(machine): machine.properties["StateMachineType"] for machine in machines}


def test_every_stage_tells_what_its_users_need(deployment: Deployment) -> None:
    assert set(deployment.outputs) >= OUTPUTS


def test_every_stage_has_the_same_tables(deployment: Deployment) -> None:
    assert set(_tables(deployment)) == {
        "orders",
        "inventory",
        "claims",
        "told",
        "vault",
        "views",
        "insights",
        "webhooks",
        "live",
        "imports",
    }


def test_tables_are_billed_by_request(deployment: Deployment) -> None:
    for table in deployment.of_type("AWS::DynamoDB::GlobalTable"):
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST"


def test_only_production_protects_and_restores_its_tables(deployments: dict[str, Deployment]) -> None:
    for stage, deployment in deployments.items():
        for replica in _tables(deployment).values():
            assert replica["DeletionProtectionEnabled"] is (stage == "prod")
            assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": stage == "prod"}


def test_only_production_outlives_its_stacks(deployments: dict[str, Deployment]) -> None:
    for stage, deployment in deployments.items():
        kept = {resource.body.get("DeletionPolicy") for resource in deployment.of_type(*KEEPS)}
        assert kept == ({"Retain"} if stage == "prod" else {"Delete"})


def test_only_production_refuses_to_lose_its_people(deployments: dict[str, Deployment]) -> None:
    for stage, deployment in deployments.items():
        (pool,) = deployment.of_type("AWS::Cognito::UserPool")
        assert pool.properties["DeletionProtection"] == ("ACTIVE" if stage == "prod" else "INACTIVE")


def test_logs_are_kept_for_six_months_in_production_and_a_week_elsewhere(deployments: dict[str, Deployment]) -> None:
    for stage, deployment in deployments.items():
        days = {group.properties["RetentionInDays"] for group in deployment.of_type("AWS::Logs::LogGroup")}
        assert days == ({180} if stage == "prod" else {7})


def test_sagas_are_express_in_production_and_the_one_that_awaits_people_never_is(deployments: dict[str, Deployment]) -> None:
    for stage, deployment in deployments.items():
        kind = "EXPRESS" if stage == "prod" else "STANDARD"
        selling = dict.fromkeys(("fulfilment", "settlement", "cancellation", "returns"), kind)
        assert _saga_types(deployment) == {**selling, "remediation": "STANDARD"}


def test_functions_run_on_arm_on_aws_with_one_runtime_everywhere(deployments: dict[str, Deployment]) -> None:
    for stage, deployment in deployments.items():
        for function in deployment.functions.values():
            assert function.properties["Architectures"] == (["x86_64"] if stage == "local" else ["arm64"])
            assert function.properties["Runtime"] == "python3.13"


def test_production_wakes_somebody(prod: Deployment) -> None:
    alarms = prod.of_type("AWS::CloudWatch::Alarm")
    for alarm in alarms:
        (action,) = alarm.properties["AlarmActions"]
        assert prod.target(alarm, action).type == "AWS::SNS::Topic"
    names = {alarm.properties["AlarmName"].removeprefix("OrderHub-prod-Operations-") for alarm in alarms}
    dead = {prod.name(q).removesuffix("-dlq") for q in prod.of_type("AWS::SQS::Queue") if prod.name(q).endswith("-dlq")}
    assert names == {
        *(f"parked-{name}" for name in dead),
        *(f"{trouble}-{saga}" for trouble in ("failed", "late") for saga in _saga_types(prod)),
        *("behind-relay", "behind-inventory-relay", "server-errors"),
        *(f"throttled-{name}" for name in prod.functions),
        *(f"throttled-table-{name}" for name in _tables(prod)),
    }
    assert "PagerTopic" in prod.outputs


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_nobody_is_woken_for_a_playground(deployments: dict[str, Deployment], stage: str) -> None:
    assert deployments[stage].of_type("AWS::CloudWatch::Alarm", "AWS::SNS::Topic") == []


def test_every_stage_has_one_dashboard(deployment: Deployment) -> None:
    assert len(deployment.of_type("AWS::CloudWatch::Dashboard")) == 1


def test_the_local_stage_has_nothing_that_the_emulator_lacks(local: Deployment) -> None:
    assert [resource.type for resource in local.resources if resource.type.startswith(NOT_ON_THE_EMULATOR)] == []


def test_a_context_value_overrides_its_stage() -> None:
    node = cdk.App(
        context={"stage": "dev", "saga_type": "express", "fast_lane": "off", "patience_saga_s": "5", "auction_window_s": "8"}
    ).node
    stage = stage_of(node)
    assert (stage.name, stage.saga_type, stage.fast_lane, stage.patience_saga_s) == ("dev", "express", "off", 5)
    assert stage.auction_window_s == 8


@pytest.mark.parametrize("context", [{"stage": "production"}, {"saga_type": "fast"}, {"fast_lane": "maybe"}])
def test_a_context_value_that_is_not_allowed_is_refused_with_the_choices(context: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="choose one of"):
        stage_of(cdk.App(context=context).node)
