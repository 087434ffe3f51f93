"""HTTP entry point of returns. It is the hub's because a return is asked of two: the order has the units, the RMA the rest."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from pydantic import BaseModel, ConfigDict, Field

from edge.auth import Rights
from edge.http import HttpFunction, IdempotencyKey, IfMatch, etag, problems
from edge.wiring import aggregates
from hub.order_desk import OrderDesk
from kernel.errors import Invalid
from orders.commands import MAX_LINES, MAX_QUANTITY, Amount, LineIn, Text, Word
from orders.domain import fold as fold_order
from orders.return_events import Exchange, WantedLine
from orders.returning import Wish
from returns import domain
from returns.domain import Finding, fold
from returns.events import Outcome
from returns.policy import POLICY
from returns.service import Returns
from returns.shapes import ReturnOut, ReturnPage, return_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.aggregates import Aggregates, Done
    from kernel.contracts import EventData
    from orders.domain import Order
    from returns.domain import Return

ASK = Rights.of("orders/write", "operations")
DECIDE = Rights.of(None, "operations")
HANDLE = Rights.of("fulfilment/write", "operations", "logistics")
REFUND = Rights.of(None, "operations", "finance", "approvers")
EXCEED = Rights.of(None, "finance", "approvers")
READ = Rights.of("orders/read", "operations", "approvers", "finance", "logistics", "auditors")
handler = HttpFunction()
app = handler.app
OrderId = Annotated[str, Path(min_length=1, max_length=64)]
ReturnId = Annotated[str, Path(min_length=1, max_length=64)]
ANSWERS = {200: {"description": "The return"}, **problems(404, 409, 412, 415, 422)}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReturnLineIn(_Strict):
    """So many units of a line, and why they come back: words that policy knows, such as `damaged`, or any others."""

    line_id: Word
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)
    reason: Text


class ExchangeIn(_Strict):
    """What the customer gets instead, in the order's currency; it is charged like any order, when the return is inspected."""

    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MAX_LINES)]
    shipping: Amount | None = None


class RequestReturn(_Strict):
    """What a customer wants to send back, and perhaps what they want instead."""

    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=MAX_LINES)]
    exchange: ExchangeIn | None = None

    def wishes(self) -> list[Wish]:
        """The units, in the order's terms."""
        return [Wish(line.line_id, line.quantity, line.reason) for line in self.lines]

    def wanted_instead(self, currency: str) -> Exchange | None:
        """The exchange, in the order's terms. Raises Invalid for another currency than the order's."""
        if self.exchange is None:
            return None
        shipping, lines = self.exchange.shipping, self.exchange.lines
        amounts = [*([shipping] if shipping else []), *(a for line in lines for a in (line.unit_price, line.discount, line.tax))]
        if any(amount.currency != currency for amount in amounts):
            raise Invalid("currency_mismatch", "An exchange is in the currency of its order.")
        wanted = tuple(
            WantedLine(
                sku=line.sku,
                quantity=line.quantity,
                unit_price=line.unit_price.amount,
                discount=line.discount.amount,
                tax=line.tax.amount,
            )
            for line in lines
        )
        return Exchange(lines=wanted, shipping=shipping.amount if shipping else 0)


class GiveReason(_Strict):
    """Why."""

    reason: Text


class ReceiveReturn(_Strict):
    """The node at which the parcel arrived; without it, each line is where it was sent from."""

    node_id: Word | None = None


class FindingIn(_Strict):
    """So many units of a line, and what was found."""

    line_id: Word
    outcome: Outcome
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)


class InspectReturn(_Strict):
    """What was found of every unit of the return."""

    lines: Annotated[list[FindingIn], Field(min_length=1, max_length=3 * MAX_LINES)]


class Nothing(_Strict):
    """No more than the command itself."""


NoBody = Annotated[Nothing | None, Body()]
Where = Annotated[ReceiveReturn | None, Body()]


@lru_cache(maxsize=1)
def returns() -> Returns:
    """The service, wired once."""
    return Returns(aggregates(fold, "return", "rma"))


@lru_cache(maxsize=1)
def orders() -> Aggregates[Order]:
    """The orders whose units come back."""
    return aggregates(fold_order, "order", "ord")


def _answer(status: int, done: Done[Return]) -> Response[ReturnOut]:
    headers: dict[str, str | list[str]] = {"ETag": etag(done.version)}
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    if status == 201:
        headers["Location"] = f"/v1/returns/{done.id}"
    return Response(status, "application/json", return_out(done.state, done.version), headers)


@app.post(
    "/v1/orders/<order_id>/returns",
    summary="Ask for a return",
    tags=["returns"],
    status_code=201,
    responses={201: {"description": "The return"}, **problems(404, 409, 412, 415, 422)},
)
@handler.needs(ASK)
def request_return(
    order_id: OrderId, wanted: Annotated[RequestReturn, Body()], idempotency_key: IdempotencyKey, if_match: IfMatch = None
) -> Response[ReturnOut]:
    """Set delivered units aside for a return, never more than were delivered; If-Match is the order's version."""
    request = handler.request()
    command = request.command("request-return", key=idempotency_key, if_match=if_match)
    desk = OrderDesk(orders(), order_id, wanted.wishes(), wanted.wanted_instead)
    return _answer(201, returns().request(order_id, desk, command))


