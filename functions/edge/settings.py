"""Settings from the environment: validated once, at the first use, composed from small models.

A function's composition root calls `read(EventStoreSettings)` and gets a clear failure at the start of
its life when something is missing, never a surprise in mid-command.
"""

from __future__ import annotations

import os
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T", bound=BaseModel)


class FromEnvironment(BaseModel):
    """A settings model whose fields are environment variables in upper case."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EventStoreSettings(FromEnvironment):
    """Where events are kept and told."""

    orders_table: str
    told_table: str
    event_bus: str
    fast_lane: Literal["on", "off"] = "on"
    fast_lane_budget_ms: int = Field(default=250, ge=1, le=5000)
    """How long a command may wait, in milliseconds, for the bus to take its events."""


class RelaySettings(FromEnvironment):
    """The stream's relay: what it publishes and how long it leaves the fast lane its chance."""

    told_table: str
    event_bus: str
    fast_lane: Literal["on", "off"] = "on"
    relay_grace_ms: int = Field(default=250, ge=0, le=5000)


class ClaimSettings(FromEnvironment):
    """Where idempotency keys are claimed."""

    claims_table: str


class VaultSettings(FromEnvironment):
    """Where personal data is kept, and the keys that open it by purpose."""

    vault_table: str
    contact_key_id: str | None = None
    last4_key_id: str | None = None


class ViewSettings(FromEnvironment):
    """Where read models are kept."""

    views_table: str


class CursorSettings(FromEnvironment):
    """The secret that signs list cursors."""

    cursor_key_secret: str


class SagaSettings(FromEnvironment):
    """The sagas that facts start."""

    fulfilment_saga_arn: str
    settlement_saga_arn: str
    cancellation_saga_arn: str
    returns_saga_arn: str


def read(model: type[T]) -> T:
    """The model filled from the environment; raises pydantic's ValidationError naming what is missing."""
    values = {name: os.environ[name.upper()] for name in model.model_fields if name.upper() in os.environ}
    return model.model_validate(values)
