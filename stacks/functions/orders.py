"""Functions of orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import Spec, cursor_env, store_env
from stacks.grants import event_store, on_table, query, read_secret, use_key

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


LISTS = ("by_placed", "by_customer", "by_external", "by_channel", "by_state", "by_channel_state")
"""The indexes that lists of orders are read from."""


def tasks(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the sagas call."""
    return {
        "orders-tasks": Spec(
            "orders.tasks.handler",
            {**store_env(stage, data), "CLAIMS_TABLE": data.claims.table_name},
            [*event_store(data), on_table(data.claims, "UpdateItem")],
        ),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP: commands, and lists that can read and nothing else."""
    return {
        "orders-api": Spec(
            "orders.api.handler",
            {
                **store_env(stage, data),
                "CLAIMS_TABLE": data.claims.table_name,
                "VAULT_TABLE": data.vault.table_name,
                "CONTACT_KEY_ID": data.contact_key.key_arn,
                "LAST4_KEY_ID": data.last4_key.key_arn,
            },
            [
                *event_store(data),
                on_table(data.claims, "PutItem"),
                on_table(data.vault, "PutItem", "DeleteItem"),
                use_key(data.contact_key, "GenerateDataKey", "contact", stage),
                use_key(data.last4_key, "GenerateDataKey", "last4", stage),
            ],
        ),
        "orders-query": Spec(
            "hub.query.handler",
            {"ORDERS_TABLE": data.orders.table_name, **cursor_env(data)},
            [
                on_table(data.orders, "Query"),
                on_table(data.views, "GetItem", "BatchGetItem"),
                query(data.views, *LISTS),
                read_secret(data.cursor_key),
            ],
        ),
    }
