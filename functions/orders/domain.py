"""The order: what it decides, and its state as the fold of its events.

Facts from the world (stock allocated, a shipment released, dispatched, delivered) are recorded whenever they are
true; wishes (confirm, cancel, complete) are allowed or refused by the transition table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from kernel.errors import Conflict, Invalid
from orders import events as ev
from orders.state import TRANSITIONS, Line, Order, Repair, Shipment, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from kernel.contracts import EventData
    from kernel.events import Event

__all__ = ["TRANSITIONS", "Line", "Order", "Repair", "Shipment", "Status", "fold", "refuse_unless"]


def refuse_unless(order: Order, wanted: Status) -> None:
    """Raises Conflict with the current status where the transition table has no such edge."""
    if wanted not in TRANSITIONS[order.status]:
        raise Conflict(
            "invalid_transition", f"An order that is {order.status} cannot become {wanted}.", current_status=order.status
        )


# --- decisions -------------------------------------------------------------------------------------------------


def confirm(order: Order, payment_id: str, allocations: Sequence[ev.Allocation]) -> list[EventData]:
    """Sell it: payment authorised and stock allocated, in one commit. Deciding it again decides nothing."""
    if order.confirmed:
        return []
    refuse_unless(order, "confirmed")
    return [ev.OrderConfirmed(payment_id=payment_id), ev.OrderAllocated(allocations=tuple(allocations))]


def release(order: Order, shipments: Sequence[ev.PlannedShipment]) -> list[EventData]:
    """Record that nodes took the shipments: a fact, recorded even while somebody is cancelling."""
    fresh = tuple(s for s in shipments if s.shipment_id not in order.shipments)
    if not fresh:
        return []
    if order.status not in ("allocated", "released", "cancelling"):
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


def request_cancel(order: Order, reason: str) -> list[EventData]:
    """Lock the order for its cancellation. Asking again while it is locked decides nothing."""
    if order.status == "cancelling":
        return []
    refuse_unless(order, "cancelling")
    return [ev.OrderCancelling(reason=reason)]


def finish_cancel(order: Order) -> list[EventData]:
    """All is undone. Deciding it again decides nothing."""
    if order.ended == "cancelled":
        return []
    refuse_unless(order, "cancelled")
    if order.progress == "shipped":
        raise Conflict("already_shipped", "What was shipped cannot be cancelled.", current_status=order.status)
    return [ev.OrderCancelled(reason=order.reason or "cancelled")]


def decline_cancel(order: Order, reason: str, late: Sequence[str] = ()) -> list[EventData]:
    """Unlock the order: the warehouse was faster with these shipments. Deciding it again decides nothing."""
    if order.status != "cancelling":
        return []
    return [ev.OrderCancelDeclined(reason=reason, shipment_ids=tuple(late))]


def cancel_units(order: Order, lines: Sequence[ev.LineQuantity], reason: str) -> list[EventData]:
    """Give up units that cannot be had. Raises Conflict where they were shipped or cancelled already."""
    for part in lines:
        line = _line(order, part.line_id)
        if part.quantity < 1 or line.shipped + part.quantity > line.open:
            raise Conflict("nothing_to_cancel", "Those units are shipped or cancelled already.", current_status=order.status)
    if order.ended:
        refuse_unless(order, "cancelling")
    return [ev.OrderLinesCancelled(lines=tuple(lines), reason=reason)]


def open_repair(order: Order, saga: Literal["fulfilment", "settlement", "cancellation"], step: str, error: str) -> list[EventData]:
    """Put the order into the repair queue. A repair that is open already is not opened again."""
    known = order.repairs.get(saga)
    if known is not None and known.step == step:
        return []
    return [ev.RepairOpened(saga=saga, step=step, error=error[:500])]


def note_overdue(order: Order) -> list[EventData]:
    """Note that what the order waits for did not come in time."""
    if order.ended:
        return []
    awaiting: dict[Status, Literal["warehouse", "carrier"]] = {"released": "warehouse", "shipped": "carrier"}
    return [ev.OrderOverdue(awaiting=awaiting.get(order.status, "saga"), times=order.overdue + 1)]


def resolve_repair(order: Order, saga: Literal["fulfilment", "settlement", "cancellation"]) -> list[EventData]:
    """Take the order out of the repair queue."""
    return [ev.RepairResolved(saga=saga)] if saga in order.repairs else []


def _line(order: Order, line_id: str) -> Line:
    try:
        return order.lines[line_id]
    except KeyError:
        raise Invalid("unknown_line", "The order has no such line.") from None


# --- the fold --------------------------------------------------------------------------------------------------


def fold(order: Order | None, event: Event) -> Order:
    """The order after one more event. The first is order.received; raises ValueError where it is not."""
    data = event.data
    if order is None:
        if not isinstance(data, ev.OrderReceived):
            raise ValueError("an order begins with order.received")
        lines = {
            part.line_id: Line(part.line_id, part.sku, part.quantity, part.unit_price, part.discount, part.tax)
            for part in data.lines
        }
        return Order(event.subject, data, event.time, event.time, lines)
    applied = _apply(order, data, event.time)
    overdue = order.overdue if isinstance(data, ev.RepairOpened) else 0
    return replace(applied, changed_at=event.time, overdue=data.times if isinstance(data, ev.OrderOverdue) else overdue)


def _apply(order: Order, data: EventData, at: datetime) -> Order:  # noqa: C901  # one case an event
    match data:
        case ev.OrderConfirmed():
            return replace(order, confirmed=True, payment_id=data.payment_id)
        case ev.OrderAllocated():
            return replace(order, allocations=data.allocations, lines=_count(order, data.allocations, "allocated"))
        case ev.OrderReleased():
            parts = [part for shipment in data.shipments for part in shipment.lines]
            added = {s.shipment_id: Shipment(s.shipment_id, s.node_id, "released", s.lines) for s in data.shipments}
            return replace(order, shipments={**order.shipments, **added}, lines=_count(order, parts, "released"))
        case ev.OrderShipped():
            shipped = replace(order.shipments[data.shipment_id], status="shipped", lines=data.lines)
            return replace(
                order,
                shipments={**order.shipments, data.shipment_id: shipped},
                lines=_count(order, data.lines, "shipped"),
            )
        case ev.OrderDelivered():
            delivered = replace(order.shipments[data.shipment_id], status="delivered")
            return replace(
                order,
                shipments={**order.shipments, data.shipment_id: delivered},
                lines=_count(order, data.lines, "delivered"),
            )
        case ev.OrderCompleted():
            return replace(order, ended="completed", captured=data.captured)
        case ev.OrderRejected():
            return replace(order, ended="rejected", reason=data.reason)
        case ev.OrderCancelling():
            return replace(order, locked=True, reason=data.reason)
        case ev.OrderCancelled():
            return replace(order, locked=False, ended="cancelled", lines=_cancel_all(order))
        case ev.OrderCancelDeclined():
            return replace(order, locked=False, reason=data.reason)
        case ev.OrderLinesCancelled():
            return replace(order, lines=_cancel_some(order, data.lines))
        case ev.RepairOpened():
            return replace(order, repairs={**order.repairs, data.saga: Repair(data.saga, data.step, data.error, at)})
        case ev.RepairResolved():
            return replace(order, repairs={saga: r for saga, r in order.repairs.items() if saga != data.saga})
        case ev.OrderOverdue():
            return order
        case _:
            raise ValueError(f"an order has no {data.event_type}")


def _count(
    order: Order,
    parts: Iterable[ev.LineQuantity | ev.Allocation],
    counter: Literal["allocated", "released", "shipped", "delivered"],
) -> dict[str, Line]:
    lines = dict(order.lines)
    for part in parts:
        line = lines[part.line_id]
        match counter:
            case "allocated":
                lines[part.line_id] = replace(line, allocated=line.allocated + part.quantity)
            case "released":
                lines[part.line_id] = replace(line, released=line.released + part.quantity)
            case "shipped":
                lines[part.line_id] = replace(line, shipped=line.shipped + part.quantity)
            case "delivered":
                lines[part.line_id] = replace(line, delivered=line.delivered + part.quantity)
    return lines


def _cancel_some(order: Order, parts: Iterable[ev.LineQuantity]) -> dict[str, Line]:
    lines = dict(order.lines)
    for part in parts:
        line = lines[part.line_id]
        left = line.open - part.quantity
        # What is cancelled is no longer allocated or released either: shipped ≤ released ≤ allocated ≤ open.
        lines[part.line_id] = replace(
            line,
            cancelled=line.cancelled + part.quantity,
            allocated=min(line.allocated, left),
            released=min(line.released, left),
        )
    return lines


def _cancel_all(order: Order) -> dict[str, Line]:
    return {
        line_id: replace(line, cancelled=line.quantity - line.shipped, allocated=line.shipped, released=line.shipped)
        for line_id, line in order.lines.items()
    }
