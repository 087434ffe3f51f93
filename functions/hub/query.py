"""HTTP entry point for reading orders; its role can read and nothing else."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

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
from hub import contexts
from hub.listing import OrderList, OrderQuery
from hub.payment_shapes import PaymentsOut, payments_out
from hub.timeline import Audit, AuditEntry, Timeline, audit, timeline
from kernel.clock import SystemClock, parse_rfc3339, rfc3339
from kernel.errors import FieldError, Malformed
from orders.domain import Order
from orders.domain import fold as fold_order
from orders.shapes import OrderOut, OrderStatus, PaymentStatus, order_out
from payments.domain import payment_id_of
from payments.ledger import Ledger
from payments.ledger import fold as fold_ledger

contexts.declare()
READ = Rights.of("orders/read", "operations", "approvers", "finance", "logistics", "auditors")
MONEY = Rights.of(None, "operations", "finance", "auditors")
AUDIT = Rights.of(None, "operations", "auditors")
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
def ledgers() -> Aggregates[Ledger]:
    """Payment ledgers, to read."""
    return Aggregates(_store(), RelayOnly(), SystemClock(), fold_ledger, "payment", "pay")


@lru_cache(maxsize=1)
def cursors() -> Cursors:
    """What signs where a page ended."""
    return Cursors(clients.secret(read(CursorSettings).cursor_key_secret))


@lru_cache(maxsize=1)
def listing() -> OrderList:
    """The lists."""
    return OrderList(clients.dynamodb(), read(ViewSettings).views_table, cursors())


class OrderPage(BaseModel):
    """A page of orders, newest first, without their lines."""

    items: list[dict[str, Any]]
    next_cursor: str | None


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
    ledger = ledgers().find(payment_id_of(order_id))
    status: PaymentStatus = ledger.state.status if ledger else "none"
    return Response(200, "application/json", order_out(loaded.state, loaded.version, status), {"ETag": etag(loaded.version)})


Cursor = Annotated[str | None, Query(min_length=1, max_length=1024)]
Limit = Annotated[int, Query(ge=1, le=200)]


@app.get(
    "/v1/orders/<order_id>/timeline",
    summary="What happened to an order",
    tags=["orders"],
    responses={200: {"description": "A page of the events"}, **problems(404)},
)
@handler.needs(READ)
def get_timeline(order_id: OrderId, cursor: Cursor = None, limit: Limit = 50) -> Response[Timeline]:
    """Every event of the order in order: who caused it, by which command, why, and what it changed."""
    bound: dict[str, str | None] = {"timeline": order_id}
    after = int(cursors().open(cursor, bound)["after"]) if cursor else 0
    loaded = orders().load(order_id)
    entries = timeline(loaded.commits, after, limit)
    more = bool(entries) and entries[-1].sequence < loaded.version
    following = cursors().seal({"after": str(entries[-1].sequence)}, bound) if more else None
    return Response(200, "application/json", Timeline(items=entries, next_cursor=following))


@app.get(
    "/v1/orders/<order_id>/audit",
    summary="Everything that happened about an order",
    tags=["orders"],
    responses={200: {"description": "A page of the events"}, **problems(404)},
)
@handler.needs(AUDIT)
def get_audit(order_id: OrderId, cursor: Cursor = None, limit: Limit = 50) -> Response[Audit]:
    """The events of the order, its payments, shipments and returns, merged by time; one of another subject changes no order."""
    bound: dict[str, str | None] = {"audit": order_id}
    after = cursors().open(cursor, bound)["after"] if cursor else ""
    loaded = orders().load(order_id)
    entries = audit(loaded.commits, [commit for subject in _about(loaded.state) for commit in _store().commits(subject)])
    rest = [entry for entry in entries if _place(entry) > after]
    following = cursors().seal({"after": _place(rest[limit - 1])}, bound) if len(rest) > limit else None
    return Response(200, "application/json", Audit(items=rest[:limit], next_cursor=following))


@app.get(
    "/v1/orders/<order_id>/payments",
    summary="An order's payments",
    tags=["payments"],
    responses={200: {"description": "Its payments, and every entry of their ledger"}, **problems(404)},
)
@handler.needs(MONEY)
def get_payments(order_id: OrderId) -> Response[PaymentsOut]:
    """What was authorised, captured, given back and disputed, payment by payment, and what was asked and answered."""
    loaded = ledgers().load(payment_id_of(order_id))
    return Response(200, "application/json", payments_out(loaded.state, loaded.commits), {"ETag": etag(loaded.version)})


def _about(order: Order) -> list[str]:
    """The payment ledger, the shipments and the returns of an order."""
    return [payment_id_of(order.id), *order.shipments, *order.returns]


def _place(entry: AuditEntry) -> str:
    return f"{entry.time}#{entry.subject}#{entry.sequence:09}"
