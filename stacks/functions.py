"""Every function of the hub as data: its handler, what it has to know, and exactly what it may do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk.aws_iam import PolicyStatement

from stacks.grants import event_store, on_table, publish, query, read_secret, start, use_key, wake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stacks.constructs.saga import Saga
    from stacks.data import DataStack
    from stacks.stage import Stage

CONSUMER_TIMEOUT_S = 15
"""A consumer that hangs hides its messages for six times as long."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A function to be."""

    handler: str
    environment: Mapping[str, str] = field(default_factory=dict)
    grants: Sequence[PolicyStatement] = ()
    timeout_s: int = 29
    concurrency: int | None = None
    """How many copies may run at once; None leaves it to the account's own limit."""
    pays: bool = False
    """Whether it needs the payment provider's library."""


def _store_env(stage: Stage, data: DataStack) -> dict[str, str]:
    return {
        "ORDERS_TABLE": data.orders.table_name,
        "TOLD_TABLE": data.told.table_name,
        "EVENT_BUS": data.bus.event_bus_name,
        "FAST_LANE": stage.fast_lane,
        "FAST_LANE_BUDGET_MS": str(stage.fast_lane_budget_ms),
    }


def _stock(data: DataStack) -> list[PolicyStatement]:
    """Count stock: a transaction of puts, updates and condition checks asks for each of their rights."""
    actions = ("GetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem")
    return [on_table(data.inventory, *actions), query(data.inventory, "by_expiry")]


def task_functions(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the sagas call."""
    store = _store_env(stage, data)
    model = f"arn:aws:bedrock:{Stack.of(data).region}::foundation-model/{stage.model_id}"
    specs = {
        "orders-tasks": Spec("orders.tasks.handler", store, event_store(data)),
        "inventory-tasks": Spec("inventory.tasks.handler", {"INVENTORY_TABLE": data.inventory.table_name}, _stock(data)),
        "payments-tasks": Spec(
            "payments.tasks.handler",
            {**store, "PAYMENT_BASE_URL": stage.payment_url, "PAYMENT_KEY_SECRET": data.payment_key.arn},
            [*event_store(data), read_secret(data.payment_key)],
            pays=True,
        ),
        "fulfilment-tasks": Spec(
            "fulfilment.tasks.handler",
            {
                **store,
                "VAULT_TABLE": data.vault.table_name,
                "LAST4_KEY_ID": data.last4_key.key_arn,
                "WAREHOUSE_BASE_URL": stage.warehouse_url,
                "WAREHOUSE_KEY_SECRET": data.warehouse_key.arn,
            },
            [
                *event_store(data),
                on_table(data.vault, "GetItem"),
                use_key(data.last4_key, "Decrypt", "last4", stage),
                read_secret(data.warehouse_key),
            ],
        ),
        "remediation-tasks": Spec(
            "remediation.tasks.handler",
            {**store, "CLAIMS_TABLE": data.claims.table_name, "MODEL_ID": stage.model_id, "ADVISER": stage.adviser},
            [
                *event_store(data),
                on_table(data.claims, "PutItem"),
                PolicyStatement(actions=["bedrock:InvokeModel"], resources=[model]),
            ],
            timeout_s=60,
        ),
    }
    return {name: replace(spec, concurrency=stage.tasks) for name, spec in specs.items()}


def hub_functions(stage: Stage, data: DataStack, sagas: Sequence[Saga], remediation: Saga) -> dict[str, Spec]:
    """What listens to the streams and the bus, and the watch."""
    store = _store_env(stage, data)
    arns = saga_env(sagas)
    machines = [saga.machine for saga in sagas]
    return {
        "relay": Spec(
            "hub.relay.handler",
            {"TOLD_TABLE": data.told.table_name, "EVENT_BUS": data.bus.event_bus_name, "FAST_LANE": stage.fast_lane},
            [on_table(data.told, "BatchGetItem", "PutItem"), publish(data.bus)],
        ),
        "inventory-relay": Spec("inventory.relay.handler", {"EVENT_BUS": data.bus.event_bus_name}, [publish(data.bus)]),
        "saga-starter": Spec("hub.starter.handler", arns, [start(machines)], CONSUMER_TIMEOUT_S),
        "remediation-starter": Spec(
            "remediation.consumers.handler",
            {**store, "REMEDIATION_SAGA_ARN": remediation.machine.state_machine_arn},
            [*event_store(data), start([remediation.machine])],
            CONSUMER_TIMEOUT_S,
        ),
        "board": Spec(
            "hub.board.handler",
            {
                "ORDERS_TABLE": data.orders.table_name,
                "VIEWS_TABLE": data.views.table_name,
                "PATIENCE_SAGA_S": str(stage.patience_saga_s),
                "PATIENCE_WAREHOUSE_S": str(stage.patience_warehouse_s),
                "PATIENCE_CARRIER_S": str(stage.patience_carrier_s),
            },
            [on_table(data.orders, "Query"), on_table(data.views, "PutItem", "UpdateItem")],
            CONSUMER_TIMEOUT_S,
        ),
        "watch": Spec(
            "hub.watch.handler",
            {**store, **arns, "VIEWS_TABLE": data.views.table_name},
            [*event_store(data), query(data.views, "by_due"), start(machines)],
        ),
    }


def api_functions(stage: Stage, data: DataStack, sagas: Sequence[Saga], remediation: Saga) -> dict[str, Spec]:
    """What answers HTTP."""
    store = _store_env(stage, data)
    cursor = {"CURSOR_KEY_SECRET": data.cursor_key.arn, "VIEWS_TABLE": data.views.table_name}
    machines = [saga.machine for saga in sagas]
    return {
        "orders-api": Spec(
            "orders.api.handler",
            {
                **store,
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
            {"ORDERS_TABLE": data.orders.table_name, **cursor},
            [
                on_table(data.orders, "Query"),
                on_table(data.views, "GetItem"),
                query(data.views, "by_placed", "by_customer", "by_channel", "by_status"),
                read_secret(data.cursor_key),
            ],
        ),
        "inventory-api": Spec("inventory.api.handler", {"INVENTORY_TABLE": data.inventory.table_name}, _stock(data)),
        "fulfilment-api": Spec("fulfilment.api.handler", store, event_store(data)),
        "payments-api": Spec(
            "payments.api.handler",
            {**store, "PAYMENT_WEBHOOK_SECRET": data.payment_webhook.arn},
            [*event_store(data), read_secret(data.payment_webhook)],
            pays=True,
        ),
        "remediation-api": Spec(
            "remediation.api.handler",
            {
                **store,
                **cursor,
                "CLAIMS_TABLE": data.claims.table_name,
                "REMEDIATION_SAGA_ARN": remediation.machine.state_machine_arn,
            },
            [
                *event_store(data),
                query(data.views, "by_status"),
                read_secret(data.cursor_key),
                on_table(data.claims, "GetItem"),
                wake(remediation.machine, stage),
                start([remediation.machine]),
            ],
        ),
        "hub-api": Spec(
            "hub.api.handler",
            {**store, **cursor, **saga_env(sagas)},
            [on_table(data.orders, "Query"), query(data.views, "by_due"), read_secret(data.cursor_key), start(machines)],
        ),
        "docs-api": Spec("hub.docs.handler"),
    }


def saga_env(sagas: Sequence[Saga]) -> dict[str, str]:
    """Where the sagas are, by name."""
    return {f"{saga.name.upper()}_SAGA_ARN": saga.machine.state_machine_arn for saga in sagas}
