"""HTTP entry point for the facts of warehouses and carriers."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from edge.auth import Rights
from edge.http import HttpFunction, IdempotencyKey, etag, problems
from edge.wiring import aggregates
from fulfilment.domain import Fact, fold
from fulfilment.pickup import new_code
from fulfilment.service import Facts
from fulfilment.state import Shipment
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Conflict

FACTS = Rights.of("fulfilment/write", "operations", "logistics")
CODE = Rights.of("orders/write", "operations")
READ = Rights.of("orders/read", "operations", "logistics", "auditors")
handler = HttpFunction()
app = handler.app
ShipmentId = Annotated[str, Path(min_length=1, max_length=64)]


@lru_cache(maxsize=1)
def facts() -> Facts:
    """The service, wired once."""
    return Facts(aggregates(fold, "shipment", "shp"))


class PickedLine(BaseModel):
    """Units found of a line."""

    model_config = ConfigDict(extra="forbid")

    line_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    quantity: int = Field(strict=True, ge=0, le=10**6)


class ShipmentFact(BaseModel):
    """What happened to a shipment, and when; `lines` are the units found of a short pick.

    `picked_up` brings the customer's `code`; `ready_for_pickup` may say for how long the store keeps it.
    """

    model_config = ConfigDict(extra="forbid")

    type: Literal["picked", "packed", "dispatched", "delivered", "short_picked", "lost", "ready_for_pickup", "picked_up"]
    occurred_at: str
    tracking: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    lines: Annotated[list[PickedLine], Field(max_length=500)] | None = None
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,32}$")] | None = None
    collect_by: str | None = None

    @field_validator("occurred_at", "collect_by")
    @classmethod
    def _instant(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            return rfc3339(parse_rfc3339(text))
        except ValueError:
            raise ValueError("not an RFC 3339 time with an offset") from None


class ShipmentLineOut(BaseModel):
    """Units of an order's line."""

    line_id: str
    sku: str
    quantity: int


class ShipmentDetail(BaseModel):
    """A shipment; `missing` is what a short pick did not find, and one that is `held` must not leave its node."""

    id: str
    order_id: str
    node_id: str
    status: str
    version: int
    held: bool
    tracking: str | None
    pickup: bool
    collect_by: str | None
    lines: list[ShipmentLineOut]
    missing: list[ShipmentLineOut]


def _out(shipment: Shipment, version: int) -> ShipmentDetail:
    def lines(parts: tuple[object, ...]) -> list[ShipmentLineOut]:
        return [ShipmentLineOut.model_validate(part, from_attributes=True) for part in parts]

    return ShipmentDetail(
        id=shipment.id,
        order_id=shipment.order_id,
        node_id=shipment.node_id,
        status=shipment.status,
        version=version,
        held=shipment.held,
        tracking=shipment.tracking,
        pickup=shipment.pickup,
        collect_by=shipment.collect_by,
        lines=lines(shipment.lines),
        missing=lines(shipment.missing),
    )


@app.post(
    "/v1/shipments/<shipment_id>/events",
    summary="Report what happened to a shipment",
    tags=["fulfilment"],
    responses={200: {"description": "The shipment after the fact"}, **problems(404, 409, 413, 415, 422)},
)
@handler.needs(FACTS)
def report(
    shipment_id: ShipmentId, fact: Annotated[ShipmentFact, Body()], idempotency_key: IdempotencyKey
) -> Response[ShipmentDetail]:
    """Record a fact of the warehouse or carrier. A fact that is known already changes nothing."""
    command = handler.request().command("report-shipment-fact", key=idempotency_key)
    picked = {line.line_id: line.quantity for line in fact.lines} if fact.lines is not None else None
    done = facts().record(
        shipment_id, Fact(fact.type, fact.occurred_at, fact.tracking, picked, fact.code, fact.collect_by), command
    )
    headers: dict[str, str | list[str]] = {"ETag": etag(done.version)}
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(200, "application/json", _out(done.state, done.version), headers)


class PickupCodeOut(BaseModel):
    """The code with which the customer collects. It is shown here, once, and kept nowhere."""

    shipment_id: str
    code: str


@app.post(
    "/v1/shipments/<shipment_id>/pickup-code",
    summary="A code for the customer to collect with",
    tags=["fulfilment"],
    status_code=201,
    responses={201: {"description": "The code, once"}, **problems(404, 409, 413, 415, 422)},
)
@handler.needs(CODE)
def post_pickup_code(shipment_id: ShipmentId, idempotency_key: IdempotencyKey) -> Response[PickupCodeOut]:
    """Make a new code for the channel to give to its customer; an earlier one opens nothing any more."""
    command = handler.request().command("issue-pickup-code", key=idempotency_key)
    code = new_code(secrets.choice)
    if facts().issue_code(shipment_id, code, command).replayed:
        raise Conflict("code_already_shown", "A code is shown once; ask under a new Idempotency-Key for another one.")
    return Response(201, "application/json", PickupCodeOut(shipment_id=shipment_id, code=code))


@app.get(
    "/v1/shipments/<shipment_id>",
    summary="A shipment",
    tags=["fulfilment"],
    responses={200: {"description": "The shipment"}, **problems(404)},
)
@handler.needs(READ)
def get_shipment(shipment_id: ShipmentId) -> Response[ShipmentDetail]:
    """A shipment as it is."""
    done = facts().load(shipment_id)
    return Response(200, "application/json", _out(done.state, done.version), {"ETag": etag(done.version)})
