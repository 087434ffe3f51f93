"""HTTP entry point of the hub itself: the repair queue and the event catalog."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel

from edge import clients
from edge.auth import Rights
from edge.cursors import Cursors
from edge.http import HttpFunction, IdempotencyKey, problems
from edge.pages import Pages
from edge.settings import CursorSettings, ViewSettings, read
from edge.wiring import aggregates
from hub import catalog
from hub.board_items import BoardItems
from hub.starter import sagas
from hub.watch import restart
from kernel.errors import Conflict, NotFound
from kernel.ids import new_id
from orders.domain import Order, fold

LOOK = Rights.of("orders/read", "operations", "auditors")
MEND = Rights.of(None, "operations")
ANYBODY = Rights.of("orders/read", "operations", "approvers", "finance", "logistics", "auditors")
handler = HttpFunction()
app = handler.app


class RepairEntry(BaseModel):
    """An order whose saga could not finish, and why."""

    order_id: str
    status: str
    opened_at: str
    repairs: list[dict[str, str]]
    links: dict[str, str]


class RepairPage(BaseModel):
    """Repairs, oldest first."""

    items: list[RepairEntry]
    next_cursor: str | None


class Retried(BaseModel):
    """Which saga was started again."""

    order_id: str
    saga: str


class CatalogPage(BaseModel):
    """Every event that the hub tells."""

    items: list[dict[str, Any]]
    next_cursor: str | None = None


@lru_cache(maxsize=1)
def pages() -> Pages:
    """The lists."""
    cursors = Cursors(clients.secret(read(CursorSettings).cursor_key_secret))
    return Pages(clients.dynamodb(), read(ViewSettings).views_table, cursors)


@lru_cache(maxsize=1)
def board_items() -> BoardItems:
    """What the board shows of orders."""
    return BoardItems(clients.dynamodb(), read(ViewSettings).views_table)


@app.get("/v1/repairs", summary="The repair queue", tags=["operations"], responses={200: {"description": "A page"}, **problems()})
@handler.needs(LOOK)
def list_repairs(
    cursor: Annotated[str | None, Query(min_length=1, max_length=1024)] = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> Response[RepairPage]:
    """Orders whose saga could not finish, oldest first."""
    keys, following = pages().read("by_due", "repair", limit, cursor, newest_first=False)
    items = board_items().many(key["pk"]["S"] for key in keys)
    entries = []
    for key in keys:
        order_id = key["pk"]["S"]
        order = json.loads(items[order_id]["order"]["S"]) if order_id in items else {"repairs": []}
        # The index follows the item within moments: an order that was repaired just now is in the queue no more.
        if order["repairs"]:
            links = {"order": f"/v1/orders/{order_id}", "retry": f"/v1/repairs/{order_id}/retry"}
            opened_at = key["gsi_due_sk"]["S"].split("#")[0]
            entries.append(
                RepairEntry(order_id=order_id, status=order["status"], opened_at=opened_at, repairs=order["repairs"], links=links)
            )
    return Response(200, "application/json", RepairPage(items=entries, next_cursor=following))


@app.post(
    "/v1/repairs/<order_id>/retry",
    summary="Try a repair again",
    tags=["operations"],
    status_code=202,
    responses={202: {"description": "Its saga was started again"}, **problems(404, 409)},
)
@handler.needs(MEND)
def retry_repair(order_id: Annotated[str, Path(min_length=1, max_length=64)], idempotency_key: IdempotencyKey) -> Response[Retried]:
    """Start the saga of an order in the repair queue again; it takes the order out of the queue when it ends well."""
    request = handler.request()
    orders = aggregates(fold, "order", "ord")
    order: Order = orders.load(order_id).state
    if not order.repairs:
        raise Conflict("not_in_repair", "The order is not in the repair queue.", current_status=order.status)
    if not order.moves and not order.ended:
        raise Conflict("on_hold", "The order waits for a hold to be resolved.", current_status=order.status)
    saga = restart(sagas(), order, f"r{new_id('try')[4:20]}", request.cause.correlation_id)
    if saga is None:
        raise NotFound("nothing_to_retry", "Nothing is owed to the order any more.")
    return Response(202, "application/json", Retried(order_id=order_id, saga=saga))


@app.get(
    "/v1/events/catalog", summary="The event catalog", tags=["events"], responses={200: {"description": "All events"}, **problems()}
)
@handler.needs(ANYBODY)
def get_catalog() -> Response[CatalogPage]:
    """Every event: its type, trigger, producer, consumers and schema."""
    return Response(200, "application/json", CatalogPage(items=catalog.catalog()))


@app.get(
    "/v1/events/schemas/<type>/<version>",
    summary="An event's schema",
    tags=["events"],
    responses={200: {"description": "A JSON Schema"}, **problems(404)},
)
@handler.needs(ANYBODY)
def get_schema(
    type: Annotated[str, Path(min_length=1, max_length=64)],  # the path's own name for it  # noqa: A002  # the path's own name for it
    version: Annotated[int, Path(ge=1, le=999)],
) -> Response[dict[str, Any]]:
    """The JSON Schema of an event's data."""
    found = catalog.schema(type, version)
    if found is None:
        raise NotFound("event_not_found", "There is no such event.")
    return Response(200, "application/json", found)
