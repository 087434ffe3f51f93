"""What functions may do, statement by statement: exactly these actions on exactly these resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk.aws_iam import PolicyStatement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_apigatewayv2 as apigw
    from aws_cdk import aws_dynamodb as ddb
    from aws_cdk import aws_events as events
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_sqs as sqs
    from aws_cdk import aws_stepfunctions as sfn

    from stacks.constructs.inbox import Inbox
    from stacks.constructs.secret import HubSecret
    from stacks.data import DataStack
    from stacks.stage import Stage


def on_table(table: ddb.TableV2, *actions: str) -> PolicyStatement:
    """These DynamoDB actions on a table."""
    return PolicyStatement(actions=[f"dynamodb:{action}" for action in actions], resources=[table.table_arn])


def on_objects(bucket: s3.IBucket, *actions: str) -> PolicyStatement:
    """These S3 actions on a bucket's objects, and none on the bucket itself: its list is nobody's."""
    return PolicyStatement(actions=[f"s3:{action}" for action in actions], resources=[bucket.arn_for_objects("*")])


def query(table: ddb.TableV2, *indexes: str) -> PolicyStatement:
    """Query these indexes of a table, by their names: an index that is added later is nobody's yet."""
    return PolicyStatement(actions=["dynamodb:Query"], resources=[f"{table.table_arn}/index/{index}" for index in indexes])


def read_stream(table: ddb.TableV2) -> PolicyStatement:
    """Read a table's stream, as an event source mapping does."""
    assert table.table_stream_arn is not None  # a caller's mistake: the table has no stream
    actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    return PolicyStatement(actions=actions, resources=[table.table_stream_arn])


def consume(queue: sqs.IQueue) -> PolicyStatement:
    """Take messages from a queue, as an event source mapping does."""
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    return PolicyStatement(actions=actions, resources=[queue.queue_arn])


def send(queue: sqs.IQueue) -> PolicyStatement:
    """Put messages into a queue."""
    return PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn])


def send_many(queue: sqs.IQueue, stage: Stage) -> PolicyStatement:
    """Put messages into a queue in batches, for which the emulator, unlike AWS, has an action of its own."""
    batch = ["sqs:SendMessageBatch"] if stage.is_local else []
    return PolicyStatement(actions=["sqs:SendMessage", *batch], resources=[queue.queue_arn])


def on_files(files: Inbox, *actions: str) -> PolicyStatement:
    """These S3 actions on the files of an inbox."""
    return PolicyStatement(actions=[f"s3:{action}" for action in actions], resources=[files.bucket.arn_for_objects("*")])


def publish(bus: events.IEventBus) -> PolicyStatement:
    """Tell events on this bus."""
    return PolicyStatement(actions=["events:PutEvents"], resources=[bus.event_bus_arn])


def event_store(data: DataStack) -> list[PolicyStatement]:
    """Load, commit and tell."""
    return [on_table(data.orders, "Query", "PutItem"), on_table(data.told, "PutItem"), publish(data.bus)]


def read_secret(secret: HubSecret) -> PolicyStatement:
    """Read one secret."""
    return PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.arn])


def use_key(key: kms.IKey, action: str, purpose: str, stage: Stage) -> PolicyStatement:
    """Use a key for its purpose; on AWS the policy holds the caller to naming that purpose in the encryption context."""
    # The emulator takes a condition on the encryption context for unmet, always.
    conditions = None if stage.is_local else {"StringEquals": {"kms:EncryptionContext:purpose": purpose}}
    return PolicyStatement(actions=[f"kms:{action}"], resources=[key.key_arn], conditions=conditions)


def push(api: apigw.WebSocketApi, stage_name: str) -> PolicyStatement:
    """Push to the connections of a WebSocket API, and close them; their ids only appear at run time."""
    connections = Stack.of(api).format_arn(
        service="execute-api", resource=api.api_id, resource_name=f"{stage_name}/*/@connections/*"
    )
    return PolicyStatement(actions=["execute-api:ManageConnections"], resources=[connections])


def start(machines: Sequence[sfn.StateMachine]) -> PolicyStatement:
    """Start executions of these sagas."""
    return PolicyStatement(actions=["states:StartExecution"], resources=[machine.state_machine_arn for machine in machines])


def wake(machine: sfn.StateMachine, stage: Stage) -> PolicyStatement:
    """Let a waiting execution of this saga go on. The emulator sees a token's machine only as `*`."""
    return PolicyStatement(actions=["states:SendTaskSuccess"], resources=["*" if stage.is_local else machine.state_machine_arn])
