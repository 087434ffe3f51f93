"""Webhooks on the deployed stacks: from an order's commit to another system that verifies and acts."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from local.api_client import Hub
from tests.receiver import Got, receiving
from tests.system import ENDED, PATIENCE_S, fresh_stock, place, until


def register(hub: Hub, url: str, *event_types: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = hub.call("POST", "/v1/webhooks", {"url": url, "event_types": list(event_types), **options})
    return found


def first_event(hub: Hub, receiver: Any) -> None:
    """Until the dispatcher knows the endpoint, which takes seconds."""

    def told() -> bool:
        place(hub, [(fresh_stock(hub, 1), 1)])
        return bool(receiver.got)

    until(told)


def test_another_system_is_told_once_signed_and_again_after_a_failure(hub: Hub) -> None:
    fail_first: set[str] = set()

    def answers(got: Got) -> int:
        event_id = got.headers["webhook-id"]
        if got.event["type"] == "order.confirmed.v1" and event_id not in fail_first:
            fail_first.add(event_id)
            return 500
        return 204

    with receiving() as receiver:
        receiver.answers = answers
        key = uuid.uuid4().hex
        body = {"url": f"{receiver.url}/orders", "event_types": ["order.*"], "description": "a shop"}
        webhook = hub.call("POST", "/v1/webhooks", body, key)
        assert hub.send("POST", "/v1/webhooks", body, key).headers["idempotency-replayed"] == "true"
        try:
            first_event(hub, receiver)
            order = hub.until(place(hub, [(fresh_stock(hub, 1), 1)])["id"], ENDED, PATIENCE_S)
            # Each event once, and the one that was not taken once more.
            until(lambda: len(receiver.events(order["id"])) == order["version"] + 1)
            requests = [got for got in receiver.got if got.event["subject"] == order["id"]]
            assert {got.event["sequence"] for got in requests} == set(range(1, order["version"] + 1))
            for got in requests:
                assert got.verified(webhook["secret"])["id"] == got.headers["webhook-id"]
                assert got.path == "/orders"
            confirmed = next(got.event for got in requests if got.event["type"] == "order.confirmed.v1")

            def listed() -> dict[str, Any] | None:
                found = hub.call("GET", f"/v1/webhooks/{webhook['id']}/deliveries?limit=200")["items"]
                entry = next(item for item in found if item["event_id"] == confirmed["id"])
                return entry if entry["status"] == "delivered" else None

            entry = until(listed)
            assert [attempt["status_code"] for attempt in entry["log"]] == [500, 204]
            path = f"/v1/webhooks/{webhook['id']}/deliveries/{entry['id']}"
            assert hub.call("GET", path)["body"] == confirmed
            before = len(receiver.got)
            hub.call("POST", f"{path}/redeliver")
            until(lambda: receiver.got[before:])
            assert receiver.got[-1].headers["webhook-id"] == confirmed["id"]
        finally:
            hub.send("DELETE", f"/v1/webhooks/{webhook['id']}")
    assert hub.send("GET", f"/v1/webhooks/{webhook['id']}").status_code == 404


def test_a_rotated_secret_signs_beside_the_one_before_it(hub: Hub) -> None:
    with receiving() as receiver:
        webhook = register(hub, receiver.url, "order.received")
        try:
            renewed = hub.call("POST", f"/v1/webhooks/{webhook['id']}/rotate-secret")
            assert renewed["secret"] != webhook["secret"]
            first_event(hub, receiver)
            for secret in (webhook["secret"], renewed["secret"]):
                assert receiver.got[-1].verified(secret)["type"] == "order.received.v2"
            with pytest.raises(WebhookVerificationError):
                receiver.got[-1].verified("whsec_" + "A" * 43 + "=")
        finally:
            hub.send("DELETE", f"/v1/webhooks/{webhook['id']}")
