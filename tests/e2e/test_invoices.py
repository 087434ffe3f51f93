"""Invoices on the deployed stacks: for every order that the other tests made, they come to what was captured and refunded."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from local.api_client import Hub
from local.instance import Instance
from tests.system import ENDED, PATIENCE_S, documents_equal_the_ledger, fresh_stock, place, until


def test_an_order_has_an_invoice_with_a_pdf_behind_a_link_that_expires(hub: Hub, instance: Instance) -> None:
    order = hub.until(place(hub, [(fresh_stock(hub, 2), 2)])["id"], ENDED, PATIENCE_S)
    (invoice,) = until(lambda: hub.call("GET", f"/v1/orders/{order['id']}/invoices")["items"])
    assert (invoice["kind"], invoice["totals"]["gross"]) == ("invoice", order["totals"]["grand"])
    assert [(line["kind"], line["quantity"]) for line in invoice["lines"]] == [("shipping", 1), ("goods", 2)]
    assert "Example" not in str(invoice["customer"])
    assert hub.call("GET", f"/v1/invoices/{invoice['id']}", group="finance") == invoice
    for _ in range(2):
        link = hub.call("GET", f"/v1/invoices/{invoice['id']}/pdf", group="finance")
        pdf = httpx.get(link["url"], timeout=30)
        assert (pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert hub.send("GET", f"/v1/invoices/{invoice['id']}", group="logistics").status_code == 403
    assert hub.send("GET", "/v1/orders/ord_nope/invoices").status_code == 404


@pytest.mark.last
def test_documents_of_every_order_equal_its_ledger_and_their_numbers_have_no_gap(hub: Hub, instance: Instance) -> None:
    orders: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = hub.call("GET", f"/v1/orders?limit=200{cursor}")
        orders += page["items"]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert orders
    numbers: dict[str, list[int]] = {}
    for order in orders:
        documents_equal_the_ledger(hub, instance, order["id"])
        for document in hub.call("GET", f"/v1/orders/{order['id']}/invoices")["items"]:
            series, _, number = document["number"].rpartition("-")
            numbers.setdefault(series, []).append(int(number))
    assert {series: sorted(found) for series, found in numbers.items()} == {
        series: list(range(1, len(found) + 1)) for series, found in numbers.items()
    }
