"""The fold: what each event leaves of an order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from kernel.clock import parse_rfc3339
from orders import cancelling, edits, returning
from orders import events as ev
from orders.edit_events import OrderEdited, OrderEditUndone
from orders.state import Cancelling, Destination, Hold, Line, Order, Repair, Resolved, Shipment, repair_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel.events import Event


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
        destination = Destination(data.ship_to, data.delivery, data.vault_entry, data.vault_order or event.subject)
        return Order(event.subject, data, event.time, event.time, lines, destination, len(lines))
    applied = _apply(order, event)
    overdue = order.overdue if isinstance(data, ev.RepairOpened) else 0
    return replace(applied, changed_at=event.time, overdue=data.times if isinstance(data, ev.OrderOverdue) else overdue)


def _apply(order: Order, event: Event) -> Order:  # noqa: C901  # one case an event
    data = event.data
    if isinstance(data, returning.ReturnFact):
        return returning.apply(order, data)
    match data:
        case ev.OrderConfirmed():
            return replace(order, confirmed=True, payment_id=data.payment_id)
        case ev.OrderAllocated():
            lines = _count(order, data.allocations, "allocated")
            return replace(order, allocations=data.allocations, sourcing=data.sourcing, lines=lines, open_edits=())
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
        case ev.OrderReadyForPickup():
            return replace(order, collect_by=data.collect_by)
        case ev.OrderCompleted():
            return replace(order, ended="completed", captured=data.captured)
        case ev.OrderRejected():
            return replace(order, locked=False, ended="rejected", reason=data.reason)
        case ev.OrderCancelling():
            return replace(order, locked=True, reason=data.reason, cancelling=Cancelling(data.lines))
        case ev.OrderCancelled():
            return replace(order, locked=False, ended="cancelled", lines=_cancel_all(order))
        case ev.OrderCancelDeclined():
            return replace(order, locked=False, reason=data.reason, cancelling=None)
        case ev.OrderRecalled() | ev.OrderCancelSettled():
            return cancelling.apply(order, data)
        case ev.OrderLinesCancelled():
            return replace(
                order,
                lines=_cancel_some(order, data.lines),
                shipments=_less(order, data),
                incidents=order.incidents | ({data.incident_id} if data.incident_id else set()),
                revision=order.revision + 1,
            )
        case OrderEdited() | OrderEditUndone():
            return edits.apply(order, data, event.time)
        case ev.OrderHeld():
            return replace(order, holds={**order.holds, data.hold_id: _hold(data, event)})
        case ev.OrderHoldReleased():
            return replace(order, holds=_resolved(order, data.hold_id, "released", data.reason, event))
        case ev.OrderHoldRejected():
            return replace(order, holds=_resolved(order, data.hold_id, "rejected", data.reason, event))
        case ev.RepairOpened():
            opened = Repair(data.saga, data.step, data.error, event.time, data.return_id)
            return replace(order, repairs={**order.repairs, repair_key(data.saga, data.return_id): opened})
        case ev.RepairResolved():
            mended = repair_key(data.saga, data.return_id)
            return replace(order, repairs={key: repair for key, repair in order.repairs.items() if key != mended})
        case ev.OrderOverdue():
            return order
        case _:
            raise ValueError(f"an order has no {data.event_type}")


def _hold(held: ev.OrderHeld, event: Event) -> Hold:
    return Hold(
        hold_id=held.hold_id,
        type=held.type,
        line_id=held.line_id,
        reason=held.reason,
        placed_by=event.cause.actor,
        placed_at=event.time,
        expires_at=parse_rfc3339(held.expires_at) if held.expires_at else None,
        on_expiry=held.on_expiry,
        rule=held.rule,
    )


def _resolved(order: Order, hold_id: str, outcome: ev.Resolution, reason: str, event: Event) -> dict[str, Hold]:
    how = Resolved(outcome, event.cause.actor, event.time, reason)
    return {**order.holds, hold_id: replace(order.holds[hold_id], resolved=how)}


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


def _less(order: Order, cancelled: ev.OrderLinesCancelled) -> dict[str, Shipment]:
    """The shipments without units that were not found in one of them."""
    known = order.shipments.get(cancelled.shipment_id or "")
    if known is None:
        return order.shipments
    fewer = {part.line_id: part.quantity for part in cancelled.lines}
    lines = [part.model_copy(update={"quantity": part.quantity - fewer.get(part.line_id, 0)}) for part in known.lines]
    return {**order.shipments, known.shipment_id: replace(known, lines=tuple(part for part in lines if part.quantity > 0))}


def _cancel_all(order: Order) -> dict[str, Line]:
    return {
        line_id: replace(line, cancelled=line.quantity - line.shipped, allocated=line.shipped, released=line.shipped)
        for line_id, line in order.lines.items()
    }
