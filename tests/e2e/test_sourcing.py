"""Where orders come from, on the deployed stacks: promised, sourced by rules, and won at auction."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from local import tokens
from local.api_client import Hub
from local.bidding import load
from local.hubfile import read
from local.instance import Instance
from local.partners.bidders import WAREHOUSES
from tests.system import ENDED, PATIENCE_S, fresh_stock, place, until


def events(hub: Hub, order_id: str, name: str) -> list[dict[str, Any]]:
    items = hub.call("GET", f"/v1/orders/{order_id}/timeline")["items"]
    return [item["data"] for item in items if item["type"].startswith(f"{name}.")]


def test_an_order_keeps_the_promise_it_was_sold_with_and_says_why_from_there(hub: Hub) -> None:
    sku = fresh_stock(hub, 3)
    ship_to = {"country": "US", "location": {"lat": 40.7, "lon": -74.0}}
    asked = {"lines": [{"sku": sku, "quantity": 2}], "ship_to": ship_to}
    promised = hub.call("POST", "/v1/promises", asked)["promise"]
    assert [(p["node_id"], p["lines"]) for p in promised["parcels"]] == [("wh-east", [{"line": 0, "sku": sku, "quantity": 2}])]
    order = place(hub, [(sku, 2)], promise={"deliver_on": promised["deliver_on"]})
    ended = hub.until(order["id"], ENDED, PATIENCE_S)
    assert ended["promise"]["sold_with"] == ended["promise"]["deliver_on"] == promised["deliver_on"]
    (allocated,) = events(hub, order["id"], "order.allocated")
    assert (allocated["sourcing"]["rule"], allocated["sourcing"]["proven"]) == ("best-score", True)
    # What is not here can be promised for the day after it is expected, and not before.
    due = (datetime.now(UTC) + timedelta(days=10)).date()
    row = {"sku": sku, "node_id": "wh-east", "reference": "PO-1", "quantity": 50, "expected_on": due.isoformat()}
    asked["lines"][0]["quantity"] = 40
    assert hub.call("POST", "/v1/promises", asked)["shortages"] == [{"sku": sku, "missing": 39}]
    hub.call("POST", "/v1/inventory/inbound", {"inbound": [row]})
    later = hub.call("POST", "/v1/promises", asked)["promise"]
    assert later["parcels"][0]["ship_on"] == (due + timedelta(days=1)).isoformat()


def test_warehouses_bid_for_an_order_and_the_best_landed_cost_sends_it(hub: Hub, instance: Instance) -> None:
    sku, silent = f"AUC-{uuid.uuid4().hex[:8]}", f"NOBID-{uuid.uuid4().hex[:8]}"
    load(hub, instance, [sku, silent], 5, sku)
    # What is cold answers late on a machine that runs everything at once: a call that is refused warms it.
    unknown = {"auction_id": "auc_" + "0" * 32, "node_id": WAREHOUSES[0], "cost": {"amount": 1, "currency": "USD"}}
    promise_at = (datetime.now(UTC) + timedelta(hours=20)).isoformat(timespec="milliseconds")
    refused = hub.call("POST", "/v1/bids", {"bids": [{**unknown, "promise_at": promise_at}]})
    assert [item["code"] for item in refused["items"]] == ["auction_not_found"]

    def sourced(wanted: str) -> dict[str, Any]:
        order = place(hub, [(wanted, 1)], tags={"sourcing": "auction"})
        assert hub.until(order["id"], ENDED, PATIENCE_S)["status"] == "completed"
        (allocated,) = events(hub, order["id"], "order.allocated")
        reasons: dict[str, Any] = allocated["sourcing"]
        return reasons

    won = next(reasons for reasons in (sourced(sku) for _ in range(5)) if reasons["by"] == "auction")
    assert (won["rule"], len(won["parcels"])) == ("auction", 1)
    unsold = sourced(silent)
    assert (unsold["rule"], unsold["by"]) == ("best-score", "score")


def test_a_partner_bids_for_its_own_nodes_in_time_and_sees_nobody_elses_bid(hub: Hub, instance: Instance) -> None:
    sku = f"NOBID-{uuid.uuid4().hex[:8]}"
    load(hub, instance, [sku], 5, sku)
    hub.call("PUT", f"/v1/bidders/{read(instance)['clients']['Cli']}", {"node_ids": [WAREHOUSES[0]]})
    order = place(hub, [(sku, 1)], tags={"sourcing": "auction"})
    journal = f"{instance.url('bidders')}/journal"

    def called() -> str | None:
        items = httpx.get(journal, params={"order_id": order["id"]}, timeout=10).json()["items"]
        return items[0]["subject"] if items else None

    auction_id = until(called)
    partner = httpx.Client(base_url=read(instance)["api_url"], timeout=30)

    def send(method: str, path: str, node_id: str = WAREHOUSES[0], amount: int = 150) -> httpx.Response:
        headers = {"authorization": f"Bearer {tokens.for_scopes(instance, ['bids/write'])}", "idempotency-key": uuid.uuid4().hex}
        promise_at = (datetime.now(UTC) + timedelta(hours=20)).isoformat(timespec="milliseconds")
        body = {"node_id": node_id, "cost": {"amount": amount, "currency": "USD"}, "promise_at": promise_at}
        return partner.request(method, path, headers=headers, json=body if method == "POST" else None)

    bids = f"/v1/auctions/{auction_id}/bids"
    assert send("POST", bids, WAREHOUSES[1]).status_code == 403
    assert send("POST", bids, amount=-1).status_code == 422
    assert send("POST", bids, amount=10**9).status_code == 422
    hub.until(order["id"], ENDED, PATIENCE_S)
    late = send("POST", bids)
    assert (late.status_code, late.json()["code"]) == (409, "auction_closed")
    seen = send("GET", f"/v1/auctions/{auction_id}").json()
    assert (seen["status"], seen["invited"], seen["bids"]) == ("closed", [WAREHOUSES[0]], [])
