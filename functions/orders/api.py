"""HTTP entry point for commands on orders."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from edge import clients
from edge.aggregates import Done
from edge.auth import Rights
from edge.claims import Claims
from edge.http import HttpFunction, IdempotencyKey, IfMatch, OptionalKey, etag, problems
from edge.settings import ClaimSettings, read
from edge.wiring import aggregates
from kernel.clock import SystemClock
from orders.commands import CancelOrder, EditOrder, PlaceHold, PlaceOrder, ResolveHold
from orders.domain import Order, fold
from orders.edit_shapes import EditOut, edit_out
from orders.editing import Editing
from orders.editing import fold as fold_preview
from orders.events import LineQuantity
from orders.personal_data import personal_data
from orders.service import Orders
from orders.shapes import HeldOut, OrderOut, held_out, order_out

WRITE = Rights.of("orders/write", "operations")
RESOLVE = Rights.of(None, "operations", "approvers")
"""A hold is resolved by people: a channel that could release what screening held would not be screened."""
handler = HttpFunction()
app = handler.app


@lru_cache(maxsize=1)
def orders() -> Orders:
    """The service, wired once."""
    return Orders(aggregates(fold, "order", "ord"), SystemClock())


@lru_cache(maxsize=1)
def editing() -> Editing:
    """Edits, wired once."""
    return Editing(aggregates(fold, "order", "ord"), aggregates(fold_preview, "edit", "edt"))


@lru_cache(maxsize=1)
def claims() -> Claims:
    """The claims on idempotency keys."""
    return Claims(clients.dynamodb(), read(ClaimSettings).claims_table)


OrderId = Annotated[str, Path(min_length=1, max_length=64)]
EditId = Annotated[str, Path(min_length=1, max_length=64)]
HoldId = Annotated[str, Path(min_length=1, max_length=64)]


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
    return Response(201, "application/json", order_out(done.state, done.version), _headers(done, Location=f"/v1/orders/{done.id}"))


@app.post(
    "/v1/orders/<order_id>/cancel",
    summary="Cancel an order",
    tags=["orders"],
    status_code=202,
    responses={202: {"description": "The order, which is cancelling or has lost the units"}, **problems(404, 409, 412, 415, 422)},
)
@handler.needs(WRITE)
def cancel_order(
    order_id: OrderId, cancel: Annotated[CancelOrder, Body()], idempotency_key: IdempotencyKey, if_match: IfMatch = None
) -> Response[OrderOut]:
    """Ask for an order, or so many units of its lines, to be undone before they leave; the warehouse may still be faster."""
    command = handler.request().command("cancel-order", key=idempotency_key, if_match=if_match)
    lines = [LineQuantity(line_id=part.line_id, quantity=part.quantity) for part in cancel.lines] if cancel.lines else None
    done = orders().cancel(order_id, command, cancel.reason, lines)
    return Response(202, "application/json", order_out(done.state, done.version), _headers(done))


@app.post(
    "/v1/orders/<order_id>/edits",
    summary="Preview an edit",
    tags=["orders"],
    status_code=201,
    responses={201: {"description": "What the edit would change"}, **problems(404, 409, 412, 413, 415, 422)},
)
@handler.needs(WRITE)
def preview_edit(
    order_id: OrderId, edit: Annotated[EditOrder, Body()], idempotency_key: IdempotencyKey, if_match: IfMatch = None
) -> Response[EditOut]:
    """Compute what an edit would change, and keep it for its commit; the order stays as it is."""
    command = handler.request().command("preview-edit", key=idempotency_key, if_match=if_match)
    done = editing().preview(order_id, command, edit, personal_data())
    replayed: dict[str, str | list[str]] = {"Idempotency-Replayed": "true"} if done.replayed else {}
    return Response(201, "application/json", edit_out(done.state), replayed)


@app.post(
    "/v1/orders/<order_id>/edits/<edit_id>/commit",
    summary="Commit an edit",
    tags=["orders"],
    responses={200: {"description": "The order as edited; stock and payment follow"}, **problems(404, 409, 412, 415, 422)},
)
@handler.needs(WRITE)
def commit_edit(order_id: OrderId, edit_id: EditId, idempotency_key: OptionalKey = None) -> Response[OrderOut]:
    """Make the order what was previewed, if it is still at the previewed version; what cannot be had undoes the edit."""
    done = editing().commit(order_id, edit_id, handler.request().command("commit-edit", key=idempotency_key))
    return Response(200, "application/json", order_out(done.state, done.version), _headers(done))


@app.post(
    "/v1/orders/<order_id>/holds",
    summary="Hold an order",
    tags=["orders"],
    status_code=201,
    responses={201: {"description": "The order, which is on hold, and the hold's id"}, **problems(404, 409, 412, 415, 422)},
)
@handler.needs(WRITE)
def place_hold(
    order_id: OrderId, hold: Annotated[PlaceHold, Body()], idempotency_key: IdempotencyKey, if_match: IfMatch = None
) -> Response[HeldOut]:
    """Stop an order in any state before shipped; it goes on when every hold on it is released."""
    request = handler.request()
    done, hold_id = orders().hold(order_id, request.command("hold-order", key=idempotency_key, if_match=if_match), hold)
    location = f"/v1/orders/{done.id}/holds/{hold_id}"
    return Response(201, "application/json", held_out(done.state, done.version, hold_id), _headers(done, Location=location))


@app.post(
    "/v1/orders/<order_id>/holds/<hold_id>/release",
    summary="Release a hold",
    tags=["orders"],
    responses={200: {"description": "The order, which goes on where no other hold is open"}, **problems(404, 409, 412, 415, 422)},
)
@handler.needs(RESOLVE)
def release_hold(
    order_id: OrderId,
    hold_id: HoldId,
    resolve: Annotated[ResolveHold, Body()],
    idempotency_key: OptionalKey = None,
    if_match: IfMatch = None,
) -> Response[OrderOut]:
    """End a hold in the order's favour. Releasing it again changes nothing."""
    key = _key_of(hold_id, "release", idempotency_key)
    command = handler.request().command("release-hold", key=key, if_match=if_match)
    done = orders().release_hold(order_id, hold_id, command, resolve.reason)
    return Response(200, "application/json", order_out(done.state, done.version), _headers(done))


@app.post(
    "/v1/orders/<order_id>/holds/<hold_id>/reject",
    summary="Reject a hold",
    tags=["orders"],
    responses={200: {"description": "The order, which is being undone"}, **problems(404, 409, 412, 415, 422)},
)
@handler.needs(RESOLVE)
def reject_hold(
    order_id: OrderId,
    hold_id: HoldId,
    resolve: Annotated[ResolveHold, Body()],
    idempotency_key: OptionalKey = None,
    if_match: IfMatch = None,
) -> Response[OrderOut]:
    """End a hold against the order: it is undone, and ends rejected where it was not sold yet, else cancelled."""
    key = _key_of(hold_id, "reject", idempotency_key)
    command = handler.request().command("reject-hold", key=key, if_match=if_match)
    done = orders().reject_hold(order_id, hold_id, command, resolve.reason)
    return Response(200, "application/json", order_out(done.state, done.version), _headers(done))


def _key_of(hold_id: str, how: str, key: str | None) -> str | None:
    """The key of one way to resolve one hold: the body does not say which, so the same key for another is another command."""
    return f"{hold_id}.{how}.{key}" if key else None


def _headers(done: Done[Order], **more: str) -> dict[str, str | list[str]]:
    replayed = {"Idempotency-Replayed": "true"} if done.replayed else {}
    return {"ETag": etag(done.version), **more, **replayed}
