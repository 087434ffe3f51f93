"""The events of a shipment. Quantities are units."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kernel.contracts import EventData, contract

_BOARD = ("board", "timeline")


class ShipmentLine(BaseModel):
    """Units of an order's line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line_id: str
    sku: str
    quantity: int


class _OfOrder(EventData):
    order_id: str
    node_id: str


@contract("shipment.planned", 1, context="fulfilment", trigger="the fulfilment saga releases an order", consumers=_BOARD)
class ShipmentPlanned(_OfOrder):
    """A node is going to send these units, or to keep them for somebody who picks them up."""

    lines: tuple[ShipmentLine, ...]
    pickup: bool = False


@contract("shipment.released", 1, context="fulfilment", trigger="the warehouse took it", consumers=_BOARD)
class ShipmentReleased(_OfOrder):
    """The node has the shipment on its list."""


@contract("shipment.picked", 1, context="fulfilment", trigger="the warehouse's fact", consumers=_BOARD)
class ShipmentPicked(_OfOrder):
    """All units are picked."""

    occurred_at: str


@contract("shipment.packed", 1, context="fulfilment", trigger="the warehouse's fact", consumers=_BOARD)
class ShipmentPacked(_OfOrder):
    """The parcel is closed."""

    occurred_at: str


@contract("shipment.held", 1, context="fulfilment", trigger="a hold on its order", consumers=_BOARD)
class ShipmentHeld(_OfOrder):
    """It must not leave its node while somebody decides about its order; picking and packing may go on."""


@contract("shipment.let_go", 1, context="fulfilment", trigger="the last hold on its order was released", consumers=_BOARD)
class ShipmentLetGo(_OfOrder):
    """It may leave its node again."""


@contract("shipment.dispatched", 1, context="fulfilment", trigger="the warehouse's fact", consumers=("settlement saga", *_BOARD))
class ShipmentDispatched(_OfOrder):
    """The parcel left the node; from here on it cannot be recalled."""

    occurred_at: str
    tracking: str | None = None
    lines: tuple[ShipmentLine, ...]


@contract("shipment.delivered", 1, context="fulfilment", trigger="the carrier's fact", consumers=("settlement saga", *_BOARD))
class ShipmentDelivered(_OfOrder):
    """The parcel reached the customer."""

    occurred_at: str


@contract("shipment.short_picked", 1, context="fulfilment", trigger="the warehouse's fact", consumers=("remediation", *_BOARD))
class ShipmentShortPicked(_OfOrder):
    """The node does not find all units: what is missing; picking waits for a decision."""

    occurred_at: str
    missing: tuple[ShipmentLine, ...]


@contract("shipment.resumed", 1, context="fulfilment", trigger="a decision about a short pick", consumers=_BOARD)
class ShipmentResumed(_OfOrder):
    """Picking goes on with these units."""

    lines: tuple[ShipmentLine, ...]


@contract("shipment.cancelled", 1, context="fulfilment", trigger="the cancellation saga recalls it", consumers=_BOARD)
class ShipmentCancelled(_OfOrder):
    """The shipment will not leave the node; it may be cancelled before it was ever planned."""

    reason: str


@contract("shipment.lost", 1, context="fulfilment", trigger="the carrier's fact", consumers=_BOARD)
class ShipmentLost(_OfOrder):
    """The carrier cannot find the parcel."""

    occurred_at: str


@contract("shipment.ready_for_pickup", 1, context="fulfilment", trigger="the store's fact", consumers=("settlement saga", *_BOARD))
class ShipmentReadyForPickup(_OfOrder):
    """The store keeps it for the customer until `collect_by`."""

    occurred_at: str
    collect_by: str


@contract("shipment.pickup_code_issued", 1, context="fulfilment", trigger="the channel asks for the code", consumers=_BOARD)
class PickupCodeIssued(_OfOrder):
    """The customer has a new code; an earlier one opens nothing any more. What is kept is a hash of it."""

    code_hash: str


@contract("shipment.picked_up", 1, context="fulfilment", trigger="the store's fact", consumers=("settlement saga", *_BOARD))
class ShipmentPickedUp(_OfOrder):
    """The customer has it."""

    occurred_at: str


@contract("shipment.expired", 1, context="fulfilment", trigger="nobody collected it in time", consumers=_BOARD)
class ShipmentExpired(_OfOrder):
    """The store puts it back: it was not collected in time."""

    collect_by: str
