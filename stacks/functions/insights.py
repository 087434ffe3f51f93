"""Functions of insights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import CONSUMER_TIMEOUT_S, Spec
from stacks.grants import on_table

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def listeners(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What counts how orders move."""
    return {
        "flow": Spec(
            "insights.consumers.handler",
            {"ORDERS_TABLE": data.orders.table_name, "INSIGHTS_TABLE": data.insights.table_name},
            [on_table(data.orders, "Query"), on_table(data.insights, "BatchGetItem", "UpdateItem")],
            CONSUMER_TIMEOUT_S,
        ),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP; it can read and nothing else."""
    return {
        "insights-api": Spec(
            "insights.api.handler", {"INSIGHTS_TABLE": data.insights.table_name}, [on_table(data.insights, "Query")]
        ),
    }
