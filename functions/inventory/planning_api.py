"""Routes of inventory's API for those who plan: the network's policy, and supply that is on its way."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from edge import clients
from edge.http import IdempotencyKey, IfMatch, etag, problems
from edge.settings import read
from inventory.api import READ, WRITE, InventorySettings, PathWord, app, handler, store
from inventory.network import Policy
from inventory.network_store import NetworkStore
from inventory.promises import Inbound
from inventory.shapes import Word
from inventory.supply_store import SupplyStore
from kernel.errors import FieldError, Invalid

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=100)]


@lru_cache(maxsize=1)
def network() -> NetworkStore:
    """The policy of this stage."""
    return NetworkStore(clients.dynamodb(), read(InventorySettings).inventory_table)


@lru_cache(maxsize=1)
def supply() -> SupplyStore:
    """The inbound supply of this stage."""
    return SupplyStore(clients.dynamodb(), read(InventorySettings).inventory_table)


class InboundIn(BaseModel):
    """Units that a node expects on a day; 0 units withdraw what was declared under the reference."""

    model_config = ConfigDict(extra="forbid")

    sku: Word
    node_id: Word
    reference: Reference
    quantity: int = Field(strict=True, ge=0, le=10**9)
    expected_on: date


class InboundBatch(BaseModel):
    """Declarations."""

    model_config = ConfigDict(extra="forbid")

    inbound: Annotated[list[InboundIn], Field(min_length=1, max_length=500)]


class InboundOut(BaseModel):
    """What is expected of a SKU, and where."""

    sku: str
    node_id: str
    reference: str
    quantity: int
    expected_on: date


class InboundPage(BaseModel):
    """All that is expected of a SKU, soonest first."""

    items: list[InboundOut]
    next_cursor: Literal[None] = None


class Accepted(BaseModel):
    """How many declarations are kept."""

    accepted: int


@app.get(
    "/v1/sourcing/policy",
    summary="The network's policy",
    tags=["inventory"],
    responses={200: {"description": "Rules, services, and how nodes work"}, **problems()},
)
@handler.needs(READ)
def get_policy() -> Response[Policy]:
    """The policy by which orders are sourced; the defaults, at version 0, where none was written."""
    handler.request()
    policy, version = network().policy()
    return Response(200, "application/json", policy, {"ETag": etag(version)})


@app.put(
    "/v1/sourcing/policy",
    summary="Replace the network's policy",
    tags=["inventory"],
    responses={200: {"description": "The policy"}, **problems(412, 413, 415, 422)},
)
@handler.needs(WRITE)
def put_policy(policy: Annotated[Policy, Body()], if_match: IfMatch = None) -> Response[Policy]:
    """Replace the whole policy; orders follow it within seconds."""
    request = handler.request()
    version = network().put_policy(policy, request.command("put-policy", if_match=if_match).expected_version)
    return Response(200, "application/json", policy, {"ETag": etag(version)})


@app.post(
    "/v1/inventory/inbound",
    summary="Declare supply that is on its way",
    tags=["inventory"],
    status_code=201,
    responses={201: {"description": "All declarations are kept"}, **problems(413, 415, 422)},
)
@handler.needs(WRITE)
def post_inbound(batch: Annotated[InboundBatch, Body()], idempotency_key: IdempotencyKey) -> Response[Accepted]:
    """Keep up to 500 declarations; one for the same SKU, node and reference replaces the one before."""
    handler.request()
    known = {node.node_id for node in store().nodes()}
    unknown = [row for row, part in enumerate(batch.inbound) if part.node_id not in known]
    if unknown:
        errors = tuple(FieldError(f"/inbound/{row}/node_id", "unknown_node", "there is no such node") for row in unknown)
        raise Invalid("unknown_node", "Some rows name a node that does not exist; nothing was kept.", errors)
    supply().declare(Inbound(p.sku, p.node_id, p.reference, p.quantity, p.expected_on) for p in batch.inbound)
    return Response(201, "application/json", Accepted(accepted=len(batch.inbound)))


@app.get(
    "/v1/inventory/<sku>/inbound",
    summary="What is expected of a SKU",
    tags=["inventory"],
    responses={200: {"description": "The declarations"}, **problems()},
)
@handler.needs(READ)
def get_inbound(sku: PathWord) -> Response[InboundPage]:
    """What is declared and not withdrawn, soonest first."""
    handler.request()
    items = [InboundOut.model_validate(part, from_attributes=True) for part in supply().inbound([sku])]
    return Response(200, "application/json", InboundPage(items=items))
