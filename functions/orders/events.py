"""The events of an order. Money is in minor units of the order's currency; personal data is masked."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kernel.contracts import EventData, contract, downcaster, upcaster
from orders.reasons import SourcingReasons  # noqa: TC001  # pydantic reads it at run time

_BOARD = ("board", "timeline")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(_Part):
    """A line as it was sold; discount and tax are of the whole line."""

    line_id: str
    sku: str
    quantity: int
    unit_price: int
    discount: int
    tax: int


class LineQuantity(_Part):
    """So many units of a line."""

    line_id: str
    quantity: int


class Customer(_Part):
    """Who ordered: their id in the clear, the rest masked; `vault_entry` of the order says where the clear is.

    `phone_country` is the country (ISO 3166-1 alpha-2) whose numbering plan the phone number belongs to.
    """

    id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    phone_country: str | None = None


class Location(_Part):
    """Degrees, rounded to a tenth (some 11 km): near enough to source by, too coarse to find a door."""

    lat: float
    lon: float


class ShipTo(_Part):
    """Where it goes, as coarse as sourcing and screening need it."""

    name: str
    phone: str | None = None
    city: str
    region: str | None = None
    postal_code: str
    country: str
    location: Location | None = None


class Delivery(_Part):
    """How it gets there. `node_id` is the store of a pickup, or the node that a shipment has to come from."""

    method: Literal["ship", "pickup"]
    node_id: str | None = None


class PaymentMethod(_Part):
    """What pays: the provider's token stands for the card, so that the hub never knows its number."""

    method: Literal["card"]
    token: str


class Allocation(_Part):
    """Units of a line that a node holds for the order."""

    line_id: str
    node_id: str
    quantity: int


HoldType = Literal["fraud", "compliance", "deposit", "payment", "address", "credit", "manual", "ai"]
Resolution = Literal["released", "rejected"]
Stage = Literal["received", "confirmed", "allocated", "released", "shipped", "delivered"]


class RuleReference(_Part):
    """The screening rule that placed a hold, and the version of the rule set that it was in."""

    id: str
    version: int


class PlannedShipment(_Part):
    """What one node sends."""

    shipment_id: str
    node_id: str
    lines: tuple[LineQuantity, ...]


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
    department: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    vault_entry: str
    promised_on: str | None = None
    """The day for which it was promised when it was sold."""


@upcaster("order.received", 1)
def _received_1_to_2(data: dict[str, object]) -> dict[str, object]:
    return {**data, "delivery": {"method": "ship"}}


@downcaster("order.received", 2)
def _received_2_to_1(data: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if name != "delivery"}


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
    """Somebody wants the order undone; it is locked while the saga compensates."""

    reason: str


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


@contract("order.lines_cancelled", 1, context="orders", trigger="units that cannot be had", consumers=_BOARD)
class OrderLinesCancelled(EventData):
    """Units of lines that will not be shipped, and why."""

    lines: tuple[LineQuantity, ...]
    reason: str


@contract("order.held", 1, context="orders", trigger="POST /v1/orders/{id}/holds, or screening", consumers=_BOARD)
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

    saga: Literal["fulfilment", "settlement", "cancellation"]
    step: str
    error: str


@contract("order.repair_resolved", 1, context="orders", trigger="the saga ended well", consumers=("repair queue", *_BOARD))
class RepairResolved(EventData):
    """The saga that waited in the repair queue has ended well."""

    saga: Literal["fulfilment", "settlement", "cancellation"]


@contract("order.overdue", 1, context="orders", trigger="the watch finds a fact missing", consumers=_BOARD)
class OrderOverdue(EventData):
    """Something that the order waits for did not come in time; the watch started its saga again."""

    awaiting: Literal["saga", "warehouse", "carrier"]
    times: int
