"""HTTP entry point of inventory: nodes, movements, and what can be sold."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal, Self

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from edge import clients
from edge.auth import Rights
from edge.http import HttpFunction, IdempotencyKey, etag, problems
from edge.settings import FromEnvironment, read
from inventory.domain import Node
from inventory.movements import Movement, Movements
from inventory.store import InventoryStore
from kernel.clock import SystemClock
from kernel.errors import NotFound

WRITE = Rights.of("inventory/write", "operations", "logistics")
READ = Rights.of("orders/read", "operations", "logistics", "auditors", "finance")
handler = HttpFunction()
app = handler.app
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]
PathWord = Annotated[str, Path(min_length=1, max_length=64)]
MAX_MOVEMENTS = 500


class InventorySettings(FromEnvironment):
    """Where stock is kept."""

    inventory_table: str


@lru_cache(maxsize=1)
def store() -> InventoryStore:
    """The inventory table of this stage."""
    return InventoryStore(clients.dynamodb(), read(InventorySettings).inventory_table)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PointIn(_Strict):
    """Degrees of latitude and longitude, WGS 84."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class NodeIn(_Strict):
    """A place that holds stock; a lower cost rank is preferred."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    kind: Literal["warehouse", "store"]
    location: PointIn
    capabilities: Annotated[list[Literal["ship", "pickup"]], Field(max_length=2)]
    cost_rank: int = Field(strict=True, ge=0, le=10**6)


class NodeOut(BaseModel):
    """A node."""

    node_id: str
    name: str
    kind: str
    location: PointIn
    capabilities: list[str]
    cost_rank: int
    version: int


class NodePage(BaseModel):
    """All nodes."""

    items: list[NodeOut]
    next_cursor: Literal[None] = None


class MovementIn(_Strict):
    """`received` and `counted` take units; `adjusted` takes a signed difference."""

    sku: Word
    node_id: Word
    type: Literal["received", "adjusted", "counted"]
    quantity: int = Field(strict=True, ge=-(10**9), le=10**9)
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _sign(self) -> Self:
        if self.type == "received" and self.quantity < 1:
            raise ValueError("received takes at least one unit")
        if self.type == "counted" and self.quantity < 0:
            raise ValueError("nobody counts less than nothing")
        if self.type == "adjusted" and self.quantity == 0:
            raise ValueError("an adjustment of nothing")
        return self


class MovementsIn(_Strict):
    """A batch of movements."""

    movements: Annotated[list[MovementIn], Field(min_length=1, max_length=MAX_MOVEMENTS)]


class MovementsOut(BaseModel):
    """How many movements the batch made."""

    accepted: int


class NodeStock(BaseModel):
    """Stock at a node, in units; available = on_hand − allocated − reserved − safety."""

    node_id: str
    on_hand: int
    allocated: int
    reserved: int
    safety: int
    available: int


class SkuStock(BaseModel):
    """What can be sold of a SKU. Reservations held past their time do not count, swept or not."""

    sku: str
    available: int
    nodes: list[NodeStock]


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
def put_node(
    node_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)], node: Annotated[NodeIn, Body()]
) -> Response[NodeOut]:
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
    rows = [Movement(m.sku, m.node_id, m.type, m.quantity, m.reference) for m in batch.movements]
    replayed = Movements(store(), SystemClock()).make(
        rows, request.caller.id, idempotency_key, request.body_fingerprint, request.cause.correlation_id
    )
    headers: dict[str, str | list[str]] = {"Idempotency-Replayed": "true"} if replayed else {}
    return Response(201, "application/json", MovementsOut(accepted=len(rows)), headers)


@app.get(
    "/v1/inventory/<sku>",
    summary="What can be sold of a SKU",
    tags=["inventory"],
    responses={200: {"description": "The stock by node"}, **problems()},
)
@handler.needs(READ)
def get_stock(sku: PathWord) -> Response[SkuStock]:
    """The counters of a SKU at every node; zeros for a SKU that never was here."""
    now = SystemClock().now()
    nodes = [
        NodeStock(
            node_id=stock.node_id,
            on_hand=stock.on_hand,
            allocated=stock.allocated,
            reserved=stock.reserved - stock.past_time(now),
            safety=stock.safety,
            available=stock.available + stock.past_time(now),
        )
        for stock in store().stocks(sku)
    ]
    return Response(200, "application/json", SkuStock(sku=sku, available=sum(max(0, n.available) for n in nodes), nodes=nodes))


# The routes for planning are this function's too; they stand in a file of their own.
from inventory import planning_api  # noqa: E402, F401
