"""What functions may do, statement by statement: exactly these actions on exactly these resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk.aws_iam import PolicyStatement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_dynamodb as ddb
    from aws_cdk import aws_events as events
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk import aws_stepfunctions as sfn

    from stacks.data import DataStack


def on_table(table: ddb.TableV2, *actions: str, indexes: bool = False) -> PolicyStatement:
    """These DynamoDB actions on a table, and on its indexes where asked."""
    resources = [table.table_arn, f"{table.table_arn}/index/*"] if indexes else [table.table_arn]
    return PolicyStatement(actions=[f"dynamodb:{action}" for action in actions], resources=resources)


def publish(bus: events.IEventBus) -> PolicyStatement:
    """Tell events on this bus."""
    return PolicyStatement(actions=["events:PutEvents"], resources=[bus.event_bus_arn])


def event_store(data: DataStack) -> list[PolicyStatement]:
    """Load, commit and tell."""
    return [on_table(data.orders, "Query", "PutItem"), on_table(data.told, "PutItem"), publish(data.bus)]


def read_secret(secret: secretsmanager.ISecret) -> PolicyStatement:
    """Read one secret."""
    return PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn])


def use_key(key: kms.IKey, *actions: str) -> PolicyStatement:
    """These KMS actions with one key."""
    return PolicyStatement(actions=[f"kms:{action}" for action in actions], resources=[key.key_arn])


def start(machines: Sequence[sfn.StateMachine]) -> PolicyStatement:
    """Start executions of these sagas."""
    return PolicyStatement(actions=["states:StartExecution"], resources=[machine.state_machine_arn for machine in machines])
