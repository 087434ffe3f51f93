"""HTTP entry point for commands on orders."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from edge import clients
from edge.auth import Rights
from edge.cipher import FieldCipher
from edge.claims import Claims
from edge.http import HttpFunction, IdempotencyKey, IfMatch, etag, problems
from edge.settings import ClaimSettings, VaultSettings, read
from edge.vault import Vault
from edge.wiring import aggregates
from kernel.clock import SystemClock
from orders.commands import CancelOrder, PlaceOrder
from orders.domain import fold
from orders.service import Orders, PersonalData
from orders.shapes import OrderOut, order_out

WRITE = Rights.of("orders/write", "operations")
handler = HttpFunction()
app = handler.app


@lru_cache(maxsize=1)
def orders() -> Orders:
    """The service, wired once."""
    return Orders(aggregates(fold, "order", "ord"), SystemClock())


@lru_cache(maxsize=1)
def claims() -> Claims:
    """The claims on idempotency keys."""
    return Claims(clients.dynamodb(), read(ClaimSettings).claims_table)


@lru_cache(maxsize=1)
def personal_data() -> PersonalData:
    """The vault with a cipher for each purpose. Raises ValueError where a key is not configured."""
    settings = read(VaultSettings)
    if settings.contact_key_id is None or settings.last4_key_id is None:
        raise ValueError("CONTACT_KEY_ID and LAST4_KEY_ID are needed to seal personal data")
    kms = clients.kms()
    return PersonalData(
        Vault(clients.dynamodb(), settings.vault_table),
        FieldCipher(kms, settings.contact_key_id, "contact"),
        FieldCipher(kms, settings.last4_key_id, "last4"),
    )


OrderId = Annotated[str, Path(min_length=1, max_length=64)]


@app.post(
    "/v1/orders",
    summary="Place an order",
    tags=["orders"],
    status_code=201,
    responses={201: {"description": "The order"}, **problems(409, 413, 415, 422)},
)
@handler.needs(WRITE)
def place_order(order: Annotated[PlaceOrder, Body()], idempotency_key: IdempotencyKey) -> Response[OrderOut]:
    """Make a channel's order a fact: once per Idempotency-Key, once per channel and external_id."""
    request = handler.request()
    command = request.command("place-order", key=idempotency_key)
    done = orders().place(order, command, request.caller.id, claims(), personal_data())
    headers: dict[str, str | list[str]] = {"Location": f"/v1/orders/{done.id}", "ETag": etag(done.version)}
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(201, "application/json", order_out(done.state, done.version), headers)


@app.post(
    "/v1/orders/<order_id>/cancel",
    summary="Cancel an order",
    tags=["orders"],
    status_code=202,
    responses={202: {"description": "The order, which is cancelling"}, **problems(404, 409, 412, 415, 422)},
)
@handler.needs(WRITE)
def cancel_order(
    order_id: OrderId, cancel: Annotated[CancelOrder, Body()], idempotency_key: IdempotencyKey, if_match: IfMatch = None
) -> Response[OrderOut]:
    """Ask for an order to be undone, in any state before dispatch; the warehouse may still be faster."""
    request = handler.request()
    done = orders().cancel(order_id, request.command("cancel-order", key=idempotency_key, if_match=if_match), cancel.reason)
    headers: dict[str, str | list[str]] = {"ETag": etag(done.version)}
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(202, "application/json", order_out(done.state, done.version), headers)
