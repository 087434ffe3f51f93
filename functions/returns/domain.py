"""The return (RMA): what it decides, and its state as the fold of its events.

Goods and money go their own ways: the stage says how far the goods are, the refund how far the money is, and the
status that people see is derived from both. A return is `refunded` when its goods are inspected and its money is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kernel.errors import Conflict, FieldError, Forbidden, Invalid
from kernel.units import Units
from returns import events as ev
from returns.refunds import Refund, refund_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kernel.contracts import EventData
    from kernel.events import Event
    from returns.policy import Policy

Stage = Literal["requested", "approved", "received", "inspected", "rejected", "cancelled"]
Status = Literal["requested", "approved", "received", "inspected", "refunded", "rejected", "cancelled"]

TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    "requested": frozenset({"approved", "rejected", "cancelled"}),
    "approved": frozenset({"received", "rejected", "cancelled"}),
    "received": frozenset({"inspected"}),
    "inspected": frozenset({"rejected"}),
    "rejected": frozenset(),
    "cancelled": frozenset(),
}
"""Which stage may follow which. Inspection itself rejects a return of which nothing is taken back."""


@dataclass(frozen=True, slots=True)
class Return:
    """A return as its events leave it."""

    id: str
    order_id: str
    requested: ev.ReturnRequested
    requested_at: datetime
    changed_at: datetime
    stage: Stage = "requested"
    reason: str | None = None
    received_at_node: str | None = None
    inspected: tuple[ev.Inspected, ...] = ()
    inspected_at: datetime | None = None
    refund: ev.RefundRequested | None = None
    refunded: int | None = None
    exchange_order_id: str | None = None

    @property
    def status(self) -> Status:
        """The one status that people and systems see."""
        return "refunded" if self.stage == "inspected" and self.refunded is not None else self.stage

    @property
    def lines(self) -> dict[str, ev.ReturnLine]:
        """The lines by their ids."""
        return {line.line_id: line for line in self.requested.lines}

    @property
    def accepted(self) -> dict[str, Units]:
        """Units that came back for good: found so by inspection, or all of them by a refund before it."""
        if self.refund is not None and not self.inspected:
            return {line_id: line.units for line_id, line in self.lines.items()}
        return self.found("restock", "scrap")

    @property
    def released(self) -> dict[str, Units]:
        """Units that the customer keeps after all."""
        if self.stage in ("rejected", "cancelled"):
            return {line_id: line.units for line_id, line in self.lines.items()}
        return self.found("refuse")

    def found(self, *outcomes: ev.Outcome) -> dict[str, Units]:
        """Units by line of which inspection found one of these."""
        found: dict[str, Units] = {}
        for part in self.inspected:
            if part.outcome in outcomes:
                found[part.line_id] = found.get(part.line_id, Units()) | part.units
        return found

    def node_of(self, line_id: str) -> str:
        """Where the units of a line are put back."""
        return self.received_at_node or self.lines[line_id].node_id


def refuse_unless(rma: Return, wanted: Stage) -> None:
    """Raises Conflict with the current status where the transition table has no such edge."""
    if wanted not in TRANSITIONS[rma.stage]:
        raise Conflict("invalid_transition", f"A return that is {rma.status} cannot become {wanted}.", current_status=rma.status)


# --- decisions -------------------------------------------------------------------------------------------------


def approve(rma: Return) -> list[EventData]:
    """Let the customer send it. Deciding it again decides nothing."""
    if rma.stage == "approved":
        return []
    refuse_unless(rma, "approved")
    return [ev.ReturnApproved(order_id=rma.order_id)]


def reject(rma: Return, reason: str) -> list[EventData]:
    """Take nothing back. Deciding it again decides nothing. Raises Conflict where the parcel is here, or the money gone."""
    if rma.stage == "rejected":
        return []
    _refuse_if_refunding(rma)
    if rma.stage == "inspected":
        raise Conflict("invalid_transition", "What was inspected is refunded as it was found.", current_status=rma.status)
    refuse_unless(rma, "rejected")
    return [ev.ReturnRejected(order_id=rma.order_id, reason=reason)]


def cancel(rma: Return, reason: str) -> list[EventData]:
    """The customer keeps it. Deciding it again decides nothing. Raises Conflict where the parcel is here, or the money gone."""
    if rma.stage == "cancelled":
        return []
    _refuse_if_refunding(rma)
    refuse_unless(rma, "cancelled")
    return [ev.ReturnCancelled(order_id=rma.order_id, reason=reason)]


def receive(rma: Return, node_id: str | None) -> list[EventData]:
    """The parcel is here. Deciding it again decides nothing."""
    if rma.stage == "received":
        return []
    refuse_unless(rma, "received")
    return [ev.ReturnReceived(order_id=rma.order_id, node_id=node_id)]


@dataclass(frozen=True, slots=True)
class Finding:
    """So many units of a line, and what was found."""

    line_id: str
    outcome: ev.Outcome
    quantity: int


def inspect(rma: Return, findings: Sequence[Finding]) -> list[EventData]:
    """Say of every unit what was found; a return of which nothing is taken is rejected by it.

    Raises Invalid where the findings are not of all units and no others, Conflict where units are refused whose money is gone.
    """
    refuse_unless(rma, "inspected")
    _check_complete(rma, findings)
    if rma.refund is not None and any(found.outcome == "refuse" for found in findings):
        raise Conflict("already_refunded", "What was refunded already cannot be refused now.", current_status=rma.status)
    inspected = ev.ReturnInspected(order_id=rma.order_id, lines=tuple(_split(rma, findings)))
    if all(found.outcome == "refuse" for found in findings):
        return [inspected, ev.ReturnRejected(order_id=rma.order_id, reason="refused by inspection")]
    return [inspected]


def _check_complete(rma: Return, findings: Sequence[Finding]) -> None:
    wanted = {line_id: line.units.count for line_id, line in rma.lines.items()}
    unknown = [place for place, found in enumerate(findings) if found.line_id not in wanted]
    if unknown:
        fields = tuple(FieldError(f"/lines/{place}/line_id", "unknown_line", "not a line of the return") for place in unknown)
        raise Invalid("unknown_line", "The return has no such line.", fields)
    found_in_all = {line_id: sum(f.quantity for f in findings if f.line_id == line_id) for line_id in wanted}
    if found_in_all != wanted:
        raise Invalid("inspection_incomplete", "An inspection finds something of every unit, and of no more than there are.")


def _split(rma: Return, findings: Sequence[Finding]) -> list[ev.Inspected]:
    left = {line_id: line.units for line_id, line in rma.lines.items()}
    parts = []
    for found in findings:
        taken = left[found.line_id].take(found.quantity)
        left[found.line_id] = left[found.line_id] - taken
        parts.append(ev.Inspected(line_id=found.line_id, outcome=found.outcome, spans=taken.spans))
    return parts


def request_refund(rma: Return, policy: Policy, *, may_exceed: bool) -> list[EventData]:
    """Owe the customer what was paid for the accepted units, less the fee. Deciding it again decides nothing.

    Before inspection only as far as policy allows, and then for all units. Raises Conflict (too early, nothing to refund),
    Forbidden over the refund limit.
    """
    if rma.refund is not None:
        return []
    if rma.stage not in ("approved", "received", "inspected"):
        raise Conflict("invalid_transition", f"A return that is {rma.status} cannot be refunded.", current_status=rma.status)
    early = rma.stage != "inspected"
    accepted = {line_id: line.units for line_id, line in rma.lines.items()} if early else rma.accepted
    refund = refund_of(rma, accepted, policy)
    if early and refund.amount > policy.early_refund_limit:
        raise Conflict("not_inspected", "Policy refunds this only after inspection.", current_status=rma.status)
    if refund.amount > policy.limit(refund.currency) and not may_exceed:
        raise Forbidden("refund_limit_exceeded", "A refund of this size is for approvers or finance.")
    return [
        ev.RefundRequested(
            order_id=rma.order_id, amount=refund.amount, currency=refund.currency, parts=refund.parts, shipping=refund.shipping
        )
    ]


def record_refund(rma: Return) -> list[EventData]:
    """The money is back with the customer. Deciding it again decides nothing."""
    if rma.refund is None or rma.refunded is not None:
        return []
    return [ev.ReturnRefunded(order_id=rma.order_id, amount=rma.refund.amount, currency=rma.refund.currency)]


def record_exchange(rma: Return, exchange_order_id: str) -> list[EventData]:
    """The order for the exchange is placed. Deciding it again decides nothing."""
    if rma.exchange_order_id is not None:
        return []
    return [ev.ReturnExchanged(order_id=rma.order_id, exchange_order_id=exchange_order_id)]


def _refuse_if_refunding(rma: Return) -> None:
    if rma.refund is not None:
        raise Conflict("already_refunded", "The money for it is on its way back.", current_status=rma.status)


def expected(rma: Return, policy: Policy) -> Refund:
    """What would go back for what is accepted so far: for everything, as long as nothing is inspected."""
    accepted = rma.accepted if rma.inspected else {line_id: line.units for line_id, line in rma.lines.items()}
    return refund_of(rma, accepted, policy)


# --- the fold --------------------------------------------------------------------------------------------------


def fold(rma: Return | None, event: Event) -> Return:
    """The return after one more event. The first is return.requested; raises ValueError where it is not."""
    data = event.data
    if rma is None:
        if not isinstance(data, ev.ReturnRequested):
            raise ValueError("a return begins with return.requested")
        return Return(event.subject, data.order_id, data, event.time, event.time)
    return replace(_apply(rma, event), changed_at=event.time)


def _apply(rma: Return, event: Event) -> Return:
    data = event.data
    match data:
        case ev.ReturnApproved():
            return replace(rma, stage="approved")
        case ev.ReturnRejected():
            return replace(rma, stage="rejected", reason=data.reason)
        case ev.ReturnCancelled():
            return replace(rma, stage="cancelled", reason=data.reason)
        case ev.ReturnReceived():
            return replace(rma, stage="received", received_at_node=data.node_id)
        case ev.ReturnInspected():
            return replace(rma, stage="inspected", inspected=data.lines, inspected_at=event.time)
        case ev.RefundRequested():
            return replace(rma, refund=data)
        case ev.ReturnRefunded():
            return replace(rma, refunded=data.amount)
        case ev.ReturnExchanged():
            return replace(rma, exchange_order_id=data.exchange_order_id)
        case _:
            raise ValueError(f"a return has no {data.event_type}")