@app.get(
    "/v1/orders/<order_id>/returns",
    summary="An order's returns",
    tags=["returns"],
    responses={200: {"description": "All of them"}, **problems(404)},
)
@handler.needs(READ)
def list_returns(order_id: OrderId) -> Response[ReturnPage]:
    """Every return of an order, oldest first."""
    handler.request()
    known = [returns().find(return_id) for return_id in orders().load(order_id).state.returns]
    items = [return_out(done.state, done.version) for done in known if done is not None]
    return Response(200, "application/json", ReturnPage(items=items))


@app.get(
    "/v1/returns/<return_id>", summary="A return", tags=["returns"], responses={200: {"description": "The return"}, **problems(404)}
)
@handler.needs(READ)
def get_return(return_id: ReturnId) -> Response[ReturnOut]:
    """A return as it is, read from its events."""
    handler.request()
    return _answer(200, returns().load(return_id))


def _decide(
    name: str, return_id: str, key: str, if_match: str | None, decision: Callable[[Return], Sequence[EventData]]
) -> Response[ReturnOut]:
    command = handler.request().command(name, key=key, if_match=if_match)
    return _answer(200, returns().decide(return_id, command, decision))


@app.post("/v1/returns/<return_id>/approve", summary="Approve a return", tags=["returns"], responses=ANSWERS)
@handler.needs(DECIDE)
def approve_return(
    return_id: ReturnId,
    idempotency_key: IdempotencyKey,
    nothing: NoBody = None,
    if_match: IfMatch = None,
) -> Response[ReturnOut]:
    """Let the customer send it."""
    return _decide("approve-return", return_id, idempotency_key, if_match, domain.approve)


@app.post("/v1/returns/<return_id>/reject", summary="Reject a return", tags=["returns"], responses=ANSWERS)
@handler.needs(DECIDE)
def reject_return(
    return_id: ReturnId, given: Annotated[GiveReason, Body()], idempotency_key: IdempotencyKey, if_match: IfMatch = None
) -> Response[ReturnOut]:
    """Take nothing back; the units count as delivered again."""
    return _decide("reject-return", return_id, idempotency_key, if_match, lambda rma: domain.reject(rma, given.reason))


@app.post("/v1/returns/<return_id>/cancel", summary="Cancel a return", tags=["returns"], responses=ANSWERS)
@handler.needs(ASK)
def cancel_return(
    return_id: ReturnId, given: Annotated[GiveReason, Body()], idempotency_key: IdempotencyKey, if_match: IfMatch = None
) -> Response[ReturnOut]:
    """The customer keeps it, as long as the parcel is not here; the units count as delivered again."""
    return _decide("cancel-return", return_id, idempotency_key, if_match, lambda rma: domain.cancel(rma, given.reason))


@app.post("/v1/returns/<return_id>/receive", summary="Receive a return", tags=["returns"], responses=ANSWERS)
@handler.needs(HANDLE)
def receive_return(
    return_id: ReturnId,
    idempotency_key: IdempotencyKey,
    here: Where = None,
    if_match: IfMatch = None,
) -> Response[ReturnOut]:
    """The parcel is here."""
    node_id = here.node_id if here else None
    return _decide("receive-return", return_id, idempotency_key, if_match, lambda rma: domain.receive(rma, node_id))


@app.post("/v1/returns/<return_id>/inspect", summary="Inspect a return", tags=["returns"], responses=ANSWERS)
@handler.needs(HANDLE)
def inspect_return(
    return_id: ReturnId, found: Annotated[InspectReturn, Body()], idempotency_key: IdempotencyKey, if_match: IfMatch = None
) -> Response[ReturnOut]:
    """Say of every unit whether it is sold again, scrapped, or refused and sent back; stock and order follow."""
    findings = [Finding(line.line_id, line.outcome, line.quantity) for line in found.lines]
    return _decide("inspect-return", return_id, idempotency_key, if_match, lambda rma: domain.inspect(rma, findings))


@app.post(
    "/v1/returns/<return_id>/refund",
    summary="Refund a return",
    tags=["returns"],
    status_code=202,
    responses={202: {"description": "The return, whose money is on its way"}, **problems(404, 409, 412, 415, 422)},
)
@handler.needs(REFUND)
def refund_return(
    return_id: ReturnId,
    idempotency_key: IdempotencyKey,
    nothing: NoBody = None,
    if_match: IfMatch = None,
) -> Response[ReturnOut]:
    """Give back what was paid for the accepted units, less the fee; over the limit it is for approvers or finance."""
    request = handler.request()
    may_exceed = request.caller.permitted(EXCEED)
    command = request.command("refund-return", key=idempotency_key, if_match=if_match)
    done = returns().decide(return_id, command, lambda rma: domain.request_refund(rma, POLICY, may_exceed=may_exceed))
    return _answer(202, done)
