"""An endpoint: what another system asks to be told, and whether it is being told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Conflict, NotFound
from webhooks import events as ev

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kernel.contracts import EventData
    from kernel.events import Event

Status = Literal["enabled", "disabled", "removed"]
Nobody = Literal["failing", "gone"]
"""Why the hub itself disables an endpoint: days of failure, or an answer of 410 Gone."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The fold of an endpoint's events."""

    id: str
    url: str
    event_types: tuple[str, ...]
    description: str
    status: Status
    created_at: datetime
    active_since: datetime
    """Since when it is told of events: its registration, or the last time it was enabled or changed what it asks for."""
    generation: int = 1
    """Which of its secrets is the current one, counted from 1."""
    overlap_until: datetime | None = None
    """Until when the secret before the current one signs as well."""
    disabled_because: str | None = None


def fold(endpoint: Endpoint | None, event: Event) -> Endpoint:
    """The endpoint after an event."""
    data = event.data
    if endpoint is None:
        assert isinstance(data, ev.EndpointRegistered)  # what every stream of an endpoint begins with
        return Endpoint(event.subject, data.url, data.event_types, data.description, "enabled", event.time, event.time)
    match data:
        case ev.EndpointChanged():
            since = endpoint.active_since if data.event_types == endpoint.event_types else event.time
            return replace(endpoint, url=data.url, event_types=data.event_types, description=data.description, active_since=since)
        case ev.SecretRotated():
            return replace(endpoint, generation=data.generation, overlap_until=parse_rfc3339(data.overlap_until))
        case ev.EndpointDisabled():
            return replace(endpoint, status="disabled", disabled_because=data.reason)
        case ev.EndpointEnabled():
            return replace(endpoint, status="enabled", disabled_because=None, active_since=event.time)
        case ev.EndpointRemoved():
            return replace(endpoint, status="removed")
    return endpoint


def change(
    endpoint: Endpoint, *, url: str | None, event_types: Sequence[str] | None, description: str | None, enabled: bool | None
) -> list[EventData]:
    """Ask for something else, or for rest. What is None stays as it is. Raises NotFound for one that was removed."""
    _there(endpoint)
    wanted = ev.EndpointChanged(
        url=url or endpoint.url,
        event_types=tuple(event_types) if event_types is not None else endpoint.event_types,
        description=endpoint.description if description is None else description,
    )
    decided: list[EventData] = []
    if (wanted.url, wanted.event_types, wanted.description) != (endpoint.url, endpoint.event_types, endpoint.description):
        decided.append(wanted)
    if enabled is False and endpoint.status == "enabled":
        decided.append(ev.EndpointDisabled(reason="asked"))
    if enabled is True and endpoint.status == "disabled":
        decided.append(ev.EndpointEnabled())
    return decided


def rotate(endpoint: Endpoint, now: datetime, overlap_until: datetime) -> list[EventData]:
    """Take a new secret. Raises NotFound, or Conflict while the secret before the current one still signs."""
    _there(endpoint)
    if endpoint.overlap_until is not None and endpoint.overlap_until > now:
        raise Conflict("rotation_under_way", "The secret before the current one still signs; rotate again after the overlap.")
    return [ev.SecretRotated(generation=endpoint.generation + 1, overlap_until=rfc3339(overlap_until))]


def disable(endpoint: Endpoint, reason: Nobody, failing_since: datetime | None) -> list[EventData]:
    """Stop sending, because nobody is there."""
    if endpoint.status != "enabled":
        return []
    return [ev.EndpointDisabled(reason=reason, failing_since=rfc3339(failing_since) if failing_since else None)]


def remove(endpoint: Endpoint) -> list[EventData]:
    """Forget the endpoint; one that is gone already is gone."""
    return [] if endpoint.status == "removed" else [ev.EndpointRemoved()]


def _there(endpoint: Endpoint) -> None:
    if endpoint.status == "removed":
        raise NotFound("webhook_not_found", "There is no such webhook.")
