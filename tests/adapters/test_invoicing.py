"""Invoices on real table semantics: one number each under concurrency, from the facts of an order, and a PDF behind a link."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from edge import clients
from edge.aggregates import Command
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from hub import invoice_feed
from invoicing.billing import Charge, cover
from invoicing.domain import Movement, Series
from invoicing.events import CreditNoteIssued
from invoicing.pdf import amount, render
from invoicing.policy import Policy
from invoicing.service import Invoicing
from invoicing.store import Documents
from kernel.clock import SystemClock
from kernel.errors import NotFound
from returns import domain
from returns.policy import Policy as ReturnPolicy
from tests.adapters.test_returning import ask, orders, returns, store_delivered
from tests.aws import aws
from tests.examples import CAUSE, ORDER_ID
from tests.property.test_invoices import COMMAND, sale


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {"ORDERS_TABLE": "orders", "TOLD_TABLE": "told", "EVENT_BUS": "bus", "FAST_LANE": "off"}.items():
        monkeypatch.setenv(name, value)
    with aws() as found:
        for wired in (invoice_feed.orders, invoice_feed.returns, invoice_feed.invoicing):
            wired.cache_clear()
        yield found


def invoicing(client: Any) -> Invoicing:
    return Invoicing(EventStore(client, "orders"), RelayOnly(), SystemClock(), Policy())


class OneAtATime:
    """A DynamoDB client whose calls do not overlap: moto's transactions are not made for threads. Those between them are."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found) or name == "get_paginator":
            return found

        def alone(**arguments: Any) -> Any:
            with self._lock:
                return found(**arguments)

        return alone


def test_invoices_that_are_issued_at_once_are_numbered_without_a_gap(database: Any) -> None:
    client = OneAtATime(database)

    def one(number: int) -> str:
        sold = sale(number % 10, [(500, 80, 1)])
        (issued,) = invoicing(client).invoice(sold, Movement(f"evt_{number}", f"pay_{number}", 500), COMMAND)
        return issued.document.number

    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(one, [*range(20), *range(20)]))  # every event comes twice
    year = SystemClock().now().year
    series = Series("EU", "invoice", year)
    assert sorted(set(numbers)) == [series.number(n) for n in range(1, 21)]
    assert numbers[:20] == numbers[20:]
    taken = [event for commit in EventStore(database, "orders").commits(series.id) for event in commit.events]
    assert [event.sequence for event in taken] == list(range(1, 21))


def heard(type_: str, event_id: str, **data: Any) -> dict[str, Any]:
    detail = {
        "id": event_id,
        "type": type_,
        "subject": "pay_1",
        "sequence": 3,
        "time": "2026-11-24T10:00:00.000Z",
        "correlationid": "req_1",
        "data": {"order_id": ORDER_ID, "currency": "USD", "key": "k", **data},
    }
    return {"Records": [{"messageId": event_id, "body": json.dumps({"detail": detail})}]}


def test_a_capture_is_invoiced_and_a_return_credited_each_once_whatever_is_repeated(database: Any) -> None:
    store_delivered(database)
    total = orders(database).load(ORDER_ID).state.capturable.amount
    rma = ask(database, 2)
    service = returns(database)
    for name, decide in (
        ("approve", domain.approve),
        ("receive", lambda r: domain.receive(r, None)),
        ("inspect", lambda r: domain.inspect(r, [domain.Finding("ln_1", "restock", 2)])),
        ("refund", lambda r: domain.request_refund(r, ReturnPolicy(), may_exceed=True)),
    ):
        service.decide(rma.id, Command(name, CAUSE), decide)
    refund = service.load(rma.id).state.refund
    assert refund is not None
    for _ in range(2):
        for event in (
            heard("payment.refunded.v1", "evt_b", amount=refund.amount, intent=rma.id),
            heard("payment.captured.v1", "evt_a", amount=total, payment_id="pay_2"),
        ):
            assert invoice_feed.handler(event, None) == {"batchItemFailures": []}
    note, invoice = invoicing(database).of_order(ORDER_ID)
    assert (invoice.kind, invoice.document.gross, invoice.document.payment_id) == ("invoice", total, "pay_2")
    assert [(item.kind, item.quantity, item.part) for item in invoice.document.items] == [
        ("shipping", 1, False),
        ("goods", 3, False),
    ]
    assert isinstance(note.document, CreditNoteIssued)
    assert (note.document.gross, note.document.return_id, note.document.items[0].quantity) == (refund.amount, rma.id, 2)


def test_a_document_has_a_link_to_its_pdf_which_is_made_once(database: Any) -> None:
    (issued,) = invoicing(database).invoice(sale(1, [(500, 80, 1), (0, 0, 1)]), Movement("evt_1", "pay_1", 500), COMMAND)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="documents")
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        return render(issued)

    documents = Documents(clients.s3(), "documents")
    link = documents.link("a.pdf", "a.pdf", make)
    assert documents.link("a.pdf", "a.pdf", make).partition("?")[0] == link.partition("?")[0]
    assert (len(made), "X-Amz-Expires=300" in link) == (1, True)
    kept = s3.get_object(Bucket="documents", Key="a.pdf")
    assert kept["ContentType"] == "application/pdf"
    content = kept["Body"].read()
    assert content.startswith(b"%PDF-")
    assert content == render(issued)


@pytest.mark.parametrize(("minor", "currency", "shown"), [(123450, "USD", "1,234.50"), (500, "JPY", "500"), (1234, "KWD", "1.234")])
def test_an_amount_is_written_with_its_currencys_digits(minor: int, currency: str, shown: str) -> None:
    assert amount(minor, currency) == shown


def test_there_is_no_invoice_by_any_other_id(database: Any) -> None:
    for wrong in ("inv_" + "0" * 32, ORDER_ID, "x"):
        with pytest.raises(NotFound):
            invoicing(database).load(wrong)


def test_a_fee_changes_no_tax_rate() -> None:
    kept = Charge("goods", 1_190 - 100, tax=190, quantity=1, unit_price=1_000, fee=100)
    (item,) = cover([kept], 0, kept.gross, Policy(), "DE", "refund")
    assert (item.rate, item.net, item.tax, item.gross) == (1900, 900, 190, 1_090)
