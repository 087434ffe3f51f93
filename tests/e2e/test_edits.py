"""Edits on the deployed stacks: what is sold is what the customer wants now, or what they wanted before, and nothing between."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from local.api_client import Hub, Refused
from local.instance import Instance
from tests.system import ENDED, PATIENCE_S, books, fresh_stock, place, stock, until


def held(hub: Hub, lines: list[tuple[str, int]], token: str = "tok_ok", **changes: Any) -> dict[str, Any]:
    """An order that somebody held before it was sold."""
    order = place(hub, lines, token, **changes)
    hub.call("POST", f"/v1/orders/{order['id']}/holds", {"type": "manual", "reason": "the customer is on the phone"})
    found = hub.order(order["id"])
    assert (found["status"], found["progress"]) == ("on_hold", "received")
    return found


def edit(hub: Hub, order: dict[str, Any], **wish: Any) -> dict[str, Any]:
    """What a committed edit was previewed to be."""
    preview: dict[str, Any] = hub.call("POST", f"/v1/orders/{order['id']}/edits", wish)
    hub.call("POST", preview["links"]["commit"])
    return preview


def let_go(hub: Hub, order: dict[str, Any]) -> dict[str, Any]:
    """The order after its holds were released and it came to its end."""
    for hold in hub.order(order["id"])["holds"]:
        hub.call("POST", f"/v1/orders/{order['id']}/holds/{hold['hold_id']}/release", {"reason": "all is clear"})
    return hub.until(order["id"], ENDED, PATIENCE_S)


def types(hub: Hub, order: dict[str, Any]) -> list[str]:
    entries = hub.call("GET", f"/v1/orders/{order['id']}/timeline")["items"]
    return [entry["type"].removeprefix("order.").rsplit(".", 1)[0] for entry in entries]


def test_a_held_order_is_sold_as_it_was_edited(hub: Hub, instance: Instance) -> None:
    more, fewer, gone, new = (fresh_stock(hub, 9) for _ in range(4))
    order = held(hub, [(more, 1), (fewer, 3), (gone, 1)])
    money = {"amount": 700, "currency": "USD"}
    nothing = {"amount": 0, "currency": "USD"}
    preview = edit(
        hub,
        order,
        change=[{"line_id": "ln_1", "quantity": 4}, {"line_id": "ln_2", "quantity": 1}, {"line_id": "ln_3", "quantity": 0}],
        add=[{"sku": new, "quantity": 2, "unit_price": money, "discount": nothing, "tax": nothing}],
        ship_to={
            "name": "Bob Canary",
            "phone": "+493012345678",
            "line1": "2 Canary Street",
            "city": "Berlin",
            "postal_code": "10115",
            "country": "DE",
        },
    )
    assert preview["payment_delta"] == {"amount": 5 * 500 + 1400 - 5 * 500, "currency": "USD"}
    assert preview["totals_after"]["grand"]["amount"] == 5 * 500 + 1400 + 300
    assert preview["ship_to"]["phone"] == "********5678"
    ended = let_go(hub, order)
    assert ended["status"] == "completed"
    assert {line["sku"]: line["delivered"] for line in ended["lines"]} == {more: 4, fewer: 1, new: 2}
    assert (ended["ship_to"]["city"], ended["totals"]["grand"]) == ("Berlin", preview["totals_after"]["grand"])
    assert sum(b["captured"] for b in books(instance, order["id"])) == ended["totals"]["grand"]["amount"]
    assert [stock(hub, sku)["available"] for sku in (more, fewer, gone, new)] == [5, 8, 9, 7]
    assert [stock(hub, sku)["reserved"] + stock(hub, sku)["allocated"] for sku in (more, fewer, gone, new)] == [0] * 4


def test_an_edit_whose_units_are_not_there_is_undone_and_the_order_is_sold_as_before(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 3)
    order = held(hub, [(sku, 2)])
    edit(hub, order, change=[{"line_id": "ln_1", "quantity": 5}])
    ended = let_go(hub, order)
    assert (ended["status"], ended["lines"][0]["delivered"]) == ("completed", 2)
    assert types(hub, order)[3:6] == ["hold_released", "edit_undone", "confirmed"]
    assert stock(hub, sku) == {"on_hand": 1, "allocated": 0, "reserved": 0, "available": 1}
    assert sum(b["captured"] for b in books(instance, order["id"])) == 1300


def test_an_edit_is_refused_once_the_warehouse_has_the_order_and_where_the_order_has_changed(hub: Hub) -> None:
    sku = fresh_stock(hub, 9, "SLOWPICK")
    order = held(hub, [(sku, 2)])
    wish = {"change": [{"line_id": "ln_1", "quantity": 1}]}
    outdated = hub.call("POST", f"/v1/orders/{order['id']}/edits", wish)
    edit(hub, order, change=[{"line_id": "ln_1", "quantity": 3}])
    with pytest.raises(Refused) as refused:
        hub.call("POST", outdated["links"]["commit"])
    assert (refused.value.status, refused.value.problem["code"]) == (412, "edit_outdated")
    for hold in hub.order(order["id"])["holds"]:
        hub.call("POST", f"/v1/orders/{order['id']}/holds/{hold['hold_id']}/release", {"reason": "all is clear"})
    hub.until(order["id"], ("released",), PATIENCE_S)
    with pytest.raises(Refused) as late:
        hub.call("POST", f"/v1/orders/{order['id']}/edits", wish)
    assert (late.value.status, late.value.problem["code"], late.value.problem["current_status"]) == (
        409,
        "already_released",
        "released",
    )
    hub.call("POST", f"/v1/orders/{order['id']}/cancel", {"reason": "changed my mind"})
    assert hub.until(order["id"], ENDED, PATIENCE_S)["status"] == "cancelled"
    assert until(lambda: stock(hub, sku))["available"] == 9


def test_an_edit_that_costs_more_is_authorised_further_and_voids_nothing(hub: Hub, instance: Instance) -> None:
    """The provider answers the first authorisation late, so that the hold comes while the money is held already."""
    sku = fresh_stock(hub, 9)
    order = place(hub, [(sku, 1)], "tok_timeout_after_success")
    until(lambda: stock(hub, sku)["reserved"])
    hub.call("POST", f"/v1/orders/{order['id']}/holds", {"type": "manual", "reason": "the customer is on the phone"})
    until(lambda: hub.order(order["id"])["payment_status"] == "authorized")
    edit(hub, order, change=[{"line_id": "ln_1", "quantity": 3}])
    ended = let_go(hub, order)
    assert (ended["status"], ended["lines"][0]["delivered"]) == ("completed", 3)
    found = books(instance, order["id"])
    assert sorted(b["authorised"] for b in found) == [800, 1000]
    assert (sum(b["captured"] for b in found), any(b["voided"] for b in found)) == (1800, False)
    assert stock(hub, sku) == {"on_hand": 6, "allocated": 0, "reserved": 0, "available": 6}


def test_an_edit_that_the_payment_declines_is_undone_and_the_order_is_sold_as_before(hub: Hub, instance: Instance) -> None:
    sku, card = fresh_stock(hub, 9), f"gift_500_{uuid.uuid4().hex[:8]}"
    nothing = {"amount": 0, "currency": "USD"}
    order = held(hub, [(sku, 1)], shipping=nothing, payment=None, payments=[{"method": "gift_card", "token": card}])
    edit(hub, order, change=[{"line_id": "ln_1", "quantity": 2}])
    ended = let_go(hub, order)
    assert (ended["status"], ended["lines"][0]["delivered"]) == ("completed", 1)
    assert "edit_undone" in types(hub, order)
    assert sum(b["captured"] for b in books(instance, order["id"])) == 500
    assert stock(hub, sku) == {"on_hand": 8, "allocated": 0, "reserved": 0, "available": 8}
