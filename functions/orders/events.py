"""The events of an order. Money is in minor units of the order's currency; personal data is masked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kernel.contracts import EventData, contract, downcaster, upcaster
from orders.parts import (
    Allocation,
    Customer,
    Delivery,
    HoldType,
    Line,
    LineQuantity,
    Location,
    PaymentMethod,
    PlannedShipment,
    RecalledShipment,
    Resolution,
    RuleReference,
    ShipTo,
    Stage,
)
from orders.reasons import SourcingReasons  # noqa: TC001  # pydantic reads it at run time

__all__ = [
    "Allocation",
    "Customer",
    "Delivery",
    "HoldType",
    "Line",
    "LineQuantity",
    "Location",
    "PaymentMethod",
    "PlannedShipment",
    "RecalledShipment",
    "Resolution",
    "RuleReference",
    "ShipTo",
    "Stage",
]
"""The parts, by the same name as the events that have them: `events.Line`."""

_BOARD = ("board", "timeline")
RepairedSaga = Literal["fulfilment", "settlement", "cancellation", "returns"]
"""Sagas that may end in the repair queue."""


@contract(
    "order.received",
    1,
    context="orders",
    trigger="POST /v1/orders committed, for who does not know delivery methods yet",
    consumers=("subscribers",),
    retire_after="2027-05-31",
)
class OrderReceivedV1(EventData):
    """The first form of order.received: every order was shipped from wherever there was stock."""

    channel: str
    external_id: str
    placed_at: str
    currency: str
    customer: Customer
    ship_to: ShipTo
    lines: tuple[Line, ...]
    shipping: int
    payment: PaymentMethod
    department: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    vault_entry: str


@contract(
    "order.received",
    2,
    context="orders",
    trigger="POST /v1/orders committed",
    consumers=("fulfilment saga", *_BOARD),
)
class OrderReceived(EventData):
    """A channel's order became a fact."""

    channel: str
    external_id: str
    placed_at: str
    currency: str
    customer: Customer
    ship_to: ShipTo
    delivery: Delivery
    lines: tuple[Line, ...]
    shipping: int
    payment: PaymentMethod
    """What pays the order; where several do, the one that takes the rest, else the last."""
    payments: tuple[PaymentMethod, ...] = ()
    """All that pay, in the order that the channel gave, where there are several."""
    department: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    vault_entry: str
    promised_on: str | None = None
    """The day for which it was promised when it was sold."""
    vault_order: str | None = None
    """The order under which the vault keeps the customer's data, where it is not this one."""
    exchange_of: str | None = None
    """The order whose return this one is exchanged for."""


@upcaster("order.received", 1)
def _received_1_to_2(data: dict[str, object]) -> dict[str, object]:
    return {**data, "delivery": {"method": "ship"}}


@downcaster("order.received", 2)
def _received_2_to_1(data: dict[str, object]) -> dict[str, object]:
    # Whatever the second version was given since, the first has only what it always had.
    return {name: value for name, value in data.items() if name in OrderReceivedV1.model_fields}


@contract("order.confirmed", 1, context="orders", trigger="screening and payment done", consumers=_BOARD)
class OrderConfirmed(EventData):
    """The order is sold: screened, its stock held, its payment authorised."""

    payment_id: str


@contract("order.allocated", 1, context="orders", trigger="the reservation became an allocation", consumers=_BOARD)
class OrderAllocated(EventData):
    """Every unit has a node; and why that node, and the days that were promised with it."""

    allocations: tuple[Allocation, ...]
    sourcing: SourcingReasons | None = None


@contract("order.released", 1, context="orders", trigger="the warehouse took the shipments", consumers=_BOARD)
class OrderReleased(EventData):
    """Shipments went out to the nodes that pick them."""

    shipments: tuple[PlannedShipment, ...]


@contract("order.shipped", 1, context="orders", trigger="a shipment was dispatched", consumers=_BOARD)
class OrderShipped(EventData):
    """A shipment of the order left its node."""

    shipment_id: str
    lines: tuple[LineQuantity, ...]


@contract("order.delivered", 1, context="orders", trigger="a shipment was delivered", consumers=_BOARD)
class OrderDelivered(EventData):
    """A shipment of the order reached the customer."""

    shipment_id: str
    lines: tuple[LineQuantity, ...]


@contract("order.completed", 1, context="orders", trigger="the last line delivered and paid", consumers=_BOARD)
class OrderCompleted(EventData):
    """Everything that is not cancelled was delivered and paid; `captured` is the whole payment."""

    captured: int


@contract("order.rejected", 1, context="orders", trigger="nothing to sell, or payment declined", consumers=_BOARD)
class OrderRejected(EventData):
    """The hub does not take the order: `code` is stable, `reason` a sentence."""

    code: str
    reason: str


