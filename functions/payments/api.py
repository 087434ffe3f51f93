"""HTTP entry point for what the payment provider reports: late answers complete a request that is still pending."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header
from pydantic import BaseModel, ConfigDict

from edge import clients
from edge.aggregates import Aggregates
from edge.auth import Rights
from edge.http import HttpFunction, IdempotencyKey, problems
from edge.settings import FromEnvironment, read
from edge.wiring import aggregates
from kernel.errors import Invalid, NotFound
from payments import domain
from payments.domain import Payment, fold
from payments.stripe_provider import verified

REPORT = Rights.of("payments/write")
handler = HttpFunction()
app = handler.app


class WebhookSettings(FromEnvironment):
    """The secret that the provider signs with."""

    payment_webhook_secret: str


class ProviderObject(BaseModel):
    """The payment intent that the event is about."""

    model_config = ConfigDict(extra="allow")

    id: str
    metadata: dict[str, str] = {}


class ProviderData(BaseModel):
    """What the event carries."""

    model_config = ConfigDict(extra="allow")

    object: ProviderObject


class ProviderEvent(BaseModel):
    """An event in Stripe's form."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    data: ProviderData


class Taken(BaseModel):
    """What became of the event: it told something new, was known already, or is none that the hub needs."""

    outcome: Literal["recorded", "known", "ignored"]


@lru_cache(maxsize=1)
def payments() -> Aggregates[Payment]:
    """All payments."""
    return aggregates(fold, "payment", "pay")


@app.post(
    "/v1/payments/provider-events",
    summary="The payment provider's webhook",
    tags=["payments"],
    responses={200: {"description": "What became of it"}, **problems(404, 413, 415, 422)},
)
@handler.needs(REPORT)
def report(
    event: Annotated[ProviderEvent, Body()],
    idempotency_key: IdempotencyKey,  # asked for as of any POST; the event's own id does its work
    stripe_signature: Annotated[str, Header(alias="Stripe-Signature", min_length=1, max_length=500)],
) -> Response[Taken]:
    """Record a late authorisation or decline. Duplicates and events out of order change nothing."""
    request = handler.request()
    secret = clients.secret(read(WebhookSettings).payment_webhook_secret)
    verified(str(app.current_event.body), stripe_signature, secret)
    payment_id = event.data.object.metadata.get("payment_id")
    if payment_id is None:
        raise Invalid("not_our_payment", "The event names no payment of the hub.")
    loaded = payments().find(payment_id)
    if loaded is None:
        raise NotFound("payment_not_found", "There is no such payment.")
    asked = loaded.state.pending
    if asked is None:
        return Response(200, "application/json", Taken(outcome="known"))
    decision = _decision(event, asked.key, asked.operation)
    if decision is None:
        return Response(200, "application/json", Taken(outcome="ignored"))
    done = payments().execute(payment_id, request.command("report-provider-event"), decision)
    return Response(200, "application/json", Taken(outcome="recorded" if done.events else "known"))


def _decision(event: ProviderEvent, key: str, operation: str) -> Any:  # a decision of the domain, or None
    reference = event.data.object.id
    told = {
        ("payment_intent.amount_capturable_updated", "authorize"): lambda p: domain.succeed(p, key, reference),
        ("payment_intent.payment_failed", "authorize"): lambda p: domain.fail(p, key, "payment_failed"),
        ("payment_intent.canceled", "void"): lambda p: domain.succeed(p, key),
    }
    return told.get((event.type, operation))
