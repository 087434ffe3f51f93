"""Returns on the deployed stacks: units, stock and money follow what is found, and never more comes back than was delivered."""

from __future__ import annotations

from typing import Any

import pytest

from local.api_client import Hub, Refused
from local.instance import Instance
from tests.examples import line
from tests.system import ENDED, PATIENCE_S, at_once, books, documents_equal_the_ledger, fresh_stock, place, stock, until


def ask(hub: Hub, order: dict[str, Any], quantity: int, reason: str = "damaged", **more: Any) -> dict[str, Any]:
    wanted = {"lines": [{"line_id": "ln_1", "quantity": quantity, "reason": reason}], **more}
    found: dict[str, Any] = hub.call("POST", f"/v1/orders/{order['id']}/returns", wanted)
    return found


def inspected(hub: Hub, rma: dict[str, Any], *found: tuple[str, int]) -> dict[str, Any]:
    hub.call("POST", f"/v1/returns/{rma['id']}/approve")
    hub.call("POST", f"/v1/returns/{rma['id']}/receive", {}, group="logistics")
    lines = [{"line_id": "ln_1", "outcome": outcome, "quantity": quantity} for outcome, quantity in found]
    done: dict[str, Any] = hub.call("POST", f"/v1/returns/{rma['id']}/inspect", {"lines": lines}, group="logistics")
    return done


def counters(hub: Hub, order: dict[str, Any]) -> tuple[int, int, int]:
    (first,) = hub.order(order["id"])["lines"]
    return first["return_requested"], first["returned"], first["refunded"]


def test_a_return_of_mixed_findings_moves_stock_money_and_counters(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 5)
    order = hub.until(place(hub, [(sku, 4)])["id"], ENDED, PATIENCE_S)
    rma = ask(hub, order, 4)
    assert (rma["status"], rma["refund"]["status"], rma["refund"]["amount"]["amount"]) == ("requested", "expected", 2300)
    rma = inspected(hub, rma, ("restock", 2), ("scrap", 1), ("refuse", 1))
    assert (rma["status"], rma["refund"]["amount"]["amount"]) == ("inspected", 1500)
    until(lambda: counters(hub, order) == (0, 3, 0))
    until(lambda: stock(hub, sku)["available"] == 3)
    with pytest.raises(Refused) as refused:
        hub.call("POST", f"/v1/returns/{rma['id']}/refund", group="logistics")
    assert refused.value.status == 403
    asked = hub.call("POST", f"/v1/returns/{rma['id']}/refund", group="finance")
    assert asked["refund"]["status"] in ("requested", "refunded")
    done = until(lambda: (found := hub.call("GET", f"/v1/returns/{rma['id']}"))["status"] == "refunded" and found)
    assert done["refund"]["status"] == "refunded"
    assert counters(hub, order) == (0, 3, 3)
    assert [(b["captured"], b["refunded"]) for b in books(instance, order["id"])] == [(2300, 1500)]
    documents_equal_the_ledger(hub, instance, order["id"])
    # The refused unit is with the customer again, and may come back another time.
    assert ask(hub, order, 1)["status"] == "requested"
    assert len(hub.call("GET", f"/v1/orders/{order['id']}/returns")["items"]) == 2


def test_ten_requests_at_once_never_get_more_than_was_delivered(hub: Hub) -> None:
    sku = fresh_stock(hub, 3)
    order = hub.until(place(hub, [(sku, 3)])["id"], ENDED, PATIENCE_S)
    wanted = {"lines": [{"line_id": "ln_1", "quantity": 1, "reason": "damaged"}]}
    answers = at_once(lambda _: hub.send("POST", f"/v1/orders/{order['id']}/returns", wanted), 10, 10)
    assert sorted(answer.status_code for answer in answers if answer.status_code != 503) == [201] * 3 + [409] * 7
    assert counters(hub, order)[0] == 3
    first = next(answer.json() for answer in answers if answer.status_code == 201)
    hub.call("POST", f"/v1/returns/{first['id']}/cancel", {"reason": "keeps it"})
    until(lambda: counters(hub, order)[0] == 2)
    assert ask(hub, order, 1)["status"] == "requested"


def test_an_exchange_is_a_refund_and_an_order_of_its_own(hub: Hub, instance: Instance) -> None:
    sku, instead = fresh_stock(hub, 1), fresh_stock(hub, 1)
    order = hub.until(place(hub, [(sku, 1)])["id"], ENDED, PATIENCE_S)
    rma = ask(hub, order, 1, "wrong size", exchange={"lines": [line(instead, 1, 700)]})
    inspected(hub, rma, ("restock", 1))
    hub.call("POST", f"/v1/returns/{rma['id']}/refund")
    found = until(lambda: (seen := hub.call("GET", f"/v1/returns/{rma['id']}"))["exchange"]["order_id"] and seen)
    exchanged = hub.until(found["exchange"]["order_id"], ENDED, PATIENCE_S)
    assert (exchanged["status"], exchanged["exchange_of"], exchanged["totals"]["grand"]["amount"]) == (
        "completed",
        order["id"],
        700,
    )
    until(lambda: hub.call("GET", f"/v1/returns/{rma['id']}")["status"] == "refunded")
    # 800 for the first order, shipping of 300 included; 500 back for the unit, and 700 for the other one.
    assert [(b["captured"], b["refunded"]) for b in books(instance, order["id"])] == [(800, 500)]
    assert [(b["captured"], b["refunded"]) for b in books(instance, exchanged["id"])] == [(700, 0)]
    assert stock(hub, instead)["on_hand"] == 0
