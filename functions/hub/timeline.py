"""What happened to an order, entry by entry: by which command, whose, why, and what it changed."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from kernel.clock import rfc3339
from orders.domain import fold
from orders.shapes import ActorOut, order_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge.event_store import Commit
    from kernel.events import Event
    from orders.domain import Order

BESIDE_THE_POINT = {"version", "received_at", "changed_at", "links", "payment_status"}
"""What every event changes, or what is none of the order's own."""


class ChangeOut(BaseModel):
    """A value of the order before and after, at its place in the order (a JSON Pointer); personal fields are masked."""

    path: str
    before: Any
    after: Any


class TimelineEntry(BaseModel):
    """One event: what, when, by whom, by which command and for which reason, and what it changed of the order.

    Of the first event nothing is listed as changed: its data is what the order began as.
    """

    sequence: int
    type: str
    time: str
    actor: ActorOut
    command: str
    reason: str | None
    correlation_id: str
    changes: list[ChangeOut]
    data: dict[str, Any]


class AuditEntry(TimelineEntry):
    """An event of the order, or of one of its payments, shipments or returns: `subject` says which."""

    subject: str


class Timeline(BaseModel):
    """A page of an order's events, in order."""

    items: list[TimelineEntry]
    next_cursor: str | None


class Audit(BaseModel):
    """A page of all events about an order, in the order of their times."""

    items: list[AuditEntry]
    next_cursor: str | None


def timeline(commits: Sequence[Commit], after: int, limit: int) -> list[TimelineEntry]:
    """The entries behind a sequence, at most so many."""
    return [_entry(commit, event, changes) for commit, event, changes in _changed(commits, after, after + limit)]


def audit(order: Sequence[Commit], others: Sequence[Commit]) -> list[AuditEntry]:
    """The entries of an order and of what belongs to it; entries of one instant in the order of subject and sequence."""
    entries = [_audited(commit, event, changes) for commit, event, changes in _changed(order, 0, order[-1].version)]
    entries += [_audited(commit, event, []) for commit in others for event in commit.events]
    return sorted(entries, key=lambda entry: (entry.time, entry.subject, entry.sequence))


def _changed(commits: Sequence[Commit], after: int, last: int) -> Iterator[tuple[Commit, Event, list[ChangeOut]]]:
    """The events behind a sequence up to another, each with what it changed."""
    state: Order | None = None
    for commit in commits:
        for event in commit.events:
            if event.sequence > last:
                return
            before, state = state, fold(state, event)
            if event.sequence > after:
                yield commit, event, changes(_shown(before), _shown(state)) if before is not None else []


def _shown(order: Order | None) -> object:
    return order_out(order, 0).model_dump(mode="json", exclude=BESIDE_THE_POINT) if order is not None else None


def changes(before: object, after: object, path: str = "") -> list[ChangeOut]:
    """Where two JSON values differ, each place by its pointer. Lists are compared place by place."""
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = [(name, before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after))]
    elif isinstance(before, list) and isinstance(after, list):
        pairs = [(place, old, new) for place, (old, new) in enumerate(zip_longest(before, after))]
    else:
        return [] if before == after else [ChangeOut(path=path, before=before, after=after)]
    return [
        change
        for name, old, new in pairs
        for change in changes(old, new, f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}")
    ]


def _fields(commit: Commit, event: Event, changed: list[ChangeOut]) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "type": event.detail_type,
        "time": rfc3339(event.time),
        "actor": ActorOut(kind=event.cause.actor.kind, id=event.cause.actor.id),
        "command": commit.command,
        "reason": getattr(event.data, "reason", None),
        "correlation_id": event.cause.correlation_id,
        "changes": changed,
        "data": event.data.model_dump(mode="json", exclude_none=True),
    }


def _entry(commit: Commit, event: Event, changed: list[ChangeOut]) -> TimelineEntry:
    return TimelineEntry(**_fields(commit, event, changed))


def _audited(commit: Commit, event: Event, changed: list[ChangeOut]) -> AuditEntry:
    return AuditEntry(**_fields(commit, event, changed), subject=event.subject)
