"""Functions of payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import Spec, store_env
from stacks.grants import event_store, read_secret

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def tasks(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the sagas call."""
    return {
        "payments-tasks": Spec(
            "payments.tasks.handler",
            {**store_env(stage, data), **_provider_env(stage, data)},
            [*event_store(data), read_secret(data.payment_key)],
            library="payments",
        ),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP."""
    return {
        "payments-api": Spec(
            "payments.api.handler",
            {**store_env(stage, data), **_provider_env(stage, data), "PAYMENT_WEBHOOK_SECRET": data.payment_webhook.arn},
            [*event_store(data), read_secret(data.payment_key), read_secret(data.payment_webhook)],
            library="payments",
        ),
    }


def _provider_env(stage: Stage, data: DataStack) -> dict[str, str]:
    """Where the payment provider is, and the secret that holds its key."""
    return {"PAYMENT_BASE_URL": stage.payment_url, "PAYMENT_KEY_SECRET": data.payment_key.arn}
