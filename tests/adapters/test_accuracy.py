"""Accuracy over HTTP on moto's tables: orders that were placed, reports that are right or wrong, and what is counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import boto3
import pytest

from edge import clients
from edge.event_store import Commit, EventStore
from hub import status_reports
from kernel.clock import rfc3339
from kernel.contracts import EventData
from kernel.events import Event
from kernel.ids import derived_id
from orders import events as ev
from tests.adapters.post_office import OneAtATime
from tests.aws import aws
from tests.examples import CAUSE, received

BEGAN = datetime.now(UTC) - timedelta(hours=1)
TODAY = BEGAN.date().isoformat()


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    settings = {
        "ORDERS_TABLE": "orders",
        "TOLD_TABLE": "told",
        "EVENT_BUS": "bus",
        "FAST_LANE": "off",
        "INSIGHTS_TABLE": "insights",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with aws() as found:
        clients.secret.cache_clear()
        one_at_a_time = OneAtATime(found)
        monkeypatch.setattr(clients, "dynamodb", lru_cache(lambda: one_at_a_time))
        secret = boto3.client("secretsmanager").create_secret(Name="cursor", SecretString="signs cursors")["ARN"]
        monkeypatch.setenv("CURSOR_KEY_SECRET", secret)
        for made in (status_reports.store, status_reports.reports):
            made.cache_clear()
        yield found


def order(database: Any, name: str) -> str:
    """An order that was received and a minute later confirmed."""
    order_id = derived_id("ord", "web", name)
    facts: list[EventData] = [
        received((ev.Line(line_id="ln_1", sku="SKU-1", quantity=1, unit_price=500, discount=0, tax=0),)),
        ev.OrderConfirmed(payment_id="pay_1"),
    ]
    for place, data in enumerate(facts):
        at = BEGAN + timedelta(minutes=place)
        event = Event(derived_id("evt", order_id, str(place)), order_id, place + 1, at, data, CAUSE)
        EventStore(database, "orders").append(Commit(order_id, (event,), "test", at, CAUSE))
    return order_id


def call(method: str, path: str, body: object = None, **query: str) -> Any:
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in query.items()),
        "queryStringParameters": query or None,
        "headers": {"content-type": "application/json", "idempotency-key": "key"},
        "requestContext": {
            "http": {"method": method, "path": path},
            "stage": "$default",
            "authorizer": {"jwt": {"claims": {"sub": "somebody", "cognito:groups": "[operations]"}}},
        },
        "body": json.dumps(body) if body is not None else None,
        "isBase64Encoded": False,
    }
    answer = status_reports.handler(event, None)
    content = json.loads(answer["body"])
    assert answer["statusCode"] == 200, content
    return content


def report(*reports: dict[str, Any], source: str = "pos") -> Any:
    return call("POST", "/v1/status-reports", {"source": source, "reports": list(reports)})


def at(minutes: float) -> str:
    return rfc3339(BEGAN + timedelta(minutes=minutes))


def test_a_store_that_is_wrong_about_six_of_a_hundred_orders_is_94_percent_accurate(database: Any) -> None:
    ids = [order(database, str(n)) for n in range(50)]
    for start in range(0, 50, 5):
        # A hundred reports at once, twenty of each of five orders; six of the hundred are wrong.
        batch = [
            {"store": "s1", "order_id": one, "status": "confirmed", "as_of": at(2 + turn)}
            for one in ids[start : start + 5]
            for turn in range(20)
        ]
        for wrong in range(0, 96, 16):
            batch[wrong]["status"] = "shipped"
        report(*batch)
    report({"store": "s2", "order_id": ids[0], "status": "confirmed", "as_of": at(30)}, source="erp")
    found = call("GET", "/v1/insights/accuracy", source="pos", **{"from": TODAY, "to": TODAY})
    assert found["total"] | {"day": None} == found["total"]
    assert (found["total"]["reports"], found["total"]["wrong"], found["total"]["accuracy"]) == (1000, 60, 0.94)
    assert [(item["source"], item["store"], item["day"]) for item in found["items"]] == [("pos", "s1", TODAY)]
    everything = call("GET", "/v1/insights/accuracy", **{"from": TODAY, "to": TODAY})
    assert {item["source"] for item in everything["items"]} == {"pos", "erp"}


def test_a_mismatch_is_listed_with_the_truth_until_a_later_report_is_right(database: Any) -> None:
    order_id = order(database, "one")
    answer = report({"order_id": order_id, "status": "received", "as_of": at(5)})
    (wrong,) = answer["mismatches"]
    assert (wrong["reported_status"], wrong["true_status"], wrong["current_status"]) == ("received", "confirmed", "confirmed")
    assert call("GET", "/v1/status-mismatches")["items"] == [wrong]
    assert call("GET", "/v1/status-mismatches", source="erp")["items"] == []
    report({"order_id": order_id, "status": "confirmed", "as_of": at(6)})
    assert call("GET", "/v1/status-mismatches")["items"] == []


def test_a_report_is_held_against_what_was_true_at_its_time(database: Any) -> None:
    order_id = order(database, "one")
    answer = report(
        {"order_id": order_id, "status": "confirmed", "as_of": at(6)},
        {"order_id": order_id, "status": "received", "as_of": at(0.5)},
    )
    assert (answer["right"], answer["ignored"], answer["mismatches"]) == (2, 0, [])


def test_the_same_reports_again_count_once(database: Any) -> None:
    order_id = order(database, "one")
    known = {"channel": "web", "external_id": "one", "status": "received", "as_of": at(5)}
    report(known)
    again = report(known, {"order_id": order_id, "status": "received", "as_of": at(4)})
    assert (again["right"], again["ignored"], again["mismatches"]) == (0, 2, [])
    total = call("GET", "/v1/insights/accuracy", **{"from": TODAY, "to": TODAY})["total"]
    assert (total["reports"], total["wrong"]) == (1, 1)


def test_a_report_that_was_recorded_and_not_counted_is_counted_with_the_next(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = order(database, "one")
    with monkeypatch.context() as crash:
        crash.setattr(status_reports.store(), "count", lambda *_: None)
        report({"order_id": order_id, "status": "received", "as_of": at(5)})
    report({"order_id": order_id, "status": "received", "as_of": at(6)})
    total = call("GET", "/v1/insights/accuracy", **{"from": TODAY, "to": TODAY})["total"]
    assert (total["reports"], total["wrong"]) == (2, 2)


def test_an_order_that_nobody_placed_is_a_mismatch_without_a_truth(database: Any) -> None:
    answer = report({"channel": "web", "external_id": "nowhere", "status": "shipped", "as_of": at(1)})
    assert answer["mismatches"][0]["true_status"] is None
