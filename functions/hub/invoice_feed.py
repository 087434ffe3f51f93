"""What invoicing hears: money was captured or refunded. It is the hub's, because a document shows what orders and returns know."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge.aggregates import Command
from edge.queue_events import Message, answer_each
from edge.wiring import aggregates, event_store, lane
from hub import contexts
from invoicing.billing import Charge, Sale
from invoicing.domain import Movement
from invoicing.events import Customer
from invoicing.policy import POLICY
from invoicing.service import Invoicing
from kernel.clock import SystemClock
from kernel.events import Actor, Cause
from kernel.money import Money
from kernel.units import Units
from orders import events as orders_ev
from orders.domain import fold as fold_order
from returns.domain import fold as fold_return

if TYPE_CHECKING:
    from edge.aggregates import Aggregates, Loaded
    from orders.domain import Order
    from returns.domain import Return

contexts.declare()
FEEDS = ("payment.captured.v1", "payment.refunded.v1")
"""The facts that documents follow from."""


@lru_cache(maxsize=1)
def orders() -> Aggregates[Order]:
    """Orders, to read."""
    return aggregates(fold_order, "order", "ord")


@lru_cache(maxsize=1)
def returns() -> Aggregates[Return]:
    """Returns, to read."""
    return aggregates(fold_return, "return", "rma")


@lru_cache(maxsize=1)
def invoicing() -> Invoicing:
    """The service, wired once."""
    return Invoicing(event_store(), lane(), SystemClock(), POLICY)


def sale_of(loaded: Loaded[Order]) -> Sale:
    """An order as invoicing sees it: every unit that left, in the order in which they left, and the shipping with the first."""
    order, received = loaded.state, loaded.state.received
    charges: list[Charge] = []
    left: dict[str, int] = {}
    for commit in loaded.commits:
        for event in commit.events:
            if isinstance(event.data, orders_ev.OrderShipped):
                charges += _shipped(order, event.data, left, first=not charges)
    return Sale(
        order_id=order.id,
        external_id=received.external_id,
        channel=received.channel,
        currency=order.currency,
        customer=Customer(
            id=received.customer.id,
            name=received.ship_to.name,
            city=received.ship_to.city,
            region=received.ship_to.region,
            postal_code=received.ship_to.postal_code,
            country=received.ship_to.country,
        ),
        charges=tuple(charges),
    )


def _shipped(order: Order, shipped: orders_ev.OrderShipped, left: dict[str, int], *, first: bool) -> list[Charge]:
    charges = []
    if first and order.received.shipping:
        cost = order.received.shipping
        charges.append(Charge("shipping", cost, unit_price=cost, shipment_id=shipped.shipment_id))
    for part in shipped.lines:
        line, before = order.lines[part.line_id], left.get(part.line_id, 0)
        units = Units.of([(before + 1, before + part.quantity)])
        left[part.line_id] = before + part.quantity

        def share(whole: int, units: Units = units, sold: int = line.quantity) -> int:
            return units.price(Money(whole, order.currency), sold).amount

        charges.append(
            Charge(
                "goods",
                share(line.total),
                tax=share(line.tax),
                quantity=part.quantity,
                unit_price=line.unit_price,
                discount=share(line.discount),
                line_id=line.line_id,
                sku=line.sku,
                shipment_id=shipped.shipment_id,
            )
        )
    return charges


def returned(rma: Return, order: Order) -> list[Charge]:
    """What a return gives back, line by line, fees taken off."""
    if rma.refund is None:
        return []
    charges = [
        Charge(
            "goods",
            part.amount - part.fee,
            tax=part.tax,
            quantity=part.quantity,
            unit_price=order.lines[part.line_id].unit_price,
            discount=order.lines[part.line_id].unit_price * part.quantity - (part.amount - part.tax),
            fee=part.fee,
            line_id=part.line_id,
            sku=part.sku,
        )
        for part in rma.refund.parts
    ]
    if rma.refund.shipping:
        charges.append(Charge("shipping", rma.refund.shipping, unit_price=rma.refund.shipping))
    return charges


def document(message: Message) -> None:
    """Issue the documents of a movement of money; a repeated event finds them issued. Raises Busy."""
    loaded = orders().load(message.order_id)
    data = message.data
    movement = Movement(
        message.id, data.get("payment_id") or message.subject, data["amount"], data.get("intent"), data.get("purpose") or "refund"
    )
    cause = Cause(Actor("rule", "invoicing"), message.correlation_id, message.id, message.traceparent)
    if message.type.startswith("payment.captured"):
        invoicing().invoice(sale_of(loaded), movement, Command("issue-invoices", cause))
        return
    rma = returns().find(movement.intent) if movement.intent else None
    charges = returned(rma.state, loaded.state) if rma else []
    invoicing().credit(sale_of(loaded), movement, charges, Command("issue-credit-note", cause))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Issue the documents of a batch of events."""
    return answer_each(event, document)
