"""The hub's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import CONSUMER_TIMEOUT_S, Spec, cursor_env, saga_env, store_env
from stacks.grants import event_store, on_table, publish, query, read_secret, start

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def listeners(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What listens to the streams and the bus, and the watch."""
    return {
        "relay": Spec(
            "hub.relay.handler",
            {"TOLD_TABLE": data.told.table_name, "EVENT_BUS": data.bus.event_bus_name, "FAST_LANE": stage.fast_lane},
            [on_table(data.told, "BatchGetItem", "PutItem"), publish(data.bus)],
        ),
        "saga-starter": Spec("hub.starter.handler", saga_env(sagas.selling), [start(sagas.machines)], CONSUMER_TIMEOUT_S),
        "board": Spec(
            "hub.projections.handler",
            {
                "ORDERS_TABLE": data.orders.table_name,
                "VIEWS_TABLE": data.views.table_name,
                "PATIENCE_SAGA_S": str(stage.patience_saga_s),
                "PATIENCE_WAREHOUSE_S": str(stage.patience_warehouse_s),
                "PATIENCE_CARRIER_S": str(stage.patience_carrier_s),
                "UNPAID_AFTER_S": str(stage.unpaid_after_s),
            },
            [on_table(data.orders, "Query"), on_table(data.views, "PutItem", "UpdateItem")],
            CONSUMER_TIMEOUT_S,
        ),
        "projections": Spec(
            "hub.rebuild.handler",
            {
                "ORDERS_TABLE": data.orders.table_name,
                "VIEWS_TABLE": data.views.table_name,
                "PATIENCE_SAGA_S": str(stage.patience_saga_s),
                "PATIENCE_WAREHOUSE_S": str(stage.patience_warehouse_s),
                "PATIENCE_CARRIER_S": str(stage.patience_carrier_s),
                "UNPAID_AFTER_S": str(stage.unpaid_after_s),
            },
            [
                on_table(data.orders, "Query", "Scan"),
                on_table(data.views, "Scan", "DeleteItem", "PutItem", "UpdateItem"),
            ],
        ),
        "watch": Spec(
            "hub.watch.handler",
            {
                **store_env(stage, data),
                **saga_env(sagas.selling),
                "VIEWS_TABLE": data.views.table_name,
                "UNPAID_AFTER_S": str(stage.unpaid_after_s),
            },
            [*event_store(data), query(data.views, "by_due"), start(sagas.machines)],
        ),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP."""
    return {
        "hub-api": Spec(
            "hub.api.handler",
            {**store_env(stage, data), **cursor_env(data), **saga_env(sagas.selling)},
            [
                on_table(data.orders, "Query"),
                on_table(data.views, "BatchGetItem"),
                query(data.views, "by_due"),
                read_secret(data.cursor_key),
                start(sagas.machines),
            ],
        ),
        "docs-api": Spec("hub.docs.handler"),
    }
