"""The incident: a fold of what was found, proposed, asked, decided and done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kernel.errors import Conflict, Invalid
from remediation import events as ev

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kernel.contracts import EventData
    from kernel.events import Actor, Event

ApprovalState = Literal["pending", "approved", "rejected", "expired"]


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to people, and its answer."""

    id: str
    requested_at: datetime
    expires_at: str
    state: ApprovalState = "pending"
    plan_id: str | None = None
    comment: str | None = None
    decided_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as its events leave it."""

    id: str
    opened_at: datetime
    opened: ev.IncidentOpened
    proposed: ev.PlansProposed | None = None
    approval: Approval | None = None
    resolved: ev.IncidentResolved | None = None

    @property
    def state(self) -> Literal["open", "resolved"]:
        """Whether anybody still has to do anything."""
        return "resolved" if self.resolved else "open"

    def plan(self, plan_id: str | None) -> ev.Plan | None:
        """One of the plans, or None."""
        plans = self.proposed.plans if self.proposed else ()
        return next((plan for plan in plans if plan.plan_id == plan_id), None)

    @property
    def next_step(self) -> Literal["propose", "ask", "approved", "rejected", "closed"]:
        """What the saga has to do now, so that a saga that is started again does not ask twice."""
        if self.resolved or (self.approval and self.approval.state == "expired"):
            return "closed"
        if self.proposed is None:
            return "propose"
        if self.approval is None or self.approval.state == "pending":
            return "ask"
        return "approved" if self.approval.state == "approved" else "rejected"


def propose(incident: Incident, proposal: ev.PlansProposed) -> list[EventData]:
    """Put three plans forward, once."""
    return [] if incident.proposed else [proposal]


def ask(incident: Incident, approval_id: str, expires_at: str) -> list[EventData]:
    """Ask people, once."""
    if incident.approval is not None:
        return []
    return [ev.ApprovalRequested(approval_id=approval_id, order_id=incident.opened.order_id, expires_at=expires_at)]


def decide(
    incident: Incident, decision: Literal["approve", "reject"], plan_id: str | None, comment: str, now: str
) -> list[EventData]:
    """Record a decision. Raises Conflict where there is one already or it comes too late, Invalid for a plan that is none."""
    approval = incident.approval
    if approval is None or approval.state != "pending" or incident.resolved:
        state = approval.state if approval else "none"
        raise Conflict("already_decided", "There is nothing to decide any more.", current_status=state)
    if approval.expires_at < now:
        raise Conflict("approval_expired", "The time for this decision is over.", current_status="expired")
    if decision == "approve" and incident.plan(plan_id) is None:
        raise Invalid("unknown_plan", "Approving names one of the incident's plans.")
    chosen = plan_id if decision == "approve" else None
    return [ev.ApprovalDecided(approval_id=approval.id, decision=decision, plan_id=chosen, comment=comment)]


def expire(incident: Incident) -> list[EventData]:
    """Nobody decided in time."""
    if incident.approval is None or incident.approval.state != "pending":
        return []
    return [ev.ApprovalExpired(approval_id=incident.approval.id)]


def resolve(
    incident: Incident, outcome: Literal["executed", "rejected", "expired", "overtaken", "failed"], detail: str
) -> list[EventData]:
    """Close the incident, once."""
    return [] if incident.resolved else [ev.IncidentResolved(outcome=outcome, detail=detail[:500])]


def left_after(missing: Sequence[ev.MissingLine], lines: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Units by line that can be shipped without the missing ones."""
    short = {line.line_id: line.quantity for line in missing}
    left = {line_id: quantity - short.get(line_id, 0) for line_id, quantity in lines}
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}


def fold(incident: Incident | None, event: Event) -> Incident:
    """The incident after one more event."""
    data = event.data
    if incident is None:
        if not isinstance(data, ev.IncidentOpened):
            raise ValueError("an incident begins with incident.opened")
        return Incident(event.subject, event.time, data)
    match data:
        case ev.PlansProposed():
            return replace(incident, proposed=data)
        case ev.ApprovalRequested():
            return replace(incident, approval=Approval(data.approval_id, event.time, data.expires_at))
        case ev.ApprovalDecided() if incident.approval:
            state: ApprovalState = "approved" if data.decision == "approve" else "rejected"
            decided = replace(
                incident.approval, state=state, plan_id=data.plan_id, comment=data.comment, decided_by=event.cause.actor
            )
            return replace(incident, approval=decided)
        case ev.ApprovalExpired() if incident.approval:
            return replace(incident, approval=replace(incident.approval, state="expired"))
        case ev.IncidentResolved():
            return replace(incident, resolved=data)
        case _:
            raise ValueError(f"an incident has no {data.event_type} here")
