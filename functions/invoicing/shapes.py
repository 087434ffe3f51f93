"""Invoices and credit notes as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from invoicing.events import CreditNoteIssued, Customer, Entity
from kernel.clock import rfc3339

if TYPE_CHECKING:
    from invoicing.domain import Issued
    from invoicing.events import Item


class MoneyOut(BaseModel):
    """Integer minor units with an ISO 4217 code."""

    amount: int
    currency: str


class InvoiceItemOut(BaseModel):
    """A line: gross = net + tax. `part` says that only a part of it is here, since the rest is paid with another payment."""

    kind: Literal["goods", "shipping", "advance", "refund"]
    line_id: str | None
    sku: str | None
    shipment_id: str | None
    quantity: int
    unit_price: MoneyOut
    discount: MoneyOut
    fee: MoneyOut
    net: MoneyOut
    tax: MoneyOut
    gross: MoneyOut
    tax_rate: str
    part: bool


class RateOut(BaseModel):
    """What the document comes to at one tax rate, in percent."""

    tax_rate: str
    net: MoneyOut
    tax: MoneyOut


class InvoiceTotalsOut(BaseModel):
    """What the document comes to."""

    net: MoneyOut
    tax: MoneyOut
    gross: MoneyOut


class InvoiceOut(BaseModel):
    """An invoice, or a credit note, whose amounts are what is given back. Personal fields are masked."""

    id: str
    kind: Literal["invoice", "credit_note"]
    number: str
    order_id: str
    external_id: str
    channel: str
    issued_at: str
    issued_on: str
    issuer: Entity
    customer: Customer
    currency: str
    lines: list[InvoiceItemOut]
    tax_rates: list[RateOut]
    totals: InvoiceTotalsOut
    payment_id: str
    return_id: str | None
    reason: str | None
    corrects: list[str]
    links: dict[str, str]


class InvoicePage(BaseModel):
    """An order's invoices and credit notes, oldest first."""

    items: list[InvoiceOut]
    next_cursor: Literal[None] = None


class InvoiceLink(BaseModel):
    """A link to the PDF, for anybody who has it, until it expires."""

    url: str
    expires_at: str


def percent(rate: int) -> str:
    """A rate in basis points as people write it: `19 %`, `5.5 %`."""
    return f"{rate / 100:.2f}".rstrip("0").rstrip(".") + " %"


def invoice_out(issued: Issued) -> InvoiceOut:
    """A document as clients see it."""
    document = issued.document
    note = document if isinstance(document, CreditNoteIssued) else None

    def money(amount: int) -> MoneyOut:
        return MoneyOut(amount=amount, currency=document.currency)

    def item_out(item: Item) -> InvoiceItemOut:
        return InvoiceItemOut(
            kind=item.kind,
            line_id=item.line_id,
            sku=item.sku,
            shipment_id=item.shipment_id,
            quantity=item.quantity,
            unit_price=money(item.unit_price),
            discount=money(item.discount),
            fee=money(item.fee),
            net=money(item.net),
            tax=money(item.tax),
            gross=money(item.gross),
            tax_rate=percent(item.rate),
            part=item.part,
        )

    return InvoiceOut(
        id=issued.id,
        kind=issued.kind,
        number=document.number,
        order_id=document.order_id,
        external_id=document.external_id,
        channel=document.channel,
        issued_at=rfc3339(issued.issued_at),
        issued_on=document.issued_on,
        issuer=document.entity,
        customer=document.customer,
        currency=document.currency,
        lines=[item_out(item) for item in document.items],
        tax_rates=[RateOut(tax_rate=percent(r.rate), net=money(r.net), tax=money(r.tax)) for r in document.rates],
        totals=InvoiceTotalsOut(net=money(document.net), tax=money(document.tax), gross=money(document.gross)),
        payment_id=document.payment_id,
        return_id=note.return_id if note else None,
        reason=note.reason if note else None,
        corrects=list(note.corrects) if note else [],
        links={
            "self": f"/v1/invoices/{issued.id}",
            "pdf": f"/v1/invoices/{issued.id}/pdf",
            "order": f"/v1/orders/{document.order_id}",
        },
    )
