"""Cancelling an order, or so many units of its lines, before or after the warehouses got it.

Before the hand-over, units are given up at once, and the saga that sells the order notices. After it the order is locked:
shipments are recalled until enough units stay, those are given up, and what is left goes out again. What has left its
node cannot be cancelled, and keeps its price, its share of the discount, and the shipping.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kernel.errors import Conflict, FieldError, Invalid
from orders import events as ev
from orders.lifecycle import refuse_unless
from orders.releasing import to_release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel.contracts import EventData
    from orders.state import Line, Order

CancelFact = ev.OrderRecalled | ev.OrderCancelSettled
"""The events of a cancellation that this module folds."""
Outcome = Literal["undo", "recall", "keep", "decline", "over"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a cancellation comes to: the units that are given up, and what stays with the order's nodes."""

    cancelled: tuple[ev.LineQuantity, ...]
    allocations: tuple[ev.Allocation, ...]


def request(order: Order, reason: str, lines: Sequence[ev.LineQuantity] | None = None) -> list[EventData]:
    """Cancel the order or, with `lines`, so many units of it. Asking again for all while all is being cancelled decides nothing.

    Raises Conflict (something of it has left, is being cancelled or ended), Invalid (no such line, or a line twice).
    """
    if lines is None:
        if order.locked and order.cancelling is not None and order.cancelling.lines is None:
            return []
        refuse_unless(order, "cancelling")
        return [ev.OrderCancelling(reason=reason)]
    _check(order, lines)
    refuse_unless(order, "cancelling")
    over = [place for place, part in enumerate(lines) if part.quantity > _unshipped(order.lines[part.line_id])]
    if over:
        refused = Conflict("nothing_to_cancel", "Those units are shipped or cancelled already.", current_status=order.status)
        refused.errors = tuple(FieldError(f"/lines/{p}/quantity", "nothing_to_cancel", "more than is left") for p in over)
        raise refused
    asked = {part.line_id: part.quantity for part in lines}
    if all(asked.get(line.line_id, 0) == line.open for line in order.lines.values()):
        return [ev.OrderCancelling(reason=reason)]
    if order.allocations:
        return [ev.OrderCancelling(reason=reason, lines=tuple(lines))]
    if order.open_edits:
        detail = "An edit of the order is not carried out yet; change the quantities by another edit."
        raise Conflict("edit_open", detail, current_status=order.status)
    return [ev.OrderLinesCancelled(lines=tuple(lines), reason=reason)]


def to_stop(order: Order) -> list[str]:
    """The nodes whose shipments have to be stopped next: all for a whole cancellation, else as few as give enough units."""
    under_way = order.cancelling
    if under_way is None:
        return []
    left = {shipment.node_id for shipment in order.shipments.values() if shipment.status != "released"}
    nodes = sorted({part.node_id for part in order.allocations} - under_way.stopped - left)
    if under_way.lines is None:
        return nodes
    lacking = _asked(order)
    for part in _stopped(order):
        lacking[part.line_id] = lacking.get(part.line_id, 0) - part.quantity
    chosen: list[str] = []
    for node_id in nodes:
        held = {part.line_id: part.quantity for part in order.allocations if part.node_id == node_id}
        if any(lacking.get(line_id, 0) > 0 for line_id in held):
            chosen.append(node_id)
            lacking = {line_id: units - held.get(line_id, 0) for line_id, units in lacking.items()}
    return chosen


def record_recall(order: Order, stopped: Mapping[str, str]) -> list[EventData]:
    """Record which shipments, by id, stay with which node. Recording it again decides nothing."""
    if order.cancelling is None:
        return []
    fresh = {shipment_id: node_id for shipment_id, node_id in stopped.items() if shipment_id not in order.recalled}
    shipments = tuple(ev.RecalledShipment(shipment_id=shipment_id, node_id=node_id) for shipment_id, node_id in fresh.items())
    return [ev.OrderRecalled(shipments=shipments)] if shipments else []


def outcome(order: Order) -> Outcome:
    """What follows from the recall: undo all, recall more, keep the rest, decline; `over` where it is not being cancelled."""
    under_way = order.cancelling
    if under_way is None:
        return "over"
    if under_way.lines is None and order.progress not in ("shipped", "delivered"):
        return "undo"
    if to_stop(order):
        return "recall"
    return "keep" if settlement(order).cancelled else "decline"


