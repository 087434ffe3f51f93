"""Functions of remediation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk.aws_iam import PolicyStatement

from stacks.functions.spec import CONSUMER_TIMEOUT_S, Spec, cursor_env, store_env
from stacks.grants import event_store, on_table, query, read_secret, start, wake

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def tasks(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the saga calls."""
    model = f"arn:aws:bedrock:{Stack.of(data).region}::foundation-model/{stage.model_id}"
    return {
        "remediation-tasks": Spec(
            "remediation.tasks.handler",
            {
                **store_env(stage, data),
                "CLAIMS_TABLE": data.claims.table_name,
                "MODEL_ID": stage.model_id,
                "ADVISER": stage.adviser,
            },
            [
                *event_store(data),
                on_table(data.claims, "PutItem"),
                PolicyStatement(actions=["bedrock:InvokeModel"], resources=[model]),
            ],
            timeout_s=60,
        ),
    }


def listeners(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What opens incidents."""
    return {
        "remediation-starter": Spec(
            "remediation.consumers.handler",
            {**store_env(stage, data), "REMEDIATION_SAGA_ARN": sagas.remediation.machine.state_machine_arn},
            [*event_store(data), start([sagas.remediation.machine])],
            CONSUMER_TIMEOUT_S,
        ),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP."""
    return {
        "remediation-api": Spec(
            "remediation.api.handler",
            {
                **store_env(stage, data),
                **cursor_env(data),
                "CLAIMS_TABLE": data.claims.table_name,
                "REMEDIATION_SAGA_ARN": sagas.remediation.machine.state_machine_arn,
            },
            [
                *event_store(data),
                query(data.views, "by_status"),
                read_secret(data.cursor_key),
                on_table(data.claims, "GetItem"),
                wake(sagas.remediation.machine, stage),
                start([sagas.remediation.machine]),
            ],
        ),
    }
