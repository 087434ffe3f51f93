"""Faults on the deployed stacks: nothing that was answered is lost, and no order stays stuck."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local import lifecycle
from local.api_client import Hub
from local.aws import client
from local.demo import order_body
from local.instance import Instance
from tests.system import ENDED, SPEED, at_once, books, fresh_stock, place, running, stock, until

RELAY_ONLY = {
    "fast_lane": "off",
    "saga_type": "express",
    "patience_saga_s": "15",
    "patience_warehouse_s": "20",
    "patience_carrier_s": "20",
}


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """A hub whose relay alone tells everything, and whose sagas are Express."""
    with running("test-faults", **RELAY_ONLY) as found:
        yield found


@pytest.fixture
def hub(instance: Instance) -> Hub:
    return Hub(instance)


def workers(instance: Instance, function: str) -> list[int]:
    """The emulator's worker processes of a function of this instance."""
    pattern = f"{instance.home}/tmp/ministack-lambda-orderhub-local-{function}-"
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def test_the_relay_alone_and_express_sagas_bring_an_order_to_its_end(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 3)
    order = hub.until(place(hub, [(sku, 2)])["id"], ENDED, 120)
    assert (order["status"], order["payment_status"]) == ("completed", "paid")
    assert stock(hub, sku)["on_hand"] == 1
    machines = client(instance, "stepfunctions").list_state_machines()["stateMachines"]
    kinds = {machine["name"].rsplit("-", 1)[-1]: machine["type"] for machine in machines}
    selling = ("fulfilment", "settlement", "cancellation", "returns")
    assert kinds == {**dict.fromkeys(selling, "EXPRESS"), "remediation": "STANDARD"}


def test_a_fact_that_does_not_arrive_is_noticed(hub: Hub) -> None:
    sku = fresh_stock(hub, 1, "LOST")
    order = place(hub, [(sku, 1)])

    def noticed() -> list[dict[str, Any]]:
        entries = hub.call("GET", f"/v1/orders/{order['id']}/timeline")["items"]
        return [entry["data"] for entry in entries if entry["type"] == "order.overdue.v1"]

    assert until(noticed, 240)[0] == {"awaiting": "carrier", "times": 1}
    assert hub.order(order["id"])["status"] == "shipped"


def test_killed_workers_lose_nothing_that_was_answered(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 30)
    placed = []
    for function in ("orders-tasks", "payments-tasks", "inventory-tasks", "relay", "board", "saga-starter"):
        placed += [order["id"] for order in at_once(lambda _: place(hub, [(sku, 1)]), 3, 3)]
        for pid in workers(instance, function):
            os.kill(pid, signal.SIGKILL)
    ended = [hub.until(order_id, ENDED, 240)["status"] for order_id in placed]
    assert set(ended) == {"completed"}
    assert stock(hub, sku) == {"on_hand": 12, "allocated": 0, "reserved": 0, "available": 12}
    assert all(len(books(instance, order_id)) == 1 for order_id in placed)


def test_a_restart_in_mid_flight_loses_no_order_and_a_pending_approval_is_still_acted_on(hub: Hub, instance: Instance) -> None:
    sku, short = fresh_stock(hub, 10), fresh_stock(hub, 5, "SHORT")
    waiting = place(hub, [(short, 3)])
    approval = until(lambda: next((a for a in hub.call("GET", "/v1/approvals")["items"] if a["order_id"] == waiting["id"]), None))
    placed = [place(hub, [(sku, 1)])["id"] for _ in range(5)]
    lifecycle.down(instance)
    lifecycle.up(instance, RELAY_ONLY, SPEED)
    again = Hub(instance)
    assert [again.until(order_id, ENDED, 240)["status"] for order_id in placed] == ["completed"] * 5
    incident = again.call("GET", f"/v1/incidents/{approval['incident_id']}")
    plan = next(p["plan_id"] for p in incident["plans"] if p["action"] == "ship_the_rest")
    decision = {"decision": "approve", "plan_id": plan, "comment": "after the restart"}
    again.call("POST", f"/v1/approvals/{approval['approval_id']}/decision", decision, group="approvers")
    order = again.until(waiting["id"], ENDED, 240)
    assert (order["status"], order["lines"][0]["delivered"], order["lines"][0]["cancelled"]) == ("completed", 2, 1)
    assert stock(again, short) == {"on_hand": 2, "allocated": 0, "reserved": 0, "available": 2}


@pytest.mark.parametrize(
    ("function", "action"),
    [("orders-api", "kms:GenerateDataKey"), ("orders-api", "dynamodb:PutItem"), ("orders-query", "dynamodb:Query")],
)
def test_a_function_without_one_of_its_rights_fails_loudly(hub: Hub, instance: Instance, function: str, action: str) -> None:
    """The right is used, and needed: taken away, the very next call fails; given back, it works."""
    iam, functions = client(instance, "iam"), client(instance, "lambda")
    role = functions.get_function_configuration(FunctionName=f"orderhub-local-{function}")["Role"].rsplit("/", 1)[-1]
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
    sku = fresh_stock(hub, 5)

    def ask() -> int:
        if function == "orders-query":
            return hub.send("GET", f"/v1/orders/ord_{uuid.uuid4().hex}").status_code
        return hub.send("POST", "/v1/orders", order_body([(sku, 1)], "tok_ok")).status_code

    works = ask()
    for pid in workers(instance, function):
        os.kill(pid, signal.SIGKILL)  # A data key that is cached would hide that it cannot be had.
    iam.put_role_policy(RoleName=role, PolicyName="taken-away", PolicyDocument=json.dumps(deny))
    try:
        assert ask() >= 500
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="taken-away")
    assert until(lambda: ask() == works)
