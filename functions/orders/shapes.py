"""Orders as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from kernel.clock import rfc3339

if TYPE_CHECKING:
    from orders.domain import Line, Order

OrderStatus = Literal[
    "received",
    "on_hold",
    "confirmed",
    "allocated",
    "released",
    "shipped",
    "delivered",
    "completed",
    "cancelling",
    "cancelled",
    "rejected",
]
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


class RepairOut(BaseModel):
    """A saga that waits for people."""

    saga: str
    step: str
    error: str


class OrderOut(BaseModel):
    """An order. Personal fields are masked."""

    id: str
    status: OrderStatus
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
    holds: list[dict[str, Any]]
    shipments: list[ShipmentOut]
    repairs: list[RepairOut]
    reason: str | None
    department: str | None
    tags: dict[str, str]
    links: dict[str, str]


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
        version=version,
        channel=received.channel,
        external_id=received.external_id,
        placed_at=received.placed_at,
        received_at=rfc3339(order.received_at),
        changed_at=rfc3339(order.changed_at),
        currency=currency,
        customer=received.customer.model_dump(mode="json", exclude_none=True),
        ship_to=received.ship_to.model_dump(mode="json", exclude_none=True),
        delivery=received.delivery.model_dump(mode="json", exclude_none=True),
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
        holds=[],
        shipments=[ShipmentOut(shipment_id=s.shipment_id, node_id=s.node_id, status=s.status) for s in order.shipments.values()],
        repairs=[RepairOut(saga=r.saga, step=r.step, error=r.error) for r in order.repairs.values()],
        reason=order.reason,
        department=received.department,
        tags=received.tags,
        links={
            "self": f"/v1/orders/{order.id}",
            "timeline": f"/v1/orders/{order.id}/timeline",
            "cancel": f"/v1/orders/{order.id}/cancel",
        },
    )
