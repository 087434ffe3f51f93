"""What an order decides about its way from received to its end.

Facts from the world (stock allocated, a shipment released, dispatched, delivered) are recorded whenever they are
true; wishes (confirm, cancel, complete) are allowed or refused by the transition table in `orders.lifecycle`.
What is decided about holds is in `orders.holds`, the state that events leave in `orders.fold` and `orders.state`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kernel.errors import Conflict, Invalid
from orders import events as ev
from orders.cancelling import request as request_cancel
from orders.fold import fold
from orders.lifecycle import EDGES, HOLD_REJECTED, TRANSITIONS, Status, refuse_unless
from orders.state import Hold, Line, Order, Repair, Shipment, repair_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel.contracts import EventData
    from orders.reasons import SourcingReasons

__all__ = [
    "EDGES",
    "TRANSITIONS",
    "Hold",
    "Line",
    "Order",
    "Repair",
    "Shipment",
    "Status",
    "fold",
    "refuse_unless",
    "request_cancel",
]


def confirm(
    order: Order,
    payment_id: str,
    allocations: Sequence[ev.Allocation],
    sourcing: SourcingReasons | None = None,
    *,
    revision: int = 0,
) -> list[EventData]:
    """Sell it: payment authorised and stock allocated, in one commit. Deciding it again decides nothing.

    What was authorised and allocated is for a revision of the order's lines: for another one it decides nothing either.
    """
    if order.confirmed:
        return []
    refuse_unless(order, "confirmed")
    if revision != order.revision:
        return []
    return [ev.OrderConfirmed(payment_id=payment_id), ev.OrderAllocated(allocations=tuple(allocations), sourcing=sourcing)]


def release(order: Order, shipments: Sequence[ev.PlannedShipment]) -> list[EventData]:
    """Record that nodes took the shipments: a fact, recorded even while the order is held or being cancelled."""
    fresh = tuple(s for s in shipments if s.shipment_id not in order.shipments)
    if not fresh:
        return []
    if order.ended or not order.allocations:
        refuse_unless(order, "released")
    return [ev.OrderReleased(shipments=fresh)]


def reject(order: Order, code: str, reason: str) -> list[EventData]:
    """Turn the order down. Deciding it again decides nothing."""
    if order.ended == "rejected":
        return []
    refuse_unless(order, "rejected")
    return [ev.OrderRejected(code=code, reason=reason)]


def ship(order: Order, shipment: ev.PlannedShipment) -> list[EventData]:
    """Record that a shipment left with these lines: a fact. Raises Conflict where that is more than was wanted."""
    known = order.shipments.get(shipment.shipment_id)
    if known is not None and known.status != "released":
        return []
    decided = release(order, [shipment])
    for part in shipment.lines:
        line = _line(order, part.line_id)
        if line.shipped + part.quantity > line.open:
            raise Conflict("over_shipped", "More was shipped than was ordered and not cancelled.", current_status=order.status)
    return [*decided, ev.OrderShipped(shipment_id=shipment.shipment_id, lines=shipment.lines)]


def note_ready(order: Order, shipment_id: str, collect_by: str) -> list[EventData]:
    """Record until when a pickup is kept: a fact. Deciding it again decides nothing."""
    if order.collect_by == collect_by:
        return []
    return [ev.OrderReadyForPickup(shipment_id=shipment_id, collect_by=collect_by)]


def deliver(order: Order, shipment_id: str) -> list[EventData]:
    """Record that a shipped shipment arrived: a fact."""
    known = order.shipments.get(shipment_id)
    if known is None or known.status == "delivered":
        return []
    if known.status != "shipped":
        raise Conflict("not_shipped", "A shipment is delivered after it was shipped.", current_status=order.status)
    return [ev.OrderDelivered(shipment_id=shipment_id, lines=known.lines)]


def complete(order: Order, captured: int) -> list[EventData]:
    """Close an order whose last line is delivered and paid. Deciding it again decides nothing."""
    if order.ended == "completed":
        return []
    refuse_unless(order, "completed")
    if captured != order.capturable.amount:
        raise Conflict("not_paid", "What was captured is not what was shipped.", current_status=order.status)
    return [ev.OrderCompleted(captured=captured)]


def finish_cancel(order: Order) -> list[EventData]:
    """All is undone: the order ends rejected where a hold was rejected before the sale, else cancelled.

    Deciding it again decides nothing.
    """
    ends: Status = "rejected" if HOLD_REJECTED.allows(order) else "cancelled"
    if order.ended == ends:
        return []
    refuse_unless(order, ends if order.locked else "cancelled")
    reason = order.reason or "cancelled"
    return [ev.OrderRejected(code="hold_rejected", reason=reason) if ends == "rejected" else ev.OrderCancelled(reason=reason)]


def decline_cancel(order: Order, reason: str, late: Sequence[str] = ()) -> list[EventData]:
    """Unlock the order: the warehouse was faster with these shipments. Deciding it again decides nothing."""
    if order.status != "cancelling":
        return []
    return [ev.OrderCancelDeclined(reason=reason, shipment_ids=tuple(late))]


def cancel_units(
    order: Order,
    lines: Sequence[ev.LineQuantity],
    reason: str,
    shipment_id: str | None = None,
    incident_id: str | None = None,
) -> list[EventData]:
    """Give up units that cannot be had, once for each incident. Raises Conflict where they were shipped or cancelled already."""
    if incident_id is not None and incident_id in order.incidents:
        return []
    for part in lines:
        line = _line(order, part.line_id)
        if part.quantity < 1 or line.shipped + part.quantity > line.open:
            raise Conflict("nothing_to_cancel", "Those units are shipped or cancelled already.", current_status=order.status)
    if order.ended:
        refuse_unless(order, "cancelling")
    return [ev.OrderLinesCancelled(lines=tuple(lines), reason=reason, shipment_id=shipment_id, incident_id=incident_id)]


def open_repair(order: Order, saga: ev.RepairedSaga, step: str, error: str, return_id: str | None = None) -> list[EventData]:
    """Put the order into the repair queue. A repair that is open already is not opened again."""
    known = order.repairs.get(repair_key(saga, return_id))
    if known is not None and known.step == step:
        return []
    return [ev.RepairOpened(saga=saga, step=step, error=error[:500], return_id=return_id)]


def note_overdue(order: Order) -> list[EventData]:
    """Note that what the order waits for did not come in time."""
    if order.ended:
        return []
    awaiting: dict[Status, Literal["warehouse", "carrier"]] = {"released": "warehouse", "shipped": "carrier"}
    waits_for = "saga" if order.locked else awaiting.get(order.progress, "saga")
    return [ev.OrderOverdue(awaiting=waits_for, times=order.overdue + 1)]


def resolve_repair(order: Order, saga: ev.RepairedSaga, return_id: str | None = None) -> list[EventData]:
    """Take the order out of the repair queue."""
    known = repair_key(saga, return_id) in order.repairs
    return [ev.RepairResolved(saga=saga, return_id=return_id)] if known else []


def _line(order: Order, line_id: str) -> Line:
    try:
        return order.lines[line_id]
    except KeyError:
        raise Invalid("unknown_line", "The order has no such line.") from None