@contract("order.cancelling", 1, context="orders", trigger="POST /v1/orders/{id}/cancel", consumers=("cancellation saga", *_BOARD))
class OrderCancelling(EventData):
    """Somebody wants the order undone, or, with `lines`, so much of it; it is locked while the saga compensates."""

    reason: str
    lines: tuple[LineQuantity, ...] | None = None


@contract("order.cancelled", 1, context="orders", trigger="everything done was undone", consumers=_BOARD)
class OrderCancelled(EventData):
    """The order is undone: stock given back, money voided or refunded."""

    reason: str


@contract(
    "order.cancel_declined",
    1,
    context="orders",
    trigger="the warehouse was faster",
    consumers=("settlement saga", *_BOARD),
)
class OrderCancelDeclined(EventData):
    """The order goes on: these shipments had left their node before the recall arrived."""

    reason: str
    shipment_ids: tuple[str, ...] = ()


@contract("order.recalled", 1, context="orders", trigger="the warehouse stopped shipments for a cancellation", consumers=_BOARD)
class OrderRecalled(EventData):
    """These shipments stay where they are; what of them is still wanted goes out again, as other shipments."""

    shipments: tuple[RecalledShipment, ...]


@contract(
    "order.cancel_settled",
    1,
    context="orders",
    trigger="a part of the order was cancelled, and its stock given back",
    consumers=("fulfilment saga", *_BOARD),
)
class OrderCancelSettled(EventData):
    """The order goes on with the rest: what its nodes still hold for it, or have sent, and its shipments.

    With `to_release` some of it has to be handed to the warehouses again; without, only parcels are left to follow.
    """

    allocations: tuple[Allocation, ...]
    shipment_ids: tuple[str, ...]
    to_release: bool


@contract("order.lines_cancelled", 1, context="orders", trigger="units that cannot be had", consumers=_BOARD)
class OrderLinesCancelled(EventData):
    """Units of lines that will not be shipped, and why; of which shipment and for which incident, where they were not found."""

    lines: tuple[LineQuantity, ...]
    reason: str
    shipment_id: str | None = None
    incident_id: str | None = None


@contract(
    "order.held",
    1,
    context="orders",
    trigger="POST /v1/orders/{id}/holds, or screening",
    consumers=("fulfilment saga", *_BOARD),
)
class OrderHeld(EventData):
    """The order is stopped: what kind of hold, on which line if on one, and why; `progress` is how far the order was."""

    hold_id: str
    type: HoldType
    line_id: str | None = None
    reason: str
    expires_at: str | None = None
    on_expiry: Resolution | None = None
    rule: RuleReference | None = None
    progress: Stage


@contract(
    "order.hold_released",
    1,
    context="orders",
    trigger="POST /v1/orders/{id}/holds/{hold_id}/release, or the hold's expiry",
    consumers=("fulfilment saga", *_BOARD),
)
class OrderHoldReleased(EventData):
    """A hold stops the order no longer. `resumes` is where the order goes on, after its last open hold only."""

    hold_id: str
    reason: str
    resumes: Stage | None = None


@contract(
    "order.hold_rejected",
    1,
    context="orders",
    trigger="POST /v1/orders/{id}/holds/{hold_id}/reject, or the hold's expiry",
    consumers=_BOARD,
)
class OrderHoldRejected(EventData):
    """The suspicion was right: the order is undone, which order.cancelling starts in the same commit."""

    hold_id: str
    reason: str


@contract("order.repair_opened", 1, context="orders", trigger="a saga step kept failing", consumers=("repair queue", *_BOARD))
class RepairOpened(EventData):
    """A saga could not finish and waits for people: which, at which step, why."""

    saga: RepairedSaga
    step: str
    error: str
    return_id: str | None = None


@contract("order.repair_resolved", 1, context="orders", trigger="the saga ended well", consumers=("repair queue", *_BOARD))
class RepairResolved(EventData):
    """The saga that waited in the repair queue has ended well."""

    saga: RepairedSaga
    return_id: str | None = None


@contract("order.overdue", 1, context="orders", trigger="the watch finds a fact missing", consumers=_BOARD)
class OrderOverdue(EventData):
    """Something that the order waits for did not come in time; the watch started its saga again."""

    awaiting: Literal["saga", "warehouse", "carrier"]
    times: int


@contract("order.ready_for_pickup", 1, context="orders", trigger="the store has it ready", consumers=_BOARD)
class OrderReadyForPickup(EventData):
    """The customer may collect it until `collect_by`; after that the store puts it back and the order is cancelled."""

    shipment_id: str
    collect_by: str
