"""HTTP entry point of inventory: nodes, movements, and what can be sold."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from edge import clients
from edge.auth import Rights
from edge.cursors import Cursors
from edge.http import HttpFunction, IdempotencyKey, etag, problems
from edge.settings import CursorSettings, FromEnvironment, read
from inventory.domain import Node, Policy, Stock
from inventory.feeds import Feeds, Row
from inventory.movements import Movement, Movements
from inventory.policies import Policies
from inventory.shapes import (
    FeedIn,
    FeedOut,
    MovementOut,
    MovementPage,
    MovementsIn,
    MovementsOut,
    NodeIn,
    NodeOut,
    NodePage,
    NodeStock,
    PointIn,
    PolicyIn,
    PolicyOut,
    SkuStock,
)
from inventory.store import InventoryStore
from inventory.table import number, text
from kernel.clock import SystemClock, rfc3339
from kernel.errors import NotFound

WRITE = Rights.of("inventory/write", "operations", "logistics")
READ = Rights.of("orders/read", "operations", "logistics", "auditors", "finance")
handler = HttpFunction()
app = handler.app
PathWord = Annotated[str, Path(min_length=1, max_length=64)]
PathName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]


class InventorySettings(FromEnvironment):
    """Where stock is kept."""

    inventory_table: str


@lru_cache(maxsize=1)
def store() -> InventoryStore:
    """The inventory table of this stage."""
    return InventoryStore(clients.dynamodb(), read(InventorySettings).inventory_table)


@lru_cache(maxsize=1)
def cursors() -> Cursors:
    """What signs the cursors of movements."""
    return Cursors(clients.secret(read(CursorSettings).cursor_key_secret))


def _node_out(node: Node) -> NodeOut:
    return NodeOut(
        node_id=node.node_id,
        name=node.name,
        kind=node.kind,
        location=PointIn(lat=node.lat, lon=node.lon),
        capabilities=list(node.capabilities),
        cost_rank=node.cost_rank,
        version=node.version,
    )


@app.put(
    "/v1/nodes/<node_id>",
    summary="Create or change a node",
    tags=["inventory"],
    responses={200: {"description": "The node"}, **problems(413, 415, 422)},
)
@handler.needs(WRITE)
def put_node(node_id: PathName, node: Annotated[NodeIn, Body()]) -> Response[NodeOut]:
    """Keep a node as given."""
    location = node.location
    kept = store().put_node(
        Node(node_id, node.name, node.kind, location.lat, location.lon, tuple(dict.fromkeys(node.capabilities)), node.cost_rank)
    )
    return Response(200, "application/json", _node_out(kept), {"ETag": etag(kept.version)})


@app.get("/v1/nodes/<node_id>", summary="A node", tags=["inventory"], responses={200: {"description": "The node"}, **problems(404)})
@handler.needs(READ)
def get_node(node_id: PathWord) -> Response[NodeOut]:
    """A node as it is."""
    node = store().node(node_id)
    if node is None:
        raise NotFound("node_not_found", "There is no such node.")
    return Response(200, "application/json", _node_out(node), {"ETag": etag(node.version)})


@app.get("/v1/nodes", summary="All nodes", tags=["inventory"], responses={200: {"description": "The nodes"}, **problems()})
@handler.needs(READ)
def list_nodes() -> Response[NodePage]:
    """Every node, by id."""
    return Response(200, "application/json", NodePage(items=[_node_out(node) for node in store().nodes()]))


@app.post(
    "/v1/inventory/movements",
    summary="Move stock",
    tags=["inventory"],
    status_code=201,
    responses={201: {"description": "All movements are made"}, **problems(409, 413, 415, 422)},
)
@handler.needs(WRITE)
def post_movements(batch: Annotated[MovementsIn, Body()], idempotency_key: IdempotencyKey) -> Response[MovementsOut]:
    """Make up to 500 movements, once per Idempotency-Key; where rows cannot be made, 409 names them and the others are."""
    request = handler.request()
    rows = [
        Movement(m.sku, m.node_id, m.type, m.quantity, m.reference, rfc3339(m.counted_at) if m.counted_at else None, m.channel)
        for m in batch.movements
    ]
    replayed = Movements(store(), SystemClock()).make(
        rows, request.caller.id, idempotency_key, request.body_fingerprint, request.cause.correlation_id
    )
    headers: dict[str, str | list[str]] = {"Idempotency-Replayed": "true"} if replayed else {}
    return Response(201, "application/json", MovementsOut(accepted=len(rows)), headers)


@app.post(
    "/v1/inventory/feeds",
    summary="Set stock to another system's full picture",
    tags=["inventory"],
    status_code=201,
    responses={201: {"description": "Every counter is as of this feed, or of something newer"}, **problems(413, 415, 422)},
)
@handler.needs(WRITE)
def post_feed(feed: Annotated[FeedIn, Body()], idempotency_key: IdempotencyKey) -> Response[FeedOut]:
    """Set what is on hand as of an instant; what moved since is kept, and what was set by something newer is left alone."""
    request = handler.request()
    stale, replayed = Feeds(store(), SystemClock()).take(
        feed.source,
        rfc3339(feed.as_of),
        [Row(row.sku, row.node_id, row.on_hand) for row in feed.rows],
        request.caller.id,
        idempotency_key,
        request.body_fingerprint,
        request.cause.correlation_id,
    )
    headers: dict[str, str | list[str]] = {"Idempotency-Replayed": "true"} if replayed else {}
    return Response(201, "application/json", FeedOut(applied=len(feed.rows) - len(stale), stale_rows=stale), headers)


@app.put(
    "/v1/inventory/<sku>/nodes/<node_id>",
    summary="Set how a node sells a SKU",
    tags=["inventory"],
    responses={200: {"description": "The policy"}, **problems(404, 413, 415, 422)},
)
@handler.needs(WRITE)
def put_policy(sku: PathName, node_id: PathName, policy: Annotated[PolicyIn, Body()]) -> Response[PolicyOut]:
    """Sell by this policy from now on; what is reserved or sold already stays so."""
    request = handler.request()
    wanted = Policy(policy.safety, policy.low_threshold, policy.reorder_up_to, policy.buffers)
    stock = Policies(store(), SystemClock()).set(sku, node_id, wanted, request.cause.correlation_id)
    kept = stock.home.policy
    out = PolicyOut(
        sku=sku,
        node_id=node_id,
        safety=kept.safety,
        low_threshold=kept.low_threshold,
        reorder_up_to=kept.reorder_up_to,
        buffers=dict(kept.buffers),
        available=stock.available + stock.past_time(SystemClock().now()),
    )
    return Response(200, "application/json", out)


@app.get(
    "/v1/inventory/<sku>/movements",
    summary="What moved a SKU at a node",
    tags=["inventory"],
    responses={200: {"description": "The movements, newest first"}, **problems()},
)
@handler.needs(READ)
def list_movements(
    sku: PathWord,
    node_id: Annotated[str, Query(min_length=1, max_length=64)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response[MovementPage]:
    """Every movement of the counters, of all buckets of stock that is or was spread."""
    query: dict[str, str | None] = {"sku": sku, "node_id": node_id}
    place = cursors().open(cursor, query) if cursor else None
    found = store().history(store().stock(sku, node_id), limit, (place["sk"], int(place["bucket"])) if place else None)
    last = found[-1] if len(found) == limit else None
    following = cursors().seal({"sk": last["sk"]["S"], "bucket": str(number(last, "bucket"))}, query) if last else None
    items = [
        MovementOut(
            at=text(item, "at"),
            type=text(item, "type"),
            quantity=number(item, "quantity"),
            reference=text(item, "reference"),
            order_id=text(item, "order_id") or None,
            channel=text(item, "channel") or None,
            bucket=number(item, "bucket"),
            on_hand=number(item["delta"]["M"], "on_hand"),
            allocated=number(item["delta"]["M"], "allocated"),
            reserved=number(item["delta"]["M"], "reserved"),
            safety=number(item["delta"]["M"], "safety"),
        )
        for item in found
    ]
    return Response(200, "application/json", MovementPage(items=items, next_cursor=following))


@app.get(
    "/v1/inventory/<sku>",
    summary="What can be sold of a SKU",
    tags=["inventory"],
    responses={200: {"description": "The stock by node"}, **problems()},
)
@handler.needs(READ)
def get_stock(sku: PathWord, channel: Annotated[str | None, Query(min_length=1, max_length=64)] = None) -> Response[SkuStock]:
    """The counters of a SKU at every node, as a channel may sell it where one is named; zeros for a SKU that never was here."""
    nodes = [_stock_out(stock, channel) for stock in store().stocks(sku)]
    return Response(200, "application/json", SkuStock(sku=sku, available=sum(max(0, n.available) for n in nodes), nodes=nodes))


def _stock_out(stock: Stock, channel: str | None) -> NodeStock:
    over = stock.past_time(SystemClock().now())
    return NodeStock(
        node_id=stock.node_id,
        on_hand=stock.on_hand,
        allocated=stock.allocated,
        reserved=stock.reserved - over,
        safety=stock.safety,
        available=stock.available_to(channel) + over,
    )


# The routes for planning are this function's too; they stand in a file of their own.
from inventory import planning_api  # noqa: E402, F401
