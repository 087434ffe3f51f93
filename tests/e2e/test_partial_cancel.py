"""Cancelling in part on the deployed stacks: what left is paid and delivered, what was stopped is sold to others again."""

from __future__ import annotations

import uuid
from typing import Any

from local.api_client import Hub
from local.instance import Instance
from tests.system import ENDED, PATIENCE_S, books, fresh_stock, place, stock


def captured(instance: Instance, order: dict[str, Any]) -> int:
    return sum(b["captured"] - b["refunded"] for b in books(instance, order["id"]))


def cancel(hub: Hub, order: dict[str, Any], **units: int) -> None:
    lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in units.items()]
    hub.call("POST", f"/v1/orders/{order['id']}/cancel", {"reason": "changed my mind", **({"lines": lines} if lines else {})})


def test_units_of_a_released_order_are_recalled_and_the_rest_is_delivered(hub: Hub, instance: Instance) -> None:
    slow, other = fresh_stock(hub, 5, "SLOWPICK"), fresh_stock(hub, 5)
    order = place(hub, [(slow, 3), (other, 2)])
    hub.until(order["id"], ("released",), PATIENCE_S)
    cancel(hub, order, ln_1=3, ln_2=1)
    ended = hub.until(order["id"], ENDED, PATIENCE_S)
    assert ended["status"] == "completed"
    assert [(line["cancelled"], line["delivered"]) for line in ended["lines"]] == [(3, 0), (1, 1)]
    assert captured(instance, order) == 500 + 300
    assert stock(hub, slow) == {"on_hand": 5, "allocated": 0, "reserved": 0, "available": 5}
    assert stock(hub, other) == {"on_hand": 4, "allocated": 0, "reserved": 0, "available": 4}


def test_of_an_order_of_two_parcels_the_one_that_has_not_left_is_cancelled(hub: Hub, instance: Instance) -> None:
    """Two nodes that have one of the two SKUs each: one parcel leaves at once, the other one is picked slowly."""
    quick, slow = fresh_stock(hub, 3), f"SLOWPICK-{uuid.uuid4().hex[:10]}"
    row = {"sku": slow, "node_id": "wh-west", "type": "received", "quantity": 3, "reference": "test"}
    hub.call("POST", "/v1/inventory/movements", {"movements": [row]})
    order = place(hub, [(quick, 2), (slow, 2)])
    assert len(hub.until(order["id"], ("shipped",), PATIENCE_S)["shipments"]) == 2
    cancel(hub, order)
    ended = hub.until(order["id"], ENDED, PATIENCE_S)
    assert ended["status"] == "completed"
    assert [(line["cancelled"], line["delivered"]) for line in ended["lines"]] == [(0, 2), (2, 0)]
    assert (captured(instance, order), ended["repairs"]) == (2 * 500 + 300, [])
    assert stock(hub, quick) == {"on_hand": 1, "allocated": 0, "reserved": 0, "available": 1}
    assert stock(hub, slow) == {"on_hand": 3, "allocated": 0, "reserved": 0, "available": 3}
