"""What the API takes and shows of webhooks."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from kernel.clock import parse_rfc3339, rfc3339
from webhooks.deliveries import Delivery
from webhooks.patterns import PATTERN
from webhooks.registry import Registered

Url = Annotated[str, StringConstraints(min_length=8, max_length=2048, pattern=r"^[\x21-\x7e]+$")]
Pattern = Annotated[str, StringConstraints(max_length=100, pattern=PATTERN)]
Patterns = Annotated[list[Pattern], Field(min_length=1, max_length=50)]
Description = Annotated[str, StringConstraints(max_length=200)]


class RegisterWebhook(BaseModel):
    """Where to send which events. A pattern is `*`, a family such as `order.*`, a type, or a type in one version."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    event_types: Patterns
    description: Description = ""


class ChangeWebhook(BaseModel):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    event_types: Patterns | None = None
    description: Description | None = None
    enabled: bool | None = None


class RedeliverRange(BaseModel):
    """Deliveries of events from `from` to before `to`; only those that failed, or all of them."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]
    only_failed: bool = True
    after: Annotated[str, StringConstraints(pattern=r"^dlv_[0-9a-f]{32}$")] | None = None
    """Where an earlier answer said that there are more: its `next_after`."""

    @field_validator("start", "end")
    @classmethod
    def _instant(cls, text: str) -> str:
        try:
            return rfc3339(parse_rfc3339(text))
        except ValueError:
            raise ValueError("not an RFC 3339 time with an offset") from None


class WebhookOut(BaseModel):
    """An endpoint, and how it has been answering."""

    id: str
    url: str
    event_types: list[str]
    description: str
    status: str
    disabled_because: str | None
    created_at: str
    secret_generation: int
    old_secret_until: str | None
    failures: int
    failing_since: str | None
    resting_until: str | None
    links: dict[str, str]


class WebhookWithSecret(WebhookOut):
    """An endpoint with its signing secret, which is shown this once."""

    secret: str


class WebhookPage(BaseModel):
    """Endpoints."""

    items: list[WebhookOut]
    next_cursor: str | None = None


class AttemptOut(BaseModel):
    """One request to the endpoint."""

    at: str
    status_code: int | None
    ms: int
    error: str | None


class DeliveryOut(BaseModel):
    """An event on its way to an endpoint."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    subject: str
    sequence: int
    status: str
    created_at: str
    attempts: int
    next_attempt_at: str | None
    gives_up_at: str
    delivered_at: str | None
    log: list[AttemptOut]


class DeliveryDetail(DeliveryOut):
    """A delivery with the body that is sent, while it is kept."""

    body: dict[str, Any] | None


class DeliveryPage(BaseModel):
    """Deliveries, newest first; a page that is filtered by status may be shorter than asked for."""

    items: list[DeliveryOut]
    next_cursor: str | None


class Redelivered(BaseModel):
    """How many deliveries were begun anew; `next_after` where there are more of them."""

    redelivered: int
    next_after: str | None


def webhook_out(registered: Registered) -> WebhookOut:
    """An endpoint as the API shows it."""
    return WebhookOut(**_shown(registered))


def with_secret(registered: Registered, secret: str) -> WebhookWithSecret:
    """An endpoint with its secret."""
    return WebhookWithSecret(**_shown(registered), secret=secret)


def _shown(registered: Registered) -> dict[str, Any]:
    endpoint, health = registered.endpoint, registered.health
    path = f"/v1/webhooks/{endpoint.id}"
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "event_types": list(endpoint.event_types),
        "description": endpoint.description,
        "status": endpoint.status,
        "disabled_because": endpoint.disabled_because,
        "created_at": rfc3339(endpoint.created_at),
        "secret_generation": registered.secret.generation,
        "old_secret_until": rfc3339(endpoint.overlap_until) if endpoint.overlap_until else None,
        "failures": health.failures,
        "failing_since": rfc3339(health.failing_since) if health.failing_since else None,
        "resting_until": rfc3339(health.open_until) if health.open_until else None,
        "links": {"self": path, "deliveries": f"{path}/deliveries", "rotate_secret": f"{path}/rotate-secret"},
    }


def delivery_out(delivery: Delivery) -> DeliveryOut:
    """A delivery as the API shows it."""
    return DeliveryOut(**_delivery(delivery))


def delivery_detail(delivery: Delivery, body: str | None) -> DeliveryDetail:
    """A delivery with its body."""
    return DeliveryDetail(**_delivery(delivery), body=json.loads(body) if body else None)


def _delivery(delivery: Delivery) -> dict[str, Any]:
    pending = delivery.status == "pending"
    return {
        "id": delivery.id,
        "webhook_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "subject": delivery.subject,
        "sequence": delivery.sequence,
        "status": delivery.status,
        "created_at": delivery.created_at,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_at if pending else None,
        "gives_up_at": rfc3339(delivery.give_up_at),
        "delivered_at": delivery.delivered_at,
        "log": [AttemptOut(at=a.at, status_code=a.status_code, ms=a.ms, error=a.error) for a in delivery.log],
    }
