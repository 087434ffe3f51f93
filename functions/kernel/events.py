"""Events: what was decided, by whom, because of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kernel.clock import parse_rfc3339, rfc3339
from kernel.contracts import EventData, current, source_of, upcast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ActorKind = Literal["person", "machine", "saga", "rule", "model"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused something: a person or machine by its subject, a saga or rule by its name."""

    kind: ActorKind
    id: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something happens: the actor, and the ids that tie a request to all that follows from it."""

    actor: Actor
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One recorded fact about an aggregate.

    `subject` is the aggregate's id and `sequence` its place among the aggregate's events, gapless from 1.
    """

    id: str
    subject: str
    sequence: int
    time: datetime
    data: EventData
    cause: Cause

    @property
    def type(self) -> str:
        """The event's name without its version, such as `order.received`."""
        return type(self.data).event_type

    @property
    def detail_type(self) -> str:
        """The name under which it is published, such as `order.received.v2`."""
        return f"{self.type}.v{type(self.data).event_version}"


def envelope(event: Event) -> dict[str, object]:
    """The event as a CloudEvents 1.0 envelope, in the form in which subscribers get it."""
    kind = type(event.data)
    body: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.detail_type,
        "source": source_of(kind),
        "subject": event.subject,
        "time": rfc3339(event.time),
        "datacontenttype": "application/json",
        "dataschema": f"https://orderhub.dev/schemas/{kind.event_type}/{kind.event_version}",
        "sequence": event.sequence,
        "correlationid": event.cause.correlation_id,
        "actor": {"kind": event.cause.actor.kind, "id": event.cause.actor.id},
        "data": event.data.model_dump(mode="json", exclude_none=True),
    }
    if event.cause.causation_id:
        body["causationid"] = event.cause.causation_id
    if event.cause.traceparent:
        body["traceparent"] = event.cause.traceparent
    return body


def from_record(
    *, event_id: str, subject: str, sequence: int, time: str, type_: str, version: int, data: Mapping[str, object], cause: Cause
) -> Event:
    """A stored event, brought to the current version of its contract; raises UnknownEvent for one never declared."""
    newest = upcast(type_, version, dict(data))
    return Event(event_id, subject, sequence, parse_rfc3339(time), current(type_).model_validate(newest), cause)
