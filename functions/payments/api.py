"""HTTP entry point of payments: refunds that people ask for, and what the payment provider reports."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from edge import clients
from edge.aggregates import Aggregates
from edge.auth import Rights
from edge.http import HttpFunction, IdempotencyKey, problems
from edge.settings import FromEnvironment, read
from edge.wiring import aggregates
from kernel.currency import ISO_4217
from kernel.errors import Conflict, Invalid, NotFound
from kernel.ids import derived_id
from kernel.money import Money
from payments import reports
from payments.domain import payment_id_of
from payments.ledger import Ledger, fold
from payments.stripe_events import told_by
from payments.stripe_provider import verified
from payments.wiring import payments, provider

REPORT = Rights.of("payments/write")
GIVE_BACK = Rights.of(None, "finance", "operations")
MAX_AMOUNT = 10**15
handler = HttpFunction()
app = handler.app


class WebhookSettings(FromEnvironment):
    """The secret that the provider signs with."""

    payment_webhook_secret: str


class RefundAmount(BaseModel):
    """Money as integer minor units with an ISO 4217 code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: int = Field(strict=True, gt=0, le=MAX_AMOUNT)
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class RefundOrder(BaseModel):
    """How much to give back, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: RefundAmount
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class RefundPart(BaseModel):
    """What went back to one payment, in minor units."""

    payment_id: str
    amount: int


class RefundMade(BaseModel):
    """A refund: `pending` where the provider will say later how it ended."""

    refund_id: str
    order_id: str
    outcome: Literal["refunded", "pending"]
    refunded: int
    currency: str
    parts: list[RefundPart]


class ProviderObject(BaseModel):
    """The payment intent, charge, refund or dispute that the event is about."""

    model_config = ConfigDict(extra="allow")

    id: str


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
def ledgers() -> Aggregates[Ledger]:
    """The ledgers of all orders."""
    return aggregates(fold, "payment", "pay")


@app.post(
    "/v1/orders/<order_id>/refunds",
    summary="Give money back",
    tags=["payments"],
    status_code=201,
    responses={201: {"description": "The refund"}, **problems(404, 409, 413, 415, 422)},
)
@handler.needs(GIVE_BACK)
def refund_order(
    order_id: Annotated[str, Path(min_length=1, max_length=64)],
    refund: Annotated[RefundOrder, Body()],
    idempotency_key: IdempotencyKey,
) -> Response[RefundMade]:
    """Refund up to what was captured and not given back or disputed, once per Idempotency-Key."""
    request = handler.request()
    if refund.amount.currency not in ISO_4217:
        raise Invalid("unknown_currency", "The currency is not an ISO 4217 code.")
    amount = Money(refund.amount.amount, refund.amount.currency)
    refund_id = derived_id("rfd", order_id, idempotency_key)
    command = request.command("refund-order", key=idempotency_key)
    done = payments().refund(order_id, amount, refund_id, command, purpose="goodwill", reason=refund.reason)
    if done.reason == "nothing_captured":
        raise NotFound("payment_not_found", "Nothing was ever paid for such an order.")
    if done.reason == "another_currency":
        raise Invalid("another_currency", "The order was paid in another currency.")
    if done.outcome == "refused":
        raise _refused(done.reason or "refused")
    parts = [RefundPart(payment_id=payment_id, amount=part) for payment_id, part in done.parts]
    out = RefundMade(
        refund_id=refund_id,
        order_id=order_id,
        outcome=done.outcome,
        refunded=done.refunded,
        currency=amount.currency,
        parts=parts,
    )
    headers: dict[str, str | list[str]] = {"Idempotency-Replayed": "true"} if done.replayed else {}
    return Response(201, "application/json", out, headers)


def _refused(reason: str) -> Conflict:
    if reason == "balance_exceeded":
        return Conflict("balance_exceeded", "Less may be given back than this: see the order's payments.")
    return Conflict("provider_refused", "The payment provider refuses to give it back.", provider_code=reason)


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
    """Record what the provider tells by itself: late answers, refunds and captures made with it, expiry, disputes.

    Events come twice, late and out of order: what is known already changes nothing, and what the hub does not need is ignored.
    """
    request = handler.request()
    secret = clients.secret(read(WebhookSettings).payment_webhook_secret)
    told = told_by(verified(str(app.current_event.body), stripe_signature, secret), provider())
    if told is None:
        return Response(200, "application/json", Taken(outcome="ignored"))
    ledger_id = payment_id_of(told.order_id)
    if ledgers().find(ledger_id) is None:
        raise NotFound("payment_not_found", "There is no such payment.")
    command = request.command("report-provider-event")
    news = [ledgers().execute(ledger_id, command, partial(reports.record, report=report)).events for report in told.reports]
    return Response(200, "application/json", Taken(outcome="recorded" if any(news) else "known"))
