"""Pickup in a store, on the deployed stacks: collected with the code, or put back when nobody comes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from local.api_client import Hub
from local.instance import Instance
from tests.system import ENDED, PATIENCE_S, books, place, stock, until


def ordered(hub: Hub, prefix: str = "PICK") -> tuple[str, dict[str, Any], str]:
    """A SKU in the store, an order that is to be picked up there, and its shipment's id."""
    sku = f"{prefix}-{uuid.uuid4().hex[:8]}"
    row = {"sku": sku, "node_id": "store-main", "type": "received", "quantity": 2, "reference": "test"}
    hub.call("POST", "/v1/inventory/movements", {"movements": [row]})
    order = place(hub, [(sku, 1)], delivery={"method": "pickup", "node_id": "store-main"})
    released = hub.until(order["id"], ("released",), PATIENCE_S)
    return sku, order, released["shipments"][0]["shipment_id"]


def fact(type_: str, **more: str) -> dict[str, str]:
    return {"type": type_, "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"), **more}


def test_a_customer_collects_with_the_code_that_the_channel_was_shown_once(hub: Hub, instance: Instance) -> None:
    sku, order, shipment_id = ordered(hub)
    until(lambda: hub.call("GET", f"/v1/shipments/{shipment_id}")["status"] == "ready_for_pickup")
    code = hub.call("POST", f"/v1/shipments/{shipment_id}/pickup-code", key=order["id"])["code"]
    again = hub.send("POST", f"/v1/shipments/{shipment_id}/pickup-code", key=order["id"])
    assert (again.status_code, again.json()["code"]) == (409, "code_already_shown")
    facts = f"/v1/shipments/{shipment_id}/events"
    wrong = hub.send("POST", facts, fact("picked_up", code="ZZZZZZZZ"))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_code")
    hub.call("POST", facts, fact("picked_up", code=code))
    ended = hub.until(order["id"], ENDED, PATIENCE_S)
    assert (ended["status"], [b["captured"] for b in books(instance, order["id"])]) == ("completed", [800])
    assert stock(hub, sku) == {"on_hand": 1, "allocated": 0, "reserved": 0, "available": 1}


def test_what_nobody_collects_goes_back_to_stock_and_the_money_to_the_customer(hub: Hub, instance: Instance) -> None:
    # The store says itself how long it keeps it; the watch looks every minute.
    sku, order, shipment_id = ordered(hub, "SLOWPICK")
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="milliseconds")
    hub.call("POST", f"/v1/shipments/{shipment_id}/events", fact("ready_for_pickup", collect_by=soon))
    ended = hub.until(order["id"], ENDED, 180)
    assert (ended["status"], ended["reason"]) == ("cancelled", "Not collected in time.")
    assert stock(hub, sku) == {"on_hand": 2, "allocated": 0, "reserved": 0, "available": 2}
    assert [(b["captured"], b["voided"]) for b in books(instance, order["id"])] == [(0, True)]
    assert hub.call("GET", f"/v1/shipments/{shipment_id}")["status"] == "expired"
