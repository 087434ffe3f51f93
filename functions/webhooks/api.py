"""HTTP entry point for endpoints and their deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from edge import clients
from edge.auth import Rights
from edge.cursors import Cursors
from edge.http import HttpFunction, IdempotencyKey, IfMatch, etag, problems
from edge.settings import FromEnvironment, read
from kernel.clock import parse_rfc3339
from kernel.errors import Invalid, NotFound
from webhooks import shapes, wiring
from webhooks.deliveries import Delivery, Status
from webhooks.events import EndpointRegistered
from webhooks.outbox import Due
from webhooks.registry import Registered
from webhooks.schedule import GIVES_UP_AFTER

MANAGE = Rights.of("webhooks/manage", "operations")
LOOK = Rights.of("webhooks/manage", "operations", "auditors")
MOST_REDELIVERED = 500
"""Deliveries that one call begins anew; the answer says where to go on."""
handler = HttpFunction()
app = handler.app
WebhookId = Annotated[str, Path(min_length=1, max_length=64)]
DeliveryId = Annotated[str, Path(min_length=1, max_length=64)]


class CursorSecret(FromEnvironment):
    """What list cursors are signed with."""

    cursor_key_secret: str


@lru_cache(maxsize=1)
def cursors() -> Cursors:
    """The cursors of the lists."""
    return Cursors(clients.secret(read(CursorSecret).cursor_key_secret))


@app.post(
    "/v1/webhooks",
    summary="Register a webhook",
    tags=["webhooks"],
    status_code=201,
    responses={201: {"description": "The webhook, with its signing secret, once"}, **problems(409, 413, 415, 422)},
)
@handler.needs(MANAGE)
def register(
    webhook: Annotated[shapes.RegisterWebhook, Body()], idempotency_key: IdempotencyKey
) -> Response[shapes.WebhookWithSecret]:
    """Ask to be told of events at a URL. Requests are signed by the Standard Webhooks specification."""
    request = handler.request()
    wanted = EndpointRegistered(url=webhook.url, event_types=tuple(webhook.event_types), description=webhook.description)
    done, secret = wiring.endpoints().register(wanted, request.command("register-webhook", key=idempotency_key), request.caller.id)
    registered = wiring.endpoints().load(done.id)
    headers: dict[str, str | list[str]] = {"Location": f"/v1/webhooks/{done.id}", "ETag": etag(done.version)}
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(201, "application/json", shapes.with_secret(registered, secret), headers)


@app.get("/v1/webhooks", summary="Webhooks", tags=["webhooks"], responses={200: {"description": "All of them"}, **problems()})
@handler.needs(LOOK)
def list_webhooks() -> Response[shapes.WebhookPage]:
    """Every webhook there is, oldest first."""
    found = sorted(wiring.registry().all(), key=lambda registered: registered.endpoint.created_at)
    return Response(200, "application/json", shapes.WebhookPage(items=[shapes.webhook_out(one) for one in found]))


@app.get(
    "/v1/webhooks/<webhook_id>",
    summary="A webhook",
    tags=["webhooks"],
    responses={200: {"description": "The webhook"}, **problems(404)},
)
@handler.needs(LOOK)
def get_webhook(webhook_id: WebhookId) -> Response[shapes.WebhookOut]:
    """A webhook, and how it has been answering."""
    return _shown(wiring.endpoints().load(webhook_id))


@app.patch(
    "/v1/webhooks/<webhook_id>",
    summary="Change a webhook",
    tags=["webhooks"],
    responses={200: {"description": "The webhook after the change"}, **problems(404, 409, 412, 413, 415, 422)},
)
@handler.needs(MANAGE)
def change(
    webhook_id: WebhookId, wanted: Annotated[shapes.ChangeWebhook, Body()], if_match: IfMatch = None
) -> Response[shapes.WebhookOut]:
    """Change what a webhook asks for, let it rest, or enable it again."""
    request = handler.request()
    wiring.endpoints().change(
        webhook_id,
        request.command("change-webhook", if_match=if_match),
        url=wanted.url,
        event_types=wanted.event_types,
        description=wanted.description,
        enabled=wanted.enabled,
    )
    return _shown(wiring.endpoints().load(webhook_id))


@app.delete(
    "/v1/webhooks/<webhook_id>",
    summary="Remove a webhook",
    tags=["webhooks"],
    status_code=204,
    responses={204: {"description": "It is gone"}, **problems(404)},
)
@handler.needs(MANAGE)
def remove(webhook_id: WebhookId) -> Response[str]:
    """Stop telling, and forget the webhook with its secrets."""
    request = handler.request()
    wiring.endpoints().remove(webhook_id, request.command("remove-webhook"))
    return Response(204, body="")


@app.post(
    "/v1/webhooks/<webhook_id>/rotate-secret",
    summary="Rotate a webhook's secret",
    tags=["webhooks"],
    responses={200: {"description": "The webhook, with its new secret, once"}, **problems(404, 409, 422)},
)
@handler.needs(MANAGE)
def rotate_secret(webhook_id: WebhookId, idempotency_key: IdempotencyKey) -> Response[shapes.WebhookWithSecret]:
    """Take a new signing secret. For 24 hours every request carries a signature by each of the two."""
    request = handler.request()
    done, secret = wiring.endpoints().rotate(webhook_id, request.command("rotate-webhook-secret", key=idempotency_key))
    headers: dict[str, str | list[str]] = {"ETag": etag(done.version)}
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(200, "application/json", shapes.with_secret(wiring.endpoints().load(webhook_id), secret), headers)


@app.get(
    "/v1/webhooks/<webhook_id>/deliveries",
    summary="A webhook's deliveries",
    tags=["webhooks"],
    responses={200: {"description": "A page"}, **problems(404)},
)
@handler.needs(LOOK)
def list_deliveries(
    webhook_id: WebhookId,
    status: Annotated[Status | None, Query()] = None,
    cursor: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response[shapes.DeliveryPage]:
    """Deliveries by the time of their events, newest first."""
    wiring.endpoints().load(webhook_id)
    bound = {"webhook": webhook_id, "status": status}
    after = cursors().open(cursor, bound)["after"] if cursor else None
    found, last = wiring.deliveries().page(webhook_id, limit, after, status)
    following = cursors().seal({"after": last}, bound) if last else None
    page = shapes.DeliveryPage(items=[shapes.delivery_out(one) for one in found], next_cursor=following)
    return Response(200, "application/json", page)


@app.get(
    "/v1/webhooks/<webhook_id>/deliveries/<delivery_id>",
    summary="A delivery",
    tags=["webhooks"],
    responses={200: {"description": "The delivery with the body that is sent"}, **problems(404)},
)
@handler.needs(LOOK)
def get_delivery(webhook_id: WebhookId, delivery_id: DeliveryId) -> Response[shapes.DeliveryDetail]:
    """A delivery with its body and its newest twenty attempts."""
    delivery = wiring.deliveries().find(webhook_id, delivery_id)
    if delivery is None:
        raise _no_delivery()
    body = wiring.deliveries().body(delivery.event_id, delivery.event_type)
    return Response(200, "application/json", shapes.delivery_detail(delivery, body))


@app.post(
    "/v1/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver",
    summary="Deliver again",
    tags=["webhooks"],
    status_code=202,
    responses={202: {"description": "The delivery, begun anew"}, **problems(404)},
)
@handler.needs(MANAGE)
def redeliver(webhook_id: WebhookId, delivery_id: DeliveryId, idempotency_key: IdempotencyKey) -> Response[shapes.DeliveryOut]:
    """Send an event again, under the same `webhook-id`, whether it was delivered before or not."""
    delivery = _again(webhook_id, delivery_id, datetime.now(UTC))
    if delivery is None:
        raise _no_delivery()
    wiring.outbox().put([Due(webhook_id, delivery_id)])
    return Response(202, "application/json", shapes.delivery_out(delivery))


@app.post(
    "/v1/webhooks/<webhook_id>/redeliveries",
    summary="Deliver a range again",
    tags=["webhooks"],
    status_code=202,
    responses={202: {"description": "How many were begun anew"}, **problems(404, 413, 415, 422)},
)
@handler.needs(MANAGE)
def redeliver_range(
    webhook_id: WebhookId, wanted: Annotated[shapes.RedeliverRange, Body()], idempotency_key: IdempotencyKey
) -> Response[shapes.Redelivered]:
    """Send what happened in a span of time again, up to 500 at once."""
    wiring.endpoints().load(webhook_id)
    start, end = parse_rfc3339(wanted.start), parse_rfc3339(wanted.end)
    if end <= start:
        raise Invalid("empty_range", "`to` has to be later than `from`.")
    found = wiring.deliveries().between(webhook_id, start, end, wanted.after)
    chosen = list(islice((one for one in found if not wanted.only_failed or one.status == "failed"), MOST_REDELIVERED))
    now = datetime.now(UTC)
    begun = [one for one in chosen if _again(webhook_id, one.id, now) is not None]
    wiring.outbox().put([Due(webhook_id, one.id) for one in begun])
    more = chosen[-1].id if len(chosen) == MOST_REDELIVERED else None
    return Response(202, "application/json", shapes.Redelivered(redelivered=len(begun), next_after=more))


def _again(webhook_id: str, delivery_id: str, now: datetime) -> Delivery | None:
    return wiring.deliveries().again(webhook_id, delivery_id, now, now + GIVES_UP_AFTER)


def _no_delivery() -> NotFound:
    return NotFound("delivery_not_found", "There is no such delivery, or it is no longer kept.")


def _shown(registered: Registered) -> Response[shapes.WebhookOut]:
    return Response(200, "application/json", shapes.webhook_out(registered), {"ETag": etag(registered.version)})
