"""The shipment: a fold of facts from warehouse and carrier, and the arbiter between dispatch and recall."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from fulfilment import events as ev
from fulfilment import pickup
from fulfilment.state import FAR, Shipment
from kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel.contracts import EventData
    from kernel.events import Event

FactType = Literal["picked", "packed", "dispatched", "delivered", "short_picked", "lost", "ready_for_pickup", "picked_up"]


@dataclass(frozen=True, slots=True)
class Fact:
    """What a warehouse, store or carrier reports; `picked` has the units found, by line, of a short pick."""

    type: FactType
    occurred_at: str
    tracking: str | None = None
    picked: Mapping[str, int] | None = None
    code: str | None = None
    collect_by: str | None = None


def record(shipment: Shipment, fact: Fact) -> list[EventData]:
    """Record a fact. One that the shipment is past already decides nothing; one that cannot be true raises Conflict."""
    if shipment.status == "cancelled":
        raise Conflict("shipment_cancelled", "The shipment was recalled; it must not leave.", current_status="cancelled")
    if fact.type in (("dispatched", "delivered") if shipment.pickup else ("ready_for_pickup", "picked_up")):
        raise Conflict("other_delivery", "A pickup is collected, and nothing else is.", current_status=shipment.status)
    if shipment.held and fact.type in ("dispatched", "picked_up"):
        raise Conflict("on_hold", "The order is on hold; the parcel must not leave.", current_status=shipment.status)
    if shipment.status == "short_picked" and fact.type in ("picked", "packed", "dispatched"):
        raise Conflict("awaiting_decision", "The short pick waits for a decision.", current_status=shipment.status)
    if shipment.status == "planned" and fact.type != "lost":
        # The warehouse may be faster than our own note that it took the shipment: the note is made now.
        released = [ev.ShipmentReleased(order_id=shipment.order_id, node_id=shipment.node_id)]
        return [*released, *record(replace(shipment, status="released"), fact)]
    if shipment.status == "expired":
        raise Conflict("shipment_expired", "It was not collected in time, and was put back.", current_status="expired")
    if FAR[fact.type] <= FAR[shipment.status]:
        return []
    if fact.type in ("delivered", "lost") and not shipment.left:
        raise Conflict("not_dispatched", "A parcel arrives after it was dispatched.", current_status=shipment.status)
    return [_event(shipment, fact)]


def _event(shipment: Shipment, fact: Fact) -> EventData:
    common = {"order_id": shipment.order_id, "node_id": shipment.node_id, "occurred_at": fact.occurred_at}
    match fact.type:
        case "picked":
            return ev.ShipmentPicked.model_validate(common)
        case "packed":
            return ev.ShipmentPacked.model_validate(common)
        case "dispatched":
            return ev.ShipmentDispatched.model_validate({**common, "tracking": fact.tracking, "lines": shipment.lines})
        case "delivered":
            return ev.ShipmentDelivered.model_validate(common)
        case "ready_for_pickup":
            return pickup.ready(shipment, fact.occurred_at, fact.collect_by)
        case "picked_up":
            return pickup.pick_up(shipment, fact.occurred_at, fact.code)
        case "lost":
            return ev.ShipmentLost.model_validate(common)
        case "short_picked":
            return ev.ShipmentShortPicked.model_validate({**common, "missing": _missing(shipment, fact.picked or {})})


def _missing(shipment: Shipment, picked: Mapping[str, int]) -> tuple[ev.ShipmentLine, ...]:
    if unknown := set(picked) - {line.line_id for line in shipment.lines}:
        raise Invalid("unknown_line", f"The shipment has no such line; {len(unknown)} of those named are not its own.")
    missing = []
    for line in shipment.lines:
        short = line.quantity - picked.get(line.line_id, 0)
        if short < 0:
            raise Invalid("over_picked", "More was picked than was asked for.")
        if short:
            missing.append(line.model_copy(update={"quantity": short}))
    if not missing:
        raise Invalid("nothing_missing", "A short pick names what was found, and something has to be missing.")
    return tuple(missing)


def release(shipment: Shipment) -> list[EventData]:
    """Note that the warehouse took it."""
    if shipment.status != "planned":
        return []
    return [ev.ShipmentReleased(order_id=shipment.order_id, node_id=shipment.node_id)]


def resume(shipment: Shipment, lines: Sequence[ev.ShipmentLine]) -> list[EventData]:
    """Go on picking with these units, after a short pick. Deciding the same again decides nothing."""
    if shipment.status == "released" and shipment.lines == tuple(lines):
        return []
    if shipment.status != "short_picked":
        raise Conflict("not_short_picked", "Only a short pick waits for a decision.", current_status=shipment.status)
    wanted = {line.line_id: line.quantity for line in shipment.lines}
    if not lines or any(line.quantity < 1 or line.quantity > wanted.get(line.line_id, 0) for line in lines):
        raise Invalid("not_in_shipment", "Picking goes on with units that the shipment has.")
    return [ev.ShipmentResumed(order_id=shipment.order_id, node_id=shipment.node_id, lines=tuple(lines))]


def hold(shipment: Shipment) -> list[EventData]:
    """Keep it in its node. One that left or was recalled is not held; deciding it again decides nothing."""
    if shipment.held or shipment.left or shipment.status in ("cancelled", "expired"):
        return []
    return [ev.ShipmentHeld(order_id=shipment.order_id, node_id=shipment.node_id)]


def let_go(shipment: Shipment) -> list[EventData]:
    """Let it leave its node again. Deciding it again decides nothing."""
    if not shipment.held:
        return []
    return [ev.ShipmentLetGo(order_id=shipment.order_id, node_id=shipment.node_id)]


def cancel(shipment: Shipment, reason: str) -> list[EventData]:
    """Recall it. Raises Conflict where it left already. Deciding it again decides nothing."""
    if shipment.status in ("cancelled", "expired"):
        return []
    if shipment.left:
        raise Conflict("already_dispatched", "The shipment left its node.", current_status=shipment.status)
    return [ev.ShipmentCancelled(order_id=shipment.order_id, node_id=shipment.node_id, reason=reason)]


def fold(shipment: Shipment | None, event: Event) -> Shipment:  # noqa: C901  # one case an event
    """The shipment after one more event."""
    data = event.data
    match data:
        case ev.ShipmentPlanned():
            return Shipment(event.subject, data.order_id, data.node_id, "planned", data.lines, pickup=data.pickup)
        case ev.ShipmentCancelled():
            known = shipment or Shipment(event.subject, data.order_id, data.node_id, "cancelled")
            return replace(known, status="cancelled")
    if shipment is None:
        raise ValueError("a shipment begins with shipment.planned, or is cancelled before it")
    match data:
        case ev.ShipmentReleased():
            return replace(shipment, status="released")
        case ev.ShipmentPicked():
            return replace(shipment, status="picked")
        case ev.ShipmentPacked():
            return replace(shipment, status="packed")
        case ev.ShipmentShortPicked():
            return replace(shipment, status="short_picked", missing=data.missing)
        case ev.ShipmentResumed():
            return replace(shipment, status="released", lines=data.lines, missing=())
        case ev.ShipmentHeld():
            return replace(shipment, held=True)
        case ev.ShipmentLetGo():
            return replace(shipment, held=False)
        case ev.ShipmentDispatched():
            return replace(shipment, status="dispatched", tracking=data.tracking)
        case ev.ShipmentDelivered():
            return replace(shipment, status="delivered")
        case ev.ShipmentReadyForPickup():
            return replace(shipment, status="ready_for_pickup", collect_by=data.collect_by)
        case ev.PickupCodeIssued():
            return replace(shipment, code_hash=data.code_hash)
        case ev.ShipmentPickedUp():
            return replace(shipment, status="picked_up")
        case ev.ShipmentExpired():
            return replace(shipment, status="expired")
        case ev.ShipmentLost():
            return replace(shipment, status="lost")
        case _:
            raise ValueError(f"a shipment has no {data.event_type}")
