"""HTTP entry point of invoices and credit notes: to read, and to have as a PDF."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from edge import clients
from edge.auth import Rights
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from edge.http import HttpFunction, problems
from edge.settings import FromEnvironment, read
from invoicing.pdf import render
from invoicing.policy import POLICY
from invoicing.service import Invoicing
from invoicing.shapes import InvoiceLink, InvoiceOut, InvoicePage, invoice_out
from invoicing.store import LINK_LIFETIME_S, Documents
from kernel.clock import SystemClock, rfc3339
from kernel.errors import NotFound
from kernel.ids import is_id

READ = Rights.of("orders/read", "finance", "operations")
handler = HttpFunction()
app = handler.app
OrderId = Annotated[str, Path(min_length=1, max_length=64)]
InvoiceId = Annotated[str, Path(min_length=1, max_length=64)]


class InvoicingSettings(FromEnvironment):
    """Where the events and the PDFs are."""

    orders_table: str
    documents_bucket: str


@lru_cache(maxsize=1)
def store() -> EventStore:
    """The events, to read."""
    return EventStore(clients.dynamodb(), read(InvoicingSettings).orders_table)


@lru_cache(maxsize=1)
def invoicing() -> Invoicing:
    """The service, wired once."""
    return Invoicing(store(), RelayOnly(), SystemClock(), POLICY)


@lru_cache(maxsize=1)
def documents() -> Documents:
    """The PDFs."""
    return Documents(clients.s3(), read(InvoicingSettings).documents_bucket)


@app.get(
    "/v1/orders/<order_id>/invoices",
    summary="An order's invoices",
    tags=["invoices"],
    responses={200: {"description": "Invoices and credit notes"}, **problems(404)},
)
@handler.needs(READ)
def list_invoices(order_id: OrderId) -> Response[InvoicePage]:
    """Every invoice and credit note of an order, oldest first."""
    handler.request()
    found = invoicing().of_order(order_id)
    if not found and not (is_id(order_id, "ord") and store().exists(order_id)):
        raise NotFound("order_not_found", "There is no such order.")
    return Response(200, "application/json", InvoicePage(items=[invoice_out(one) for one in found]))


@app.get(
    "/v1/invoices/<invoice_id>",
    summary="An invoice",
    tags=["invoices"],
    responses={200: {"description": "The invoice or credit note"}, **problems(404)},
)
@handler.needs(READ)
def get_invoice(invoice_id: InvoiceId) -> Response[InvoiceOut]:
    """An invoice or credit note, as it was issued."""
    handler.request()
    return Response(200, "application/json", invoice_out(invoicing().load(invoice_id)))


@app.get(
    "/v1/invoices/<invoice_id>/pdf",
    summary="An invoice as a PDF",
    tags=["invoices"],
    responses={200: {"description": "A link that works for some minutes"}, **problems(404)},
)
@handler.needs(READ)
def get_pdf(invoice_id: InvoiceId) -> Response[InvoiceLink]:
    """A link to the PDF, for anybody who has it, for five minutes; the PDF is made when it is asked for first."""
    handler.request()
    issued = invoicing().load(invoice_id)
    number = issued.document.number
    url = documents().link(f"{issued.kind}/{issued.document.issued_on[:4]}/{number}.pdf", f"{number}.pdf", lambda: render(issued))
    expires_at = SystemClock().now() + timedelta(seconds=LINK_LIFETIME_S)
    return Response(200, "application/json", InvoiceLink(url=url, expires_at=rfc3339(expires_at)))
