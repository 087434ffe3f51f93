"""Orders as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from kernel.clock import rfc3339
from orders.events import HoldType, Resolution
from orders.lifecycle import Status as OrderStatus
from orders.state import Progress

if TYPE_CHECKING:
    from kernel.events import Actor
    from orders.domain import Hold, Line, Order

__all__ = ["HeldOut", "OrderOut", "OrderStatus", "PaymentStatus", "held_out", "order_out"]


PaymentStatus = Literal["none", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "overcharged", "voided"]


class MoneyOut(BaseModel):
    """Integer minor units with an ISO 4217 code."""

    amount: int
    currency: str


class LineOut(BaseModel):
    """A line with its prices and counters; all counters are units."""

    line_id: str
    sku: str
    quantity: int
    unit_price: MoneyOut
    discount: MoneyOut
    tax: MoneyOut
    ordered: int
    cancelled: int
    allocated: int
    released: int
    shipped: int
    delivered: int
    return_requested: int
    returned: int
    refunded: int


class TotalsOut(BaseModel):
    """What the order costs: items before discount, and grand = items − discount + tax + shipping."""

    items: MoneyOut
    discount: MoneyOut
    tax: MoneyOut
    shipping: MoneyOut
    grand: MoneyOut


class ShipmentOut(BaseModel):
    """A shipment of the order; GET its link for all of it."""

    shipment_id: str
    node_id: str
    status: str


class ActorOut(BaseModel):
    """Who: a person or machine by its opaque id, a saga or rule by its name."""

    kind: str
    id: str


class HoldOut(BaseModel):
    """A hold. While any is `open` the order is on hold; `reason` is why it was placed, `resolution_reason` why it ended."""

    hold_id: str
    type: HoldType
    scope: Literal["order", "line"]
    line_id: str | None
    reason: str
    rule: str | None
    placed_by: ActorOut
    placed_at: str
    expires_at: str | None
    on_expiry: Resolution | None
    state: Literal["open", "released", "rejected"]
    resolved_by: ActorOut | None
    resolved_at: str | None
    resolution_reason: str | None


class PromisedParcelOut(BaseModel):
    """What one node sends, when it leaves, and when it arrives; days without a time."""

    node_id: str
    units: int
    ship_on: str
    deliver_on: str


class PromiseOut(BaseModel):
    """When it comes: the day that it was sold with, if any; and once it is allocated, the last parcel's day and every parcel."""

    sold_with: str | None
    deliver_on: str | None
    parcels: list[PromisedParcelOut]


class RepairOut(BaseModel):
    """A saga that waits for people."""

    saga: str
    step: str
    error: str


class OrderOut(BaseModel):
    """An order. Personal fields are masked. `progress` is how far its lines are, whatever stands in its way."""

    id: str
    status: OrderStatus
    progress: Progress
    version: int
    channel: str
    external_id: str
    placed_at: str
    received_at: str
    changed_at: str
    currency: str
    customer: dict[str, Any]
    ship_to: dict[str, Any]
    delivery: dict[str, Any]
    lines: list[LineOut]
    totals: TotalsOut
    payment_status: PaymentStatus
    payment_id: str | None
    holds: list[HoldOut]
    shipments: list[ShipmentOut]
    promise: PromiseOut | None
    repairs: list[RepairOut]
    reason: str | None
    department: str | None
    tags: dict[str, str]
    exchange_of: str | None
    links: dict[str, str]


class HeldOut(OrderOut):
    """The order that was held, and the id of the hold."""

    hold_id: str


def _actor_out(actor: Actor) -> ActorOut:
    return ActorOut(kind=actor.kind, id=actor.id)


def _hold_out(hold: Hold) -> HoldOut:
    how = hold.resolved
    return HoldOut(
        hold_id=hold.hold_id,
        type=hold.type,
        scope="order" if hold.line_id is None else "line",
        line_id=hold.line_id,
        reason=hold.reason,
        rule=hold.rule.id if hold.rule else None,
        placed_by=_actor_out(hold.placed_by),
        placed_at=rfc3339(hold.placed_at),
        expires_at=rfc3339(hold.expires_at) if hold.expires_at else None,
        on_expiry=hold.on_expiry,
        state=hold.state,
        resolved_by=_actor_out(how.by) if how else None,
        resolved_at=rfc3339(how.at) if how else None,
        resolution_reason=how.reason if how else None,
    )


def held_out(order: Order, version: int, hold_id: str) -> HeldOut:
    """An order at a version with the hold that was just placed on it."""
    return HeldOut(**dict(order_out(order, version)), hold_id=hold_id)


def order_out(order: Order, version: int, payment_status: PaymentStatus = "none") -> OrderOut:
    """An order at a version, as clients see it."""
    received, currency = order.received, order.currency

    def money(amount: int) -> MoneyOut:
        return MoneyOut(amount=amount, currency=currency)

    def line_out(line: Line) -> LineOut:
        return LineOut(
            line_id=line.line_id,
            sku=line.sku,
            quantity=line.quantity,
            unit_price=money(line.unit_price),
            discount=money(line.discount),
            tax=money(line.tax),
            ordered=line.quantity,
            cancelled=line.cancelled,
            allocated=line.allocated,
            released=line.released,
            shipped=line.shipped,
            delivered=line.delivered,
            return_requested=line.return_requested,
            returned=line.returned,
            refunded=line.refunded,
        )

    lines = list(order.lines.values())
    return OrderOut(
        id=order.id,
        status=order.status,
        progress=order.line_progress,
        version=version,
        channel=received.channel,
        external_id=received.external_id,
        placed_at=received.placed_at,
        received_at=rfc3339(order.received_at),
        changed_at=rfc3339(order.changed_at),
        currency=currency,
        customer=received.customer.model_dump(mode="json", exclude_none=True),
        ship_to=order.destination.ship_to.model_dump(mode="json", exclude_none=True),
        delivery=order.destination.delivery.model_dump(mode="json", exclude_none=True),
        lines=[line_out(line) for line in lines],
        totals=TotalsOut(
            items=money(sum(line.unit_price * line.quantity for line in lines)),
            discount=money(sum(line.discount for line in lines)),
            tax=money(sum(line.tax for line in lines)),
            shipping=money(received.shipping),
            grand=money(order.grand_total.amount),
        ),
        payment_status=payment_status,
        payment_id=order.payment_id,
        holds=[_hold_out(hold) for hold in order.holds.values()],
        shipments=[ShipmentOut(shipment_id=s.shipment_id, node_id=s.node_id, status=s.status) for s in order.shipments.values()],
        promise=_promise(order),
        repairs=[RepairOut(saga=r.saga, step=r.step, error=r.error) for r in order.repairs.values()],
        reason=order.reason,
        department=received.department,
        tags=received.tags,
        exchange_of=received.exchange_of,
        links={
            "self": f"/v1/orders/{order.id}",
            "timeline": f"/v1/orders/{order.id}/timeline",
            "cancel": f"/v1/orders/{order.id}/cancel",
            "edits": f"/v1/orders/{order.id}/edits",
            "holds": f"/v1/orders/{order.id}/holds",
            "returns": f"/v1/orders/{order.id}/returns",
        },
    )


def _promise(order: Order) -> PromiseOut | None:
    sold_with, known = order.received.promised_on, order.sourcing.parcels if order.sourcing else ()
    if sold_with is None and not known:
        return None
    parcels = [PromisedParcelOut.model_validate(parcel, from_attributes=True) for parcel in known]
    return PromiseOut(sold_with=sold_with, deliver_on=max((p.deliver_on for p in parcels), default=None), parcels=parcels)
