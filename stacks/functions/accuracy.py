"""Functions of order status accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import Spec, store_env
from stacks.grants import event_store, on_table, read_secret

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP: a transaction of puts, updates and deletes asks for each of their rights."""
    return {
        "accuracy-api": Spec(
            "hub.status_reports.handler",
            {
                **store_env(stage, data),
                "INSIGHTS_TABLE": data.insights.table_name,
                "CURSOR_KEY_SECRET": data.cursor_key.arn,
                "STATUS_TOLERANCE_S": str(stage.status_tolerance_s),
            },
            [
                *event_store(data),
                on_table(data.insights, "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
                read_secret(data.cursor_key),
            ],
        ),
    }
