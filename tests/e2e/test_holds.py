"""Holds on the deployed stacks: nothing moves while one is open, its release ships, its rejection gives stock and money back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.api_client import Hub, Refused
from local.aws import client
from local.demo import order_body
from local.instance import Instance
from tests.system import ENDED, PATIENCE_S, at_once, books, fresh_stock, place, stock, until


def hold(hub: Hub, order: dict[str, Any], reason: str, **more: str) -> str:
    held = hub.call("POST", f"/v1/orders/{order['id']}/holds", {"type": "manual", "reason": reason, **more})
    assert held["status"] == "on_hold"
    return str(held["hold_id"])


def resolve(hub: Hub, order: dict[str, Any], hold_id: str, how: str) -> dict[str, Any]:
    found: dict[str, Any] = hub.call("POST", f"/v1/orders/{order['id']}/holds/{hold_id}/{how}", {"reason": "somebody looked"})
    return found


def saga_ended(instance: Instance, order: dict[str, Any]) -> dict[str, Any]:
    """How the saga that the order's placing started has ended."""
    sagas = client(instance, "stepfunctions")
    machine = next(m for m in sagas.list_state_machines()["stateMachines"] if m["name"].endswith("-fulfilment"))
    arn = f"{machine['stateMachineArn'].replace(':stateMachine:', ':execution:')}:{order['id']}-1"

    def output() -> dict[str, Any] | None:
        found = next(
            (
                e
                for e in sagas.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
                if e["executionArn"] == arn
            ),
            None,
        )
        if found is None or found["status"] == "RUNNING":
            return None
        answer: dict[str, Any] = json.loads(sagas.describe_execution(executionArn=arn)["output"])
        return answer

    return until(output)


def test_a_hold_placed_just_after_the_order_stops_it_before_the_warehouse_until_its_last_release(
    hub: Hub, instance: Instance
) -> None:
    sku = fresh_stock(hub, 2)
    order = place(hub, [(sku, 2)])
    first = hold(hub, order, "is it the right size?", line_id="ln_1")
    second = hold(hub, order, "second thoughts")
    assert saga_ended(instance, order) == {"ended": "on_hold"}
    held = hub.order(order["id"])
    assert (held["status"], held["progress"], held["shipments"]) == ("on_hold", "received", [])
    assert resolve(hub, order, first, "release")["status"] == "on_hold"
    assert resolve(hub, order, second, "release")["status"] == "received"
    ended = hub.until(order["id"], ENDED, PATIENCE_S)
    assert (ended["status"], ended["progress"], ended["payment_status"]) == ("completed", "delivered", "paid")
    assert [(hold["scope"], hold["state"], hold["placed_by"]["kind"]) for hold in ended["holds"]] == [
        ("line", "released", "person"),
        ("order", "released", "person"),
    ]
    assert [book["captured"] for book in books(instance, order["id"])] == [ended["totals"]["grand"]["amount"]]


def test_what_the_warehouse_has_is_packed_and_stays_at_the_gate_until_the_release(hub: Hub) -> None:
    sku = fresh_stock(hub, 1, "SLOWPICK")
    order = place(hub, [(sku, 1)])
    (shipment,) = hub.until(order["id"], ("released",), PATIENCE_S)["shipments"]
    hold_id = hold(hub, order, "is the address right?")
    look = f"/v1/shipments/{shipment['shipment_id']}"
    assert until(lambda: (found := hub.call("GET", look))["status"] == "packed" and found)["held"]
    assert hub.order(order["id"])["status"] == "on_hold"
    resolve(hub, order, hold_id, "release")
    assert hub.until(order["id"], ENDED, PATIENCE_S)["status"] == "completed"
    assert stock(hub, sku)["on_hand"] == 0


