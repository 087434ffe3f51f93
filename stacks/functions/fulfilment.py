"""Functions of fulfilment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import Spec, store_env
from stacks.grants import event_store, on_table, read_secret, use_key

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def tasks(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the sagas call."""
    return {
        "fulfilment-tasks": Spec(
            "fulfilment.tasks.handler",
            {
                **store_env(stage, data),
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
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP."""
    return {
        "fulfilment-api": Spec("fulfilment.api.handler", store_env(stage, data), event_store(data)),
    }
