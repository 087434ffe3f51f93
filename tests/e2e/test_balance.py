"""One large order through everything that can happen to it: in the end stock, money and documents balance to the cent."""

from __future__ import annotations

import uuid
from typing import Any

from local.api_client import Hub
from local.demo import order_body
from local.instance import Instance
from tests.examples import money
from tests.system import ENDED, PATIENCE_S, books, documents_equal_the_ledger, stock, until

NODES = ("wh-east", "wh-west", "store-main")
LINES, UNITS = 120, 2


def price(number: int) -> int:
    return 100 + number


def goods(hub: Hub) -> list[str]:
    """A SKU for every line, a third of them at each node, three units of each."""
    run = uuid.uuid4().hex[:6]
    skus = [f"BAL-{run}-{number}" for number in range(1, LINES + 1)]
    received = [
        {"sku": sku, "node_id": NODES[place % 3], "type": "received", "quantity": 3, "reference": "test"}
        for place, sku in enumerate(skus)
    ]
    hub.call("POST", "/v1/inventory/movements", {"movements": received})
    return skus


def test_an_order_of_120_lines_3_nodes_and_2_payments_balances_after_an_edit_a_cancel_a_return_and_an_exchange(
    hub: Hub, instance: Instance
) -> None:
    # Given an order of 120 lines that a gift card and a card pay, and that somebody holds
    skus = goods(hub)
    lines = [
        {"sku": sku, "quantity": UNITS, "unit_price": money(price(n)), "discount": money(n % 5), "tax": money(n % 7)}
        for n, sku in enumerate(skus, start=1)
    ]
    gift = {"method": "gift_card", "token": f"gift_5000_{uuid.uuid4().hex[:8]}", "amount": money(5000)}
    payments = {"payment": None, "payments": [gift, {"method": "card", "token": "tok_ok"}]}
    wanted = hub.call("POST", "/v1/orders", {**order_body([], "tok_ok"), **payments, "lines": lines, "shipping": money(990)})
    order_id = wanted["id"]
    held = hub.call("POST", f"/v1/orders/{order_id}/holds", {"type": "manual", "reason": "a large order"})

    # When line 15 is cancelled, line 35 gets a unit more and line 10 is taken out by an edit, and the order is let go
    hub.call(
        "POST", f"/v1/orders/{order_id}/cancel", {"reason": "one too many", "lines": [{"line_id": "ln_15", "quantity": UNITS}]}
    )
    preview = hub.call(
        "POST",
        f"/v1/orders/{order_id}/edits",
        {"change": [{"line_id": "ln_35", "quantity": 3}, {"line_id": "ln_10", "quantity": 0}]},
    )
    hub.call("POST", preview["links"]["commit"])
    hub.call("POST", f"/v1/orders/{order_id}/holds/{held['hold_id']}/release", {"reason": "all is clear"})
    order = hub.until(order_id, ENDED, 3 * PATIENCE_S)

    # Then what is left comes in three parcels, and is paid for by both payments
    gone = {10, 15}
    due = sum(price(n) * UNITS - n % 5 + n % 7 for n in range(1, LINES + 1) if n not in gone) + price(35) + 990
    assert (order["status"], len(order["shipments"]), order["payment_status"]) == ("completed", 3, "paid")
    assert sum(line["delivered"] for line in order["lines"]) == UNITS * (LINES - len(gone)) + 1
    kept = books(instance, order_id)
    assert sum(payment["captured"] for payment in kept) == due
    assert len([payment for payment in kept if payment["captured"]]) == 2

    # When both units of line 20 come back, one of line 25 is exchanged for another good, and the money is returned
    rma = returned(hub, order_id, "ln_20", UNITS)
    exchange = returned(
        hub, order_id, "ln_25", 1, exchange={"lines": [{**lines[29], "quantity": 1, "discount": money(0), "tax": money(0)}]}
    )
    follow_up = until(lambda: hub.call("GET", f"/v1/returns/{exchange['id']}")["exchange"]["order_id"])
    other = hub.until(follow_up, ENDED, PATIENCE_S)
    for one in (rma, exchange):
        until(lambda one=one: hub.call("GET", f"/v1/returns/{one['id']}")["status"] == "refunded")

    # Then the books of provider, ledger, invoices and stock say the same
    back = price(20) * UNITS - 20 % 5 + 20 % 7 + hub.call("GET", f"/v1/returns/{exchange['id']}")["refund"]["amount"]["amount"]
    kept = books(instance, order_id)
    assert (sum(p["captured"] for p in kept), sum(p["refunded"] for p in kept)) == (due, back)
    ledger = hub.call("GET", f"/v1/orders/{order_id}/payments")
    assert (ledger["captured"], ledger["refunded"]) == (due, back)
    assert (other["status"], sum(p["captured"] for p in books(instance, follow_up))) == ("completed", price(30))
    documents_equal_the_ledger(hub, instance, order_id)
    documents_equal_the_ledger(hub, instance, follow_up)
    left = {1: 1, 35: 0, 10: 3, 15: 3, 20: 3, 25: 2, 30: 0}
    assert {n: stock(hub, skus[n - 1])["available"] for n in left} == left
    assert all(stock(hub, skus[n - 1])["allocated"] + stock(hub, skus[n - 1])["reserved"] == 0 for n in left)


def returned(hub: Hub, order_id: str, line_id: str, quantity: int, **more: Any) -> dict[str, Any]:
    """A return that was asked for, came back in good order, and is to be paid back."""
    asked = {"lines": [{"line_id": line_id, "quantity": quantity, "reason": "damaged"}], **more}
    rma: dict[str, Any] = hub.call("POST", f"/v1/orders/{order_id}/returns", asked)
    hub.call("POST", f"/v1/returns/{rma['id']}/approve")
    hub.call("POST", f"/v1/returns/{rma['id']}/receive", {}, group="logistics")
    found = [{"line_id": line_id, "outcome": "restock", "quantity": quantity}]
    hub.call("POST", f"/v1/returns/{rma['id']}/inspect", {"lines": found}, group="logistics")
    hub.call("POST", f"/v1/returns/{rma['id']}/refund", group="finance")
    return rma
