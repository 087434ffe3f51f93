"""Invoices and credit notes: what each is for, and the next number of its series.

An order's documents are a chain: the id of each follows from its order and place, so that two writers who would both
write the next one meet at one key. A series is a stream whose sequence is the number. Both are written in one
transaction, so a number is never without its document, nor a document without its number (docs/decisions/0027).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from invoicing.billing import by_rate, cover, split
from invoicing.events import CreditNoteIssued, Document, InvoiceIssued
from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from invoicing.billing import Charge, Sale
    from invoicing.policy import Policy
    from kernel.events import Event

MOST_AT_ONCE = 20
"""Documents that one payment may be cut into; beyond, it is one."""
DocumentKind = Literal["invoice", "credit_note"]


@dataclass(frozen=True, slots=True)
class Issued:
    """A document as it was issued; it never changes."""

    id: str
    issued_at: datetime
    document: Document

    @property
    def kind(self) -> DocumentKind:
        """Which of the two it is."""
        return "credit_note" if isinstance(self.document, CreditNoteIssued) else "invoice"


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved: which event told it, of which payment, how much, and what it was for."""

    source: str
    payment_id: str
    amount: int
    intent: str | None = None
    reason: str = "refund"


@dataclass(frozen=True, slots=True)
class Series:
    """A series of numbers of one legal entity, kind of document and year."""

    entity: str
    kind: DocumentKind
    year: int

    @property
    def id(self) -> str:
        """The stream that gives the numbers away."""
        return derived_id("ser", self.entity, self.kind, str(self.year))

    def number(self, sequence: int) -> str:
        """A number as it is printed."""
        middle = "CN-" if self.kind == "credit_note" else ""
        return f"{self.entity}-{middle}{self.year}-{sequence:06d}"


def document_id(order_id: str, place: int) -> str:
    """The id of an order's nth document."""
    return derived_id("inv", order_id, str(place))


def fold(issued: Issued | None, event: Event) -> Issued:
    """The document that the event is; raises ValueError for any other event, and for a second one."""
    if issued is not None or not isinstance(event.data, InvoiceIssued | CreditNoteIssued):
        raise ValueError("a document is issued once, and is not changed")
    return Issued(event.subject, event.time, event.data)


def invoices(
    sale: Sale, capture: Movement, known: Sequence[Issued], after: int, today: date, policy: Policy
) -> list[InvoiceIssued]:
    """The invoices of what was captured: the next stretch of the sale's charges. `after` is the last number given away."""
    begins = max((one.document.ends for one in known if one.kind == "invoice"), default=0)
    ends = begins + capture.amount
    items = cover(sale.charges, begins, ends, policy, sale.customer.country, "advance")
    groups = split(items, policy)
    if len(groups) > MOST_AT_ONCE:
        groups = [items]
    series = series_of(sale, "invoice", today, policy)
    return [
        InvoiceIssued(
            number=series.number(after + nth),
            place=len(known) + nth,
            order_id=sale.order_id,
            external_id=sale.external_id,
            channel=sale.channel,
            entity=policy.entity(sale.channel, sale.customer.country),
            issued_on=today.isoformat(),
            currency=sale.currency,
            customer=sale.customer,
            items=tuple(group),
            rates=by_rate(group),
            net=sum(item.net for item in group),
            tax=sum(item.tax for item in group),
            gross=sum(item.gross for item in group),
            payment_id=capture.payment_id,
            source=capture.source,
            begins=begins,
            ends=ends,
        )
        for nth, group in enumerate(groups, start=1)
    ]


def credit_note(
    sale: Sale,
    refund: Movement,
    returned: Sequence[Charge],
    known: Sequence[Issued],
    after: int,
    today: date,
    policy: Policy,
) -> list[CreditNoteIssued]:
    """The credit note of what was refunded: the next stretch of what the intent gives back, or an amount with its tax."""
    begins = max((one.document.ends for one in known if _of_intent(one, refund.intent)), default=0)
    ends = begins + refund.amount
    country = sale.customer.country
    given = returned or [_share_of_all(refund, known)]
    begins, ends = (begins, ends) if returned else (0, refund.amount)
    items = tuple(cover(given, begins, ends, policy, country, "refund"))
    series = series_of(sale, "credit_note", today, policy)
    note = CreditNoteIssued(
        number=series.number(after + 1),
        place=len(known) + 1,
        order_id=sale.order_id,
        external_id=sale.external_id,
        channel=sale.channel,
        entity=policy.entity(sale.channel, country),
        issued_on=today.isoformat(),
        currency=sale.currency,
        customer=sale.customer,
        items=items,
        rates=by_rate(items),
        net=sum(item.net for item in items),
        tax=sum(item.tax for item in items),
        gross=sum(item.gross for item in items),
        payment_id=refund.payment_id,
        source=refund.source,
        begins=begins,
        ends=ends,
        return_id=refund.intent if returned else None,
        intent=refund.intent,
        reason=refund.reason,
        corrects=tuple(one.document.number for one in known if one.kind == "invoice"),
    )
    return [note]


def _of_intent(one: Issued, intent: str | None) -> bool:
    return isinstance(one.document, CreditNoteIssued) and intent is not None and one.document.intent == intent


def _share_of_all(refund: Movement, known: Sequence[Issued]) -> Charge:
    """An amount of money with the share of tax that the order's invoices have."""
    from invoicing.billing import Charge

    invoiced = [one.document for one in known if one.kind == "invoice"]
    gross, tax = sum(document.gross for document in invoiced), sum(document.tax for document in invoiced)
    share = tax * min(refund.amount, gross) // gross if gross else 0
    return Charge("refund", refund.amount, tax=share, unit_price=refund.amount - share)


def series_of(sale: Sale, kind: DocumentKind, today: date, policy: Policy) -> Series:
    """The series that a document of this sale takes its number from."""
    return Series(policy.entity(sale.channel, sale.customer.country).code, kind, today.year)
