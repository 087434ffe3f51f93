"""Functions of orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import IMPORTER_TIMEOUT_S, Spec, cursor_env, store_env
from stacks.grants import event_store, on_files, on_table, query, read_secret, send, use_key

if TYPE_CHECKING:
    from aws_cdk.aws_iam import PolicyStatement

    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


LISTS = ("by_placed", "by_customer", "by_external", "by_channel", "by_state", "by_channel_state")
"""The indexes that lists of orders are read from."""


def place_env(data: DataStack) -> dict[str, str]:
    """What placing an order has to know besides the event store."""
    return {
        "CLAIMS_TABLE": data.claims.table_name,
        "VAULT_TABLE": data.vault.table_name,
        "CONTACT_KEY_ID": data.contact_key.key_arn,
        "LAST4_KEY_ID": data.last4_key.key_arn,
    }


def place(stage: Stage, data: DataStack) -> list[PolicyStatement]:
    """Place an order: claim its key, seal its personal data, forget what a loser sealed."""
    return [
        on_table(data.claims, "PutItem"),
        on_table(data.vault, "PutItem", "DeleteItem"),
        use_key(data.contact_key, "GenerateDataKey", "contact", stage),
        use_key(data.last4_key, "GenerateDataKey", "last4", stage),
    ]


def imports_env(data: DataStack) -> dict[str, str]:
    """Where import jobs and their files are."""
    return {"IMPORTS_TABLE": data.imports.table_name, "IMPORTS_BUCKET": data.import_files.name}


def listeners(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What works on imports. It tells nothing: its commits are for the relay."""
    return {
        "importer": Spec(
            "orders.imports.worker.handler",
            {
                "ORDERS_TABLE": data.orders.table_name,
                **place_env(data),
                **imports_env(data),
                "IMPORTS_QUEUE": data.import_files.queue.queue_url,
                "IMPORT_ROWS_PER_S": str(stage.import_rows_per_s),
            },
            [
                on_table(data.orders, "Query", "PutItem"),
                *place(stage, data),
                on_table(data.imports, "GetItem", "UpdateItem", "BatchWriteItem"),
                on_files(data.import_files, "GetObject", "DeleteObject"),
                send(data.import_files.queue),
            ],
            IMPORTER_TIMEOUT_S,
        ),
    }


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
            {**store_env(stage, data), **place_env(data)},
            [*event_store(data), *place(stage, data)],
        ),
        "imports-api": Spec(
            "orders.imports.api.handler",
            {**imports_env(data), "CURSOR_KEY_SECRET": data.cursor_key.arn},
            [
                on_table(data.imports, "GetItem", "PutItem", "Query"),
                on_files(data.import_files, "PutObject"),
                read_secret(data.cursor_key),
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
