"""Whether a report is right, and the view of one order that a source has: its newest report, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accuracy import events as ev
from kernel.clock import parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from kernel.contracts import EventData
    from kernel.events import Event


@dataclass(frozen=True, slots=True)
class Report:
    """What a source believed of an order of a store, as of when."""

    source: str
    store: str
    order_id: str
    status: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """An order's status from a time on."""

    at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a report was right, what was true, and what is true now; None for an order that was not there."""

    right: bool
    true_status: str | None
    current_status: str | None


@dataclass(frozen=True, slots=True)
class View:
    """The fold of a source's reports of an order."""

    id: str
    newest: datetime
    reported_status: str
    right: bool


def judge(report: Report, history: Sequence[Change], tolerance: timedelta) -> Verdict:
    """Hold a report against an order's history, oldest first.

    Right is what was true at any time from `tolerance` before the report's time until then: a system that is told of
    a change needs that long to know it.
    """
    before = [change for change in history if change.at <= report.as_of]
    true_status = before[-1].status if before else None
    start = report.as_of - tolerance
    standing = [change.status for change in before if change.at <= start][-1:]
    within = [change.status for change in before if change.at > start]
    return Verdict(report.status in (*standing, *within), true_status, history[-1].status if history else None)


def take(newest: datetime | None, report: Report, verdict: Verdict) -> list[EventData]:
    """The event that a report is; none for one that says nothing new: as old as the newest before it, or older."""
    if newest is not None and report.as_of <= newest:
        return []
    if verdict.right:
        return [
            ev.StatusReported(
                source=report.source,
                store=report.store,
                order_id=report.order_id,
                reported_status=report.status,
                true_status=verdict.true_status,
                as_of=rfc3339(report.as_of),
            )
        ]
    return [
        ev.StatusMismatch(
            source=report.source,
            store=report.store,
            order_id=report.order_id,
            reported_status=report.status,
            true_status=verdict.true_status,
            as_of=rfc3339(report.as_of),
            current_status=verdict.current_status,
        )
    ]


def fold(view: View | None, event: Event) -> View:
    """The view after an event."""
    data = event.data
    assert isinstance(data, ev.StatusReported | ev.StatusMismatch)  # all that its stream consists of
    return View(event.subject, parse_rfc3339(data.as_of), data.reported_status, isinstance(data, ev.StatusReported))
