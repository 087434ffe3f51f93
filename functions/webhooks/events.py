"""The events of an endpoint. They carry no secret: those are in the registry, encrypted."""

from __future__ import annotations

from typing import Literal

from kernel.contracts import EventData, contract

_OURS = "webhooks"
_SINCE = "2026-11-24"
_AUDIT = ("webhooks", "audit")


class _Wanted(EventData):
    url: str
    event_types: tuple[str, ...]
    description: str


@contract("webhook.endpoint_registered", 1, context=_OURS, trigger="POST /v1/webhooks", consumers=_AUDIT, since=_SINCE)
class EndpointRegistered(_Wanted):
    """Another system asked to be told of events."""


@contract("webhook.endpoint_changed", 1, context=_OURS, trigger="PATCH /v1/webhooks/{id}", consumers=_AUDIT, since=_SINCE)
class EndpointChanged(_Wanted):
    """What an endpoint asks for is now this, in full."""


@contract(
    "webhook.secret_rotated",
    1,
    context=_OURS,
    trigger="POST /v1/webhooks/{id}/rotate-secret",
    consumers=_AUDIT,
    since=_SINCE,
)
class SecretRotated(EventData):
    """A new signing secret; the one before it signs as well until `overlap_until`."""

    generation: int
    overlap_until: str


@contract(
    "webhook.endpoint_disabled",
    1,
    context=_OURS,
    trigger="days of failure, an answer of 410, or PATCH /v1/webhooks/{id}",
    consumers=("operations", *_AUDIT),
    since=_SINCE,
)
class EndpointDisabled(EventData):
    """Nothing more is sent to the endpoint until somebody enables it."""

    reason: Literal["failing", "gone", "asked"]
    failing_since: str | None = None


@contract("webhook.endpoint_enabled", 1, context=_OURS, trigger="PATCH /v1/webhooks/{id}", consumers=_AUDIT, since=_SINCE)
class EndpointEnabled(EventData):
    """The endpoint is sent to again."""


@contract("webhook.endpoint_removed", 1, context=_OURS, trigger="DELETE /v1/webhooks/{id}", consumers=_AUDIT, since=_SINCE)
class EndpointRemoved(EventData):
    """The endpoint is gone."""
