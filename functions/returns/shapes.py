"""Returns as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from kernel.clock import rfc3339
from returns.domain import expected
from returns.policy import POLICY

if TYPE_CHECKING:
    from kernel.units import Units
    from returns.domain import Return

ReturnStatus = Literal["requested", "approved", "received", "inspected", "refunded", "rejected", "cancelled"]
RefundStatus = Literal["expected", "requested", "refunded", "none"]


class MoneyOut(BaseModel):
    """Integer minor units with an ISO 4217 code."""

    amount: int
    currency: str


class ReturnLineOut(BaseModel):
    """Units of an order's line that come back, and what was found of them; all counts are units."""

    line_id: str
    sku: str
    quantity: int
    reason: str
    node_id: str
    restocked: int
    scrapped: int
    refused: int


class RefundPartOut(BaseModel):
    """What goes back for a line: what was paid for its units, the tax in it, and the fee that is kept."""

    line_id: str
    quantity: int
    paid: MoneyOut
    tax: MoneyOut
    fee: MoneyOut


class RefundOut(BaseModel):
    """The money of a return: `amount` is what the customer gets, paid − fee + shipping; `expected` until it is asked for."""

    status: RefundStatus
    amount: MoneyOut
    shipping: MoneyOut
    lines: list[RefundPartOut]


class ExchangeLineOut(BaseModel):
    """A line of what the customer gets instead; discount and tax are of the whole line."""

    sku: str
    quantity: int
    unit_price: MoneyOut
    discount: MoneyOut
    tax: MoneyOut


class ExchangeOut(BaseModel):
    """What the customer gets instead: an order of its own, once the return is inspected."""

    order_id: str | None
    shipping: MoneyOut
    lines: list[ExchangeLineOut]


class ReturnOut(BaseModel):
    """A return of an order."""

    id: str
    order_id: str
    status: ReturnStatus
    version: int
    currency: str
    requested_at: str
    changed_at: str
    reason: str | None
    lines: list[ReturnLineOut]
    refund: RefundOut
    exchange: ExchangeOut | None
    links: dict[str, str]


class ReturnPage(BaseModel):
    """An order's returns, oldest first."""

    items: list[ReturnOut]
    next_cursor: Literal[None] = None


def return_out(rma: Return, version: int) -> ReturnOut:
    """A return at a version, as clients see it."""
    restocked = rma.found("restock")
    scrapped, refused = rma.found("scrap"), rma.found("refuse")

    def count(found: dict[str, Units], line_id: str) -> int:
        return found[line_id].count if line_id in found else 0

    return ReturnOut(
        id=rma.id,
        order_id=rma.order_id,
        status=rma.status,
        version=version,
        currency=rma.requested.currency,
        requested_at=rfc3339(rma.requested_at),
        changed_at=rfc3339(rma.changed_at),
        reason=rma.reason,
        lines=[
            ReturnLineOut(
                line_id=line.line_id,
                sku=line.sku,
                quantity=line.units.count,
                reason=line.reason,
                node_id=rma.node_of(line.line_id),
                restocked=count(restocked, line.line_id),
                scrapped=count(scrapped, line.line_id),
                refused=count(refused, line.line_id),
            )
            for line in rma.requested.lines
        ],
        refund=_refund_out(rma),
        exchange=_exchange_out(rma),
        links={"self": f"/v1/returns/{rma.id}", "order": f"/v1/orders/{rma.order_id}"},
    )


def _refund_out(rma: Return) -> RefundOut:
    def money(amount: int) -> MoneyOut:
        return MoneyOut(amount=amount, currency=rma.requested.currency)

    refund = rma.refund or expected(rma, POLICY)
    status: RefundStatus = "expected" if rma.refund is None else "requested" if rma.refunded is None else "refunded"
    if rma.stage in ("rejected", "cancelled"):
        return RefundOut(status="none", amount=money(0), shipping=money(0), lines=[])
    return RefundOut(
        status=status,
        amount=money(refund.amount),
        shipping=money(refund.shipping),
        lines=[
            RefundPartOut(
                line_id=part.line_id,
                quantity=part.quantity,
                paid=money(part.amount),
                tax=money(part.tax),
                fee=money(part.fee),
            )
            for part in refund.parts
        ],
    )


def _exchange_out(rma: Return) -> ExchangeOut | None:
    wanted = rma.requested.exchange
    if wanted is None:
        return None

    def money(amount: int) -> MoneyOut:
        return MoneyOut(amount=amount, currency=rma.requested.currency)

    return ExchangeOut(
        order_id=rma.exchange_order_id,
        shipping=money(wanted.shipping),
        lines=[
            ExchangeLineOut(
                sku=line.sku,
                quantity=line.quantity,
                unit_price=money(line.unit_price),
                discount=money(line.discount),
                tax=money(line.tax),
            )
            for line in wanted.lines
        ],
    )
