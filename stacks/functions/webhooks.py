"""Functions of webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import SENDER_TIMEOUT_S, Spec, store_env
from stacks.grants import event_store, on_table, read_secret, send_many, use_key

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage

PURPOSE = "webhooks"


def registry_env(stage: Stage, data: DataStack) -> dict[str, str]:
    """Where endpoints and deliveries are, and where webhooks may go."""
    return {
        "WEBHOOKS_TABLE": data.webhooks.table_name,
        "WEBHOOK_SCHEMES": ",".join(stage.webhook_schemes),
        "WEBHOOK_NETWORKS": ",".join(stage.webhook_networks),
    }


def senders(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What sends."""
    queue = {"DELIVERIES_QUEUE": data.deliveries.queue_url}
    return {
        "webhook-sender": Spec(
            "webhooks.consumers.send",
            {**store_env(stage, data), **registry_env(stage, data), **queue, "WEBHOOK_KEY_ID": data.webhook_key.key_arn},
            [
                *event_store(data),
                on_table(data.webhooks, "Query", "GetItem", "UpdateItem", "DeleteItem"),
                use_key(data.webhook_key, "Decrypt", PURPOSE, stage),
                send_many(data.deliveries, stage),
            ],
            SENDER_TIMEOUT_S,
        ),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP."""
    return {
        "webhooks-api": Spec(
            "webhooks.api.handler",
            {
                **store_env(stage, data),
                **registry_env(stage, data),
                "DELIVERIES_QUEUE": data.deliveries.queue_url,
                "WEBHOOK_KEY_ID": data.webhook_key.key_arn,
                "CURSOR_KEY_SECRET": data.cursor_key.arn,
            },
            [
                *event_store(data),
                on_table(data.webhooks, "Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem"),
                use_key(data.webhook_key, "GenerateDataKey", PURPOSE, stage),
                use_key(data.webhook_key, "Decrypt", PURPOSE, stage),
                send_many(data.deliveries, stage),
                read_secret(data.cursor_key),
            ],
        ),
    }
