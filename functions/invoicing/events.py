"""The events of invoices and credit notes. Money is in minor units; personal data is masked, as the order's events have it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from kernel.contracts import EventData, contract

Kind = Literal["goods", "shipping", "advance", "refund"]
"""What an item is for: `advance` is paid for what has not left yet, `refund` is no return of goods."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entity(_Part):
    """Who issues: a legal entity of the merchant."""

    code: str
    name: str
    address: tuple[str, ...]
    tax_id: str


class Customer(_Part):
    """Whom it is for: their id in the clear, the rest masked and coarse."""

    id: str
    name: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str


class Item(_Part):
    """A line of a document: gross = net + tax, and net = unit price × quantity − discount − fee where it is whole.

    `part` says that only a part of it is in this document, since the rest is paid with another payment.
    """

    kind: Kind
    line_id: str | None = None
    sku: str | None = None
    shipment_id: str | None = None
    quantity: int
    unit_price: int
    discount: int = 0
    fee: int = 0
    net: int
    tax: int
    gross: int
    rate: int
    """The tax rate in basis points."""
    part: bool = False


class RateTotal(_Part):
    """What a document comes to at one tax rate (basis points)."""

    rate: int
    net: int
    tax: int


class Document(EventData):
    """What invoices and credit notes have in common."""

    number: str
    place: int
    """Which of its order's documents it is, from 1."""
    order_id: str
    external_id: str
    channel: str
    entity: Entity
    issued_on: str
    currency: str
    customer: Customer
    items: tuple[Item, ...]
    rates: tuple[RateTotal, ...]
    net: int
    tax: int
    gross: int
    payment_id: str
    source: str
    """The event that it follows from, which has one invoice or several, or one credit note."""
    begins: int
    ends: int
    """Which part of what the order comes to, or the refund comes to, the source is for; in minor units from 0."""


@contract("invoice.issued", 1, context="invoicing", trigger="payment.captured", consumers=("finance", "webhooks"))
class InvoiceIssued(Document):
    """What was captured is invoiced."""


@contract("credit_note.issued", 1, context="invoicing", trigger="payment.refunded", consumers=("finance", "webhooks"))
class CreditNoteIssued(Document):
    """What was refunded is credited."""

    return_id: str | None = None
    intent: str | None = None
    reason: str
    corrects: tuple[str, ...] = ()
    """The numbers of the order's invoices."""


@contract("invoice.numbered", 1, context="invoicing", trigger="a document took the next number of its series", consumers=("audit",))
class DocumentNumbered(EventData):
    """The series gave away a number: the event's own sequence."""

    number: str
    document_id: str
    order_id: str
