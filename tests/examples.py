"""Orders for tests: a body as a channel sends it, and the fact that it becomes."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

from kernel.contracts import EventData
from kernel.events import Actor, Cause, Event
from kernel.ids import derived_id
from orders import domain
from orders import events as ev

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CAUSE = Cause(Actor("person", "somebody"), "req_test")
ORDER_ID = "ord_" + "0" * 32


def money(amount: int, currency: str = "USD") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def line(sku: str = "SKU-1", quantity: int = 2, price: int = 500, discount: int = 0) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "unit_price": money(price), "discount": money(discount), "tax": money(0)}


_BODY: dict[str, Any] = {
    "channel": "web",
    "external_id": "A-1",
    "placed_at": "2026-11-23T10:00:00.000Z",
    "currency": "USD",
    "customer": {"id": "cus_1", "name": "Ada Canary", "email": "canary@example.com", "phone": "+12015550123"},
    "ship_to": {
        "name": "Ada Canary",
        "phone": "+12015550123",
        "line1": "1 Canary Street",
        "line2": None,
        "city": "Hoboken",
        "region": "NJ",
        "postal_code": "07030",
        "country": "US",
        "location": {"lat": 40.7441, "lon": -74.0324},
    },
    "delivery": {"method": "ship"},
    "lines": [line()],
    "shipping": money(300),
    "payment": {"method": "card", "token": "tok_ok"},
    "department": "ecommerce",
    "tags": {},
}


def body(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(_BODY), **changes}


def received(lines: tuple[ev.Line, ...], shipping: int = 300) -> ev.OrderReceived:
    return ev.OrderReceived(
        channel="web",
        external_id="A-1",
        placed_at="2026-11-23T10:00:00.000Z",
        currency="USD",
        customer=ev.Customer(id="cus_1"),
        ship_to=ev.ShipTo(name="A***", city="Hoboken", postal_code="07***", country="US"),
        delivery=ev.Delivery(method="ship"),
        lines=lines,
        shipping=shipping,
        payment=ev.PaymentMethod(method="card", token="tok_ok"),
        vault_entry="entry",
    )


def event(data: EventData, sequence: int, subject: str = ORDER_ID) -> Event:
    return Event(derived_id("evt", subject, str(sequence)), subject, sequence, NOW, data, CAUSE)


def folded(*events: EventData) -> domain.Order:
    state: domain.Order | None = None
    for sequence, data in enumerate(events, start=1):
        state = domain.fold(state, event(data, sequence))
    assert state is not None
    return state
