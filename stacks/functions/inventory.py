"""Functions of inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import Spec
from stacks.grants import on_table, publish, query, read_secret

if TYPE_CHECKING:
    from aws_cdk.aws_iam import PolicyStatement

    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def count_stock(data: DataStack) -> list[PolicyStatement]:
    """Count stock: a transaction of puts, updates and condition checks asks for each of their rights."""
    actions = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem")
    return [on_table(data.inventory, *actions), query(data.inventory, "by_expiry")]


def tasks(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the sagas call."""
    return {
        "inventory-tasks": Spec("inventory.tasks.handler", {"INVENTORY_TABLE": data.inventory.table_name}, count_stock(data)),
    }


def listeners(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What listens to the stock's stream, and sweeps."""
    return {
        "inventory-relay": Spec(
            "inventory.relay.handler",
            {"EVENT_BUS": data.bus.event_bus_name, "INVENTORY_TABLE": data.inventory.table_name},
            [*count_stock(data), on_table(data.inventory, "DeleteItem"), publish(data.bus)],
        ),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP: commands, and promises that can read and nothing else."""
    return {
        "inventory-api": Spec(
            "inventory.api.handler",
            {"INVENTORY_TABLE": data.inventory.table_name, "CURSOR_KEY_SECRET": data.cursor_key.arn},
            [*count_stock(data), read_secret(data.cursor_key)],
        ),
        "promises-api": Spec(
            "inventory.promises_api.handler",
            {"INVENTORY_TABLE": data.inventory.table_name},
            [on_table(data.inventory, "GetItem", "BatchGetItem", "Query")],
        ),
    }