def test_a_rejected_hold_gives_stock_and_money_back(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 3, "SLOWPICK")
    order = place(hub, [(sku, 1)])
    hub.until(order["id"], ("released",), PATIENCE_S)
    hold_id = hold(hub, order, "nobody answers the phone")
    assert stock(hub, sku)["allocated"] == 1
    assert resolve(hub, order, hold_id, "reject")["status"] == "cancelling"
    ended = hub.until(order["id"], ENDED, PATIENCE_S)
    assert (ended["status"], ended["reason"]) == ("cancelled", "somebody looked")
    assert stock(hub, sku) == {"on_hand": 3, "allocated": 0, "reserved": 0, "available": 3}
    assert [(book["voided"], book["captured"]) for book in books(instance, order["id"])] == [(True, 0)]


def test_screening_holds_an_order_before_anything_is_taken_for_it_and_a_release_ships_it(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 4)
    ship_to = {**order_body([], "tok_ok")["ship_to"], "country": "KP"}
    shipped, refused = (place(hub, [(sku, 1)], ship_to=ship_to) for _ in range(2))
    found = [hub.until(order["id"], ("on_hold",), PATIENCE_S)["holds"][0] for order in (shipped, refused)]
    assert {(hold["type"], hold["rule"], hold["placed_by"]["id"]) for hold in found} == {
        ("compliance", "blocked-destination", "screening")
    }
    assert stock(hub, sku) == {"on_hand": 4, "allocated": 0, "reserved": 0, "available": 4}
    resolve(hub, shipped, found[0]["hold_id"], "release")
    resolve(hub, refused, found[1]["hold_id"], "reject")
    assert hub.until(shipped["id"], ENDED, PATIENCE_S)["status"] == "completed"
    assert hub.until(refused["id"], ENDED, PATIENCE_S)["status"] == "rejected"
    assert stock(hub, sku) == {"on_hand": 3, "allocated": 0, "reserved": 0, "available": 3}
    entries = hub.call("GET", f"/v1/orders/{refused['id']}/timeline")["items"]
    assert [entry["type"] for entry in entries][1:] == [
        "order.held.v1",
        "order.hold_rejected.v1",
        "order.cancelling.v1",
        "order.rejected.v1",
    ]
    assert entries[1]["data"]["rule"] == {"id": "blocked-destination", "version": 1}


def test_of_two_people_who_decide_at_once_one_does(hub: Hub) -> None:
    sku = fresh_stock(hub, 1)
    order = place(hub, [(sku, 1)])
    hold_id = hold(hub, order, "two of us are looking")

    def decide(number: int) -> int:
        path = f"/v1/orders/{order['id']}/holds/{hold_id}/{'release' if number % 2 else 'reject'}"
        return hub.send("POST", path, {"reason": f"decision {number}"}).status_code

    answers = at_once(decide, 4)
    assert set(answers) == {200, 409}
    ended = hub.until(order["id"], ENDED, PATIENCE_S)
    assert ended["status"] == {"released": "completed", "rejected": "rejected"}[ended["holds"][0]["state"]]
    with pytest.raises(Refused) as refused:
        hold(hub, order, "too late")
    assert (refused.value.status, refused.value.problem["current_status"]) == (409, ended["status"])


def test_a_hold_at_any_moment_and_its_release_right_after_leave_no_order_behind(hub: Hub) -> None:
    sku = fresh_stock(hub, 6)

    def race(number: int) -> dict[str, Any]:
        order = place(hub, [(sku, 1)])
        # The later ones let the order get further before somebody wants to look at it.
        for _ in range(number * 3):
            hub.order(order["id"])
        answer = hub.send("POST", f"/v1/orders/{order['id']}/holds", {"type": "manual", "reason": "a look"})
        assert answer.status_code in (201, 409)
        if answer.status_code == 201:
            resolve(hub, order, answer.json()["hold_id"], "release")
        return hub.until(order["id"], ENDED, PATIENCE_S)

    assert {order["status"] for order in at_once(race, 6, 3)} == {"completed"}
    assert stock(hub, sku) == {"on_hand": 0, "allocated": 0, "reserved": 0, "available": 0}
