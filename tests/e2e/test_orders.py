"""Orders on the deployed stacks, with IAM enforced: every fate, races included, and the books afterwards."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from local import demo
from local.api_client import Hub, Refused
from local.demo import order_body
from local.hubfile import read
from local.instance import Instance
from tests.system import ENDED, PATIENCE_S, at_once, books, fresh_stock, place, stock, until


def test_the_demo_plays_and_its_books_add_up(instance: Instance) -> None:
    demo.run(instance)


def test_a_key_used_fifty_times_at_once_makes_one_order_and_one_answer(hub: Hub) -> None:
    sku = fresh_stock(hub, 10)
    order, key = order_body([(sku, 1)], "tok_ok"), uuid.uuid4().hex
    answers = at_once(lambda _: hub.send("POST", "/v1/orders", order, key), 50, 16)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert hub.send("POST", "/v1/orders", {**order, "tags": {"other": "body"}}, key).status_code == 422
    duplicate = hub.send("POST", "/v1/orders", order)
    assert (duplicate.status_code, duplicate.json()["order_id"]) == (409, answers[0].json()["id"])
    hub.until(answers[0].json()["id"], ENDED, PATIENCE_S)
    assert stock(hub, sku)["on_hand"] == 9


def test_a_basket_of_146_lines_is_delivered(hub: Hub, instance: Instance) -> None:
    skus = [f"BIG-{uuid.uuid4().hex[:6]}-{n}" for n in range(146)]
    rows = [{"sku": sku, "node_id": "wh-east", "type": "received", "quantity": 3, "reference": "test"} for sku in skus]
    hub.call("POST", "/v1/inventory/movements", {"movements": rows})
    order = place(hub, [(sku, 2) for sku in skus])
    ended = hub.until(order["id"], ENDED, PATIENCE_S)
    assert ended["status"] == "completed"
    assert {line["delivered"] for line in ended["lines"]} == {2}
    assert books(instance, order["id"])[0]["captured"] == ended["totals"]["grand"]["amount"]
    assert stock(hub, skus[145]) == {"on_hand": 1, "allocated": 0, "reserved": 0, "available": 1}


@pytest.mark.parametrize("token", ["tok_ok", "tok_duplicate_webhook", "tok_error_500_once", "tok_capture_fails_once"])
def test_a_provider_in_any_mood_charges_once(hub: Hub, instance: Instance, token: str) -> None:
    sku = fresh_stock(hub, 2)
    order = hub.until(place(hub, [(sku, 1)], token)["id"], ENDED, PATIENCE_S)
    assert (order["status"], order["payment_status"]) == ("completed", "paid")
    assert [(b["captured"], b["refunded"]) for b in books(instance, order["id"])] == [(800, 0)]


def test_a_cancellation_and_the_warehouse_never_both_win(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 12)

    def race(number: int) -> dict[str, Any]:
        order = place(hub, [(sku, 1)])
        # The later ones let the order get further before they want it undone.
        for _ in range(number * 2):
            hub.order(order["id"])
        answer = hub.send("POST", f"/v1/orders/{order['id']}/cancel", {"reason": "changed my mind"})
        assert answer.status_code in (202, 409)
        return hub.until(order["id"], ENDED, PATIENCE_S)

    ended = at_once(race, 12, 4)
    shipped = sum(order["status"] == "completed" for order in ended)
    assert shipped + sum(order["status"] == "cancelled" for order in ended) == 12
    assert stock(hub, sku) == {"on_hand": 12 - shipped, "allocated": 0, "reserved": 0, "available": 12 - shipped}
    for order in ended:
        kept = sum(b["captured"] - b["refunded"] for b in books(instance, order["id"]))
        assert kept == (800 if order["status"] == "completed" else 0)


def test_the_last_units_are_sold_once(hub: Hub) -> None:
    sku = fresh_stock(hub, 5)
    placed = at_once(lambda _: place(hub, [(sku, 1)]), 10, 5)
    ended = [hub.until(order["id"], ENDED, PATIENCE_S)["status"] for order in placed]
    assert sorted(ended) == ["completed"] * 5 + ["rejected"] * 5
    assert stock(hub, sku) == {"on_hand": 0, "allocated": 0, "reserved": 0, "available": 0}


def test_a_compensation_that_is_refused_waits_in_the_repair_queue_and_one_command_tries_it_again(hub: Hub) -> None:
    sku = fresh_stock(hub, 1, "SLOWPICK")
    order = place(hub, [(sku, 1)], "tok_void_refused_once")
    hub.until(order["id"], ("released",), PATIENCE_S)
    hub.call("POST", f"/v1/orders/{order['id']}/cancel", {"reason": "changed my mind"})

    def queued() -> dict[str, Any] | None:
        return next((entry for entry in hub.call("GET", "/v1/repairs")["items"] if entry["order_id"] == order["id"]), None)

    entry = until(queued)
    assert (entry["status"], entry["repairs"][0]["saga"], entry["repairs"][0]["step"]) == (
        "cancelling",
        "cancellation",
        "UndoPayment",
    )
    # The steps before it were done and stay done.
    assert stock(hub, sku) == {"on_hand": 1, "allocated": 0, "reserved": 0, "available": 1}
    hub.call("POST", entry["links"]["retry"])
    assert hub.until(order["id"], ENDED, PATIENCE_S)["status"] == "cancelled"
    until(lambda: queued() is None)
    with pytest.raises(Refused) as refused:
        hub.call("POST", entry["links"]["retry"])
    assert (refused.value.status, refused.value.problem["code"]) == (409, "not_in_repair")


def test_the_timeline_tells_what_happened_by_whom(hub: Hub) -> None:
    sku = fresh_stock(hub, 1)
    order = hub.until(place(hub, [(sku, 1)])["id"], ENDED, PATIENCE_S)
    entries = hub.call("GET", f"/v1/orders/{order['id']}/timeline")["items"]
    assert [entry["sequence"] for entry in entries] == list(range(1, order["version"] + 1))
    assert [entry["type"].removesuffix(".v1").removesuffix(".v2") for entry in entries] == [
        f"order.{step}" for step in ("received", "confirmed", "allocated", "released", "shipped", "delivered", "completed")
    ]
    assert entries[0]["actor"]["kind"] == "person"
    assert {entry["correlation_id"] for entry in entries[:4]} == {entries[0]["correlation_id"]}


def test_lists_filter_page_and_keep_their_cursors_to_themselves(hub: Hub) -> None:
    channel, sku = f"ch-{uuid.uuid4().hex[:8]}", fresh_stock(hub, 9)
    ids = [place(hub, [(sku, 1)], channel=channel)["id"] for _ in range(5)]

    def listed() -> list[dict[str, Any]] | None:
        found = hub.call("GET", f"/v1/orders?channel={channel}")["items"]
        return found if len(found) == 5 else None

    assert {order["id"] for order in until(listed)} == set(ids)
    seen, cursor = [], ""
    while True:
        page = hub.call("GET", f"/v1/orders?channel={channel}&limit=2{cursor}")
        seen += [order["id"] for order in page["items"]]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(ids)
    stolen = hub.send("GET", f"/v1/orders?channel=other&limit=2{cursor}")
    assert (stolen.status_code, stolen.json()["code"]) == (400, "invalid_cursor")
    one = place(hub, [(sku, 1)], channel=channel, external_id="one")
    assert until(lambda: hub.call("GET", f"/v1/orders?channel={channel}&external_id=one")["items"])[0]["id"] == one["id"]


@pytest.mark.parametrize(
    ("method", "path", "group", "status"),
    [
        ("GET", "/v1/orders", None, 401),
        ("POST", "/v1/orders/ord_nope/cancel", "auditors", 403),
        ("POST", "/v1/approvals/apr_x/decision", "operations", 403),
        ("GET", "/v1/orders/ord_nope", "operations", 404),
        ("GET", "/v1/nothing", "operations", 404),
        ("DELETE", "/v1/orders", "operations", 405),
        ("GET", "/v1/orders?limit=1000", "operations", 400),
        ("GET", "/v1/orders?cursor=garbage", "operations", 400),
        ("POST", "/v1/orders", "operations", 422),
    ],
)
def test_what_is_not_allowed_or_not_there_is_refused_clearly(
    hub: Hub, instance: Instance, method: str, path: str, group: str | None, status: int
) -> None:
    if group is None:
        answer = httpx.request(method, read(instance)["api_url"] + path, timeout=30)
    else:
        bodies: dict[str, Any] = {
            "/v1/approvals/apr_x/decision": {"decision": "reject", "comment": "no"},
            "/v1/orders": order_body([], "tok_ok"),
        }
        body = bodies.get(path, {"reason": "none"}) if method == "POST" else None
        answer = hub.send(method, path, body, group=group)
    assert answer.status_code == status
    if status != 401:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"]


def test_only_the_document_and_its_page_are_open(instance: Instance) -> None:
    api = read(instance)["api_url"]
    document = httpx.get(f"{api}/v1/openapi.json", timeout=30).json()
    assert document["openapi"].startswith("3.1")
    assert httpx.get(f"{api}/v1/docs", timeout=30).headers["content-type"].startswith("text/html")
    for path, operations in document["paths"].items():
        for method in operations:
            if path not in ("/v1/openapi.json", "/v1/docs"):
                assert httpx.request(method, api + path.replace("{", "").replace("}", ""), timeout=30).status_code == 401
