"""HTTP entry point for reading orders; its role can read and nothing else."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel, StringConstraints

from edge import clients
from edge.aggregates import Aggregates
from edge.auth import Rights
from edge.cursors import Cursors
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from edge.http import HttpFunction, etag, problems
from edge.settings import CursorSettings, FromEnvironment, ViewSettings, read
from hub.listing import OrderList, OrderQuery
from kernel.clock import SystemClock, parse_rfc3339, rfc3339
from kernel.errors import FieldError, Malformed
from kernel.ids import derived_id
from orders.domain import Order
from orders.domain import fold as fold_order
from orders.shapes import OrderOut, OrderStatus, PaymentStatus, order_out
from payments.domain import Payment
from payments.domain import fold as fold_payment

READ = Rights.of("orders/read", "operations", "approvers", "finance", "logistics", "auditors")
handler = HttpFunction()
app = handler.app
OrderId = Annotated[str, Path(min_length=1, max_length=64)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]


class ReadSettings(FromEnvironment):
    """Where the events are."""

    orders_table: str


@lru_cache(maxsize=1)
def _store() -> EventStore:
    return EventStore(clients.dynamodb(), read(ReadSettings).orders_table)


@lru_cache(maxsize=1)
def orders() -> Aggregates[Order]:
    """Orders, to read."""
    return Aggregates(_store(), RelayOnly(), SystemClock(), fold_order, "order", "ord")


@lru_cache(maxsize=1)
def payments() -> Aggregates[Payment]:
    """Payments, to read."""
    return Aggregates(_store(), RelayOnly(), SystemClock(), fold_payment, "payment", "pay")


@lru_cache(maxsize=1)
def listing() -> OrderList:
    """The lists."""
    cursors = Cursors(clients.secret(read(CursorSettings).cursor_key_secret))
    return OrderList(clients.dynamodb(), read(ViewSettings).views_table, cursors)


class OrderPage(BaseModel):
    """A page of orders, newest first, without their lines."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class TimelineEntry(BaseModel):
    """One event of the order: what, when, by whom."""

    sequence: int
    type: str
    time: str
    actor: dict[str, str]
    correlation_id: str
    data: dict[str, Any]


class Timeline(BaseModel):
    """All events of an order, in order."""

    items: list[TimelineEntry]
    next_cursor: Literal[None] = None


def _instant(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        # In a query string, an unescaped plus sign arrives as a blank.
        return rfc3339(parse_rfc3339(text.replace(" ", "+")))
    except ValueError:
        field = FieldError(f"/query/{name}", "invalid_time", "not an RFC 3339 time with an offset")
        raise Malformed("invalid_parameter", "A parameter is not acceptable.", (field,)) from None


@app.get("/v1/orders", summary="List orders", tags=["orders"], responses={200: {"description": "A page"}, **problems()})
@handler.needs(READ)
def list_orders(
    status: Annotated[OrderStatus | None, Query()] = None,
    channel: Annotated[Word | None, Query()] = None,
    customer_id: Annotated[Word | None, Query()] = None,
    external_id: Annotated[Word | None, Query()] = None,
    placed_from: Annotated[str | None, Query(max_length=40)] = None,
    placed_to: Annotated[str | None, Query(max_length=40)] = None,
    payment_status: Annotated[PaymentStatus | None, Query()] = None,
    cursor: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response[OrderPage]:
    """Orders, newest first, by any of the filters; the board follows the facts within moments.

    A page may have fewer orders than `limit`, even none, and still a `next_cursor`: it looks at a bounded number of orders.
    """
    query = OrderQuery(
        status,
        channel,
        customer_id,
        external_id,
        _instant("placed_from", placed_from),
        _instant("placed_to", placed_to),
        payment_status,
    )
    items, next_cursor = listing().page(query, limit, cursor)
    return Response(200, "application/json", OrderPage(items=items, next_cursor=next_cursor))


@app.get(
    "/v1/orders/<order_id>", summary="An order", tags=["orders"], responses={200: {"description": "The order"}, **problems(404)}
)
@handler.needs(READ)
def get_order(order_id: OrderId) -> Response[OrderOut]:
    """An order as it is, read from its events."""
    loaded = orders().load(order_id)
    payment = payments().find(derived_id("pay", order_id, "1"))
    status: PaymentStatus = payment.state.status if payment else "none"
    return Response(200, "application/json", order_out(loaded.state, loaded.version, status), {"ETag": etag(loaded.version)})


@app.get(
    "/v1/orders/<order_id>/timeline",
    summary="What happened to an order",
    tags=["orders"],
    responses={200: {"description": "The events"}, **problems(404)},
)
@handler.needs(READ)
def get_timeline(order_id: OrderId) -> Response[Timeline]:
    """Every event of the order, with who caused it."""
    entries = [
        TimelineEntry(
            sequence=event.sequence,
            type=event.detail_type,
            time=rfc3339(event.time),
            actor={"kind": event.cause.actor.kind, "id": event.cause.actor.id},
            correlation_id=event.cause.correlation_id,
            data=event.data.model_dump(mode="json", exclude_none=True),
        )
        for commit in orders().load(order_id).commits
        for event in commit.events
    ]
    return Response(200, "application/json", Timeline(items=entries))