def settlement(order: Order) -> Settlement:
    """The units that are given up, of those that were stopped, and what its nodes keep for the order."""
    left = _asked(order)
    given_up: dict[tuple[str, str], int] = {}
    for part in _stopped(order):
        taken = min(part.quantity, left.get(part.line_id, 0))
        if taken:
            left[part.line_id] -= taken
            given_up[part.line_id, part.node_id] = taken
    units: dict[str, int] = {}
    for (line_id, _), quantity in given_up.items():
        units[line_id] = units.get(line_id, 0) + quantity
    kept = [(part, part.quantity - given_up.get((part.line_id, part.node_id), 0)) for part in order.allocations]
    return Settlement(
        tuple(ev.LineQuantity(line_id=line_id, quantity=quantity) for line_id, quantity in units.items()),
        tuple(part.model_copy(update={"quantity": quantity}) for part, quantity in kept if quantity),
    )


def settle(order: Order) -> list[EventData]:
    """Give the units up and unlock the order, which goes on with the rest. Deciding it again decides nothing."""
    if order.cancelling is None:
        return []
    found = settlement(order)
    cancelled = ev.OrderLinesCancelled(lines=found.cancelled, reason=order.reason or "cancelled")
    rest = replace(order, lines=_without(order.lines, found.cancelled), allocations=found.allocations)
    settled = ev.OrderCancelSettled(
        allocations=found.allocations, shipment_ids=tuple(order.shipments), to_release=bool(to_release(rest))
    )
    return [cancelled, settled]


def _unshipped(line: Line) -> int:
    return line.open - line.shipped


def _asked(order: Order) -> dict[str, int]:
    """Units by line that shall be cancelled and have not left."""
    assert order.cancelling is not None  # who asks has looked
    if order.cancelling.lines is None:
        return {line.line_id: _unshipped(line) for line in order.lines.values()}
    return {part.line_id: min(part.quantity, _unshipped(order.lines[part.line_id])) for part in order.cancelling.lines}


def _stopped(order: Order) -> list[ev.Allocation]:
    """Units that no shipment has, at nodes that were stopped: nobody can send them while the order is locked."""
    assert order.cancelling is not None  # who asks has looked
    return [part for part in to_release(order) if part.node_id in order.cancelling.stopped]


def _check(order: Order, lines: Sequence[ev.LineQuantity]) -> None:
    named = [part.line_id for part in lines]
    wrong = [
        FieldError(f"/lines/{place}/line_id", "duplicate_line" if line_id in named[:place] else "unknown_line", "not a line")
        for place, line_id in enumerate(named)
        if line_id not in order.lines or line_id in named[:place]
    ]
    if wrong:
        raise Invalid(wrong[0].code, "The order has no such line, or it is named twice.", tuple(wrong))


# --- the fold --------------------------------------------------------------------------------------------------


def apply(order: Order, fact: CancelFact) -> Order:
    """The order after one more fact about its cancellation."""
    match fact:
        case ev.OrderRecalled():
            return _recalled(order, fact)
        case ev.OrderCancelSettled():
            units: dict[str, int] = {}
            for part in fact.allocations:
                units[part.line_id] = units.get(part.line_id, 0) + part.quantity
            lines = {
                line_id: replace(line, allocated=min(units.get(line_id, 0), line.open)) for line_id, line in order.lines.items()
            }
            return replace(order, locked=False, cancelling=None, reason=None, allocations=fact.allocations, lines=lines)


def _recalled(order: Order, fact: ev.OrderRecalled) -> Order:
    lines, shipments = dict(order.lines), dict(order.shipments)
    for stopped in fact.shipments:
        known = shipments.pop(stopped.shipment_id, None)
        for part in known.lines if known else ():
            line = lines[part.line_id]
            # A short pick that was recorded without its shipment is still among the shipment's units.
            lines[part.line_id] = replace(line, released=max(line.shipped, line.released - part.quantity))
    under_way = order.cancelling
    if under_way is not None:
        under_way = replace(under_way, stopped=under_way.stopped | {stopped.node_id for stopped in fact.shipments})
    recalled = {**order.recalled, **{stopped.shipment_id: stopped.node_id for stopped in fact.shipments}}
    return replace(order, lines=lines, shipments=shipments, recalled=recalled, cancelling=under_way)


def _without(lines: Mapping[str, Line], cancelled: Sequence[ev.LineQuantity]) -> dict[str, Line]:
    rest = dict(lines)
    for part in cancelled:
        line = rest[part.line_id]
        rest[part.line_id] = replace(line, cancelled=line.cancelled + part.quantity)
    return rest
