"""What is for sale and what is not: safety, buffers, counts, feeds, tills, thresholds and time, on real table semantics."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from edge.cursors import Cursors
from inventory import api, relay, upkeep
from inventory.domain import Policy, Wanted
from inventory.feeds import Feeds, Row
from inventory.movements import Movement, Movements, NotEnough
from inventory.plans import Attributes
from inventory.policies import Policies
from inventory.reservations import LIFETIME
from inventory.spreading import Spreading
from inventory.table import number, text
from kernel.clock import rfc3339
from kernel.errors import Invalid, NotFound
from tests.adapters.test_placing import Crashing
from tests.adapters.test_reservations import Watch, reservations, stock, store, totals
from tests.aws import aws
from tests.examples import NOW

HERE = ("SKU-0", "wh-1")


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


def want(quantity: int) -> list[Wanted]:
    return [Wanted("ln_1", "SKU-0", quantity)]


def move(client: Any, clock: Watch, type_: Any, quantity: int, key: str, **more: Any) -> None:
    Movements(store(client), clock).make([Movement(*HERE, type_, quantity, "r", **more)], "me", key, "f", "req")


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_safety_stock_is_not_sold_and_can_be_raised_above_what_there_is(database: Any) -> None:
    clock = Watch()
    stock(database, {"SKU-0": 5})
    policies, holds = Policies(store(database), clock), reservations(database, clock)
    policies.set(*HERE, Policy(safety=3), "req")
    assert holds.reserve("ord_1", want(3), None, "req").shortages[0].missing == 1
    assert holds.reserve("ord_2", want(2), None, "req").outcome == "reserved"
    policies.set(*HERE, Policy(safety=4), "req")
    assert totals(database, "SKU-0") == {"on_hand": 5, "allocated": 0, "reserved": 2, "available": -1}
    assert holds.allocate("ord_2", "req").outcome == "allocated"
    version = store(database).stock(*HERE).version
    policies.set(*HERE, Policy(safety=4), "req")
    assert store(database).stock(*HERE).version == version
    with pytest.raises(NotFound):
        policies.set("SKU-0", "nowhere", Policy(), "req")


@pytest.mark.parametrize("spread", [False, True], ids=["one bucket", "spread"])
def test_what_is_kept_back_from_a_channel_is_sold_by_the_others(database: Any, spread: bool) -> None:
    clock = Watch()
    stock(database, {"SKU-0": 40})
    Policies(store(database), clock).set(*HERE, Policy(buffers={"marketplace": 30}), "req")
    if spread:
        Spreading(store(database), clock).widen(*HERE)
    holds, market = reservations(database, clock), Attributes(channel="marketplace")
    assert holds.reserve("ord_1", want(11), None, "req", market).outcome == "out_of_stock"
    assert holds.reserve("ord_2", want(10), None, "req", market).outcome == "reserved"
    assert holds.reserve("ord_3", want(1), None, "req", market).outcome == "out_of_stock"
    assert holds.reserve("ord_4", want(30), None, "req", Attributes(channel="web")).outcome == "reserved"
    assert totals(database, "SKU-0")["available"] == 0


def test_a_count_does_not_undo_what_moved_since_it_was_taken(database: Any) -> None:
    clock = Watch()
    stock(database, {"SKU-0": 10})
    counted = rfc3339(at(5))
    clock.at = at(6)
    move(database, clock, "received", 7, "late")
    move(database, clock, "sold", 2, "till", channel="pos")
    clock.at = at(10)
    # At five past, eight were found where the books said ten.
    move(database, clock, "counted", 8, "count", counted_at=counted)
    assert totals(database, "SKU-0")["on_hand"] == 13
    with pytest.raises(NotEnough, match="stale_count"):
        move(database, clock, "counted", 99, "older", counted_at=rfc3339(at(4)))
    move(database, clock, "counted", 8, "same again", counted_at=counted)
    assert totals(database, "SKU-0")["on_hand"] == 13


def test_feeds_in_any_order_and_as_often_as_they_come_leave_what_the_newest_says_and_what_moved_since(database: Any) -> None:
    expected = None
    for n, order in enumerate(itertools.permutations([0, 1, 2, 1])):
        clock, sku = Watch(), f"SKU-{n}"
        stock(database, {sku: 50}, f"wh-{n}")
        clock.at = at(2.5)
        Movements(store(database), clock).make([Movement(sku, f"wh-{n}", "received", 5, "r")], "me", f"m{n}", "f", "req")
        clock.at = at(10)
        for turn, which in enumerate(order):
            said = [(at(1), 40), (at(2), 30), (at(3), 20)][which]
            Feeds(store(database), clock).take(
                "erp", rfc3339(said[0]), [Row(sku, f"wh-{n}", said[1])], "me", f"{n}-{turn}", "f", "req"
            )
        expected = expected or totals(database, sku)
        assert totals(database, sku) == expected
    assert expected is not None
    assert expected["on_hand"] == 20


def test_a_feed_keeps_what_moved_after_it_and_one_that_was_cut_off_is_completed(database: Any) -> None:
    clock = Watch()
    stock(database, {"SKU-0": 5, "SKU-1": 5, "SKU-2": 5})
    clock.at = at(2)
    move(database, clock, "received", 3, "late")
    clock.at = at(4)
    rows = [Row(f"SKU-{n}", "wh-1", 9) for n in range(3)]
    taken = (rfc3339(at(1)), rows, "me", "key", "f", "req")
    with pytest.raises(Exception, match="crash"):
        Feeds(store(Crashing(database, 3, after=True)), clock).take("erp", *taken)
    for replayed in (True, True):
        assert Feeds(store(database), clock).take("erp", *taken) == ([], replayed)
    assert [totals(database, f"SKU-{n}")["on_hand"] for n in range(3)] == [12, 9, 9]
    assert Feeds(store(database), clock).take("erp", rfc3339(at(0.5)), rows, "me", "old", "f", "req") == ([0, 1, 2], False)
    with pytest.raises(Invalid, match="as_of_in_future"):
        Feeds(store(database), clock).take("erp", rfc3339(at(5)), rows, "me", "future", "f", "req")
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        Feeds(store(database), clock).take("erp", *taken[:4], "other", "req")


def test_a_till_takes_what_is_for_sale_and_what_is_not_and_never_leaves_less_than_nothing(database: Any) -> None:
    clock = Watch()
    stock(database, {"SKU-0": 6})
    holds = reservations(database, clock)
    holds.reserve("ord_1", want(4), None, "req")
    for _ in range(2):
        move(database, clock, "sold", 2, "one", channel="pos")
        move(database, clock, "sold", 3, "two", channel="pos")
        move(database, clock, "sold", 3, "three", channel="pos")
    assert totals(database, "SKU-0") == {"on_hand": 0, "allocated": 0, "reserved": 4, "available": -4}
    told = [(text(m, "type"), number(m, "quantity")) for m in store(database).movements(*HERE)]
    assert sorted(told) == [("oversold", 3), ("oversold", 3), ("received", 6), ("reserved", 4), ("sold", 2)]
    assert holds.reserve("ord_2", want(1), None, "req").outcome == "out_of_stock"
    holds.release("ord_1", "req")
    assert totals(database, "SKU-0")["available"] == 0


def records(client: Any, seen: dict[str, int]) -> list[dict[str, Any]]:
    """The table's counters as its stream would show those that moved on, one version each."""
    found = []
    for item in client.scan(TableName="inventory")["Items"]:
        if item["pk"]["S"].startswith("SKU#") and seen.get(item["pk"]["S"]) != int(item["version"]["N"]):
            seen[item["pk"]["S"]] = int(item["version"]["N"])
            found.append({"eventName": "MODIFY", "dynamodb": {"SequenceNumber": str(len(found) + 1), "NewImage": item}})
    return found


@pytest.mark.parametrize("spread", [False, True], ids=["one bucket", "spread"])
def test_low_stock_is_said_once_each_time_it_becomes_so(database: Any, spread: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seen = Watch(), {}
    monkeypatch.setattr(upkeep, "store", lambda: store(database))
    stock(database, {"SKU-0": 40})
    Policies(store(database), clock).set(*HERE, Policy(low_threshold=30, reorder_up_to=60), "req")
    if spread:
        Spreading(store(database), clock).widen(*HERE)
    holds = reservations(database, clock)

    def said() -> list[tuple[str, int]]:
        while found := records(database, seen):
            assert upkeep.say_levels(found) == []
        moves = [(text(m, "type"), number(m, "quantity")) for m in store(database).history(store(database).stock(*HERE), 99, None)]
        return [m for m in reversed(moves) if m[0] in ("low", "signalled", "recovered")]

    for n in range(10):
        holds.reserve(f"ord_{n}", want(1), None, "req")
        assert said() == []
    holds.reserve("ord_10", want(1), None, "req")
    assert sorted(said()) == [("low", 1), ("signalled", 31)]
    holds.reserve("ord_11", want(1), None, "req")
    assert len(said()) == 2
    holds.release("ord_0", "req")
    holds.release("ord_1", "req")
    assert ("recovered", 0) in said()
    holds.reserve("ord_12", want(1), None, "req")
    assert len(said()) == 5


def test_the_sweep_ends_what_ran_out_and_finishes_what_was_left_unfinished(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.holding.CHUNK", 2)
    clock = Watch()
    stock(database, {f"SKU-{n}": 9 for n in range(6)})
    lines = [Wanted(f"ln_{n}", f"SKU-{n}", 2) for n in range(6)]
    reservations(database, clock).reserve("ord_1", lines, None, "req")
    with pytest.raises(Exception, match="crash"):
        reservations(Crashing(database, 3, after=True), clock).reserve("ord_2", lines, None, "req")
    reservations(database, clock).reserve("ord_3", lines, None, "req")
    with pytest.raises(Exception, match="crash"):
        reservations(Crashing(database, 3, after=True), clock).release("ord_3", "req")
    holds = reservations(database, clock)
    clock.at = NOW + LIFETIME + timedelta(minutes=3)
    assert holds.sweep() == 1
    for n in range(6):
        assert totals(database, f"SKU-{n}") == {"on_hand": 9, "allocated": 0, "reserved": 0, "available": 9}
    assert holds.sweep() == 0
    states = [store(database).reservation(f"ord_{n}") for n in (1, 2, 3)]
    assert [found.state for found in states if found] == ["expired", "failed", "released"]


def test_a_reservation_that_ran_out_is_an_event_each_time(database: Any) -> None:
    clock = Watch()
    stock(database, {"SKU-0": 5})
    holds, told = reservations(database, clock), []
    for _ in range(2):
        holds.reserve("ord_1", want(2), None, "req")
        clock.at += LIFETIME + timedelta(minutes=1)
        holds.sweep()
        item = database.get_item(TableName="inventory", Key={"pk": {"S": "ORD#ord_1"}, "sk": {"S": "RESERVATION"}})["Item"]
        event = relay.expiry_of(item)
        assert event is not None
        told.append((event.sequence, event.data.model_dump()["held"]))
    assert told == [(n, ({"sku": "SKU-0", "node_id": "wh-1", "quantity": 2},)) for n in (1, 2)]


def test_every_bucket_tells_a_gapless_story_of_its_own(database: Any) -> None:
    clock, seen = Watch(), {}
    stock(database, {"SKU-0": 64})
    told: dict[str, list[int]] = {}

    def tell() -> None:
        for record in records(database, seen):
            event = relay.event_of(record["dynamodb"]["NewImage"])
            assert event is not None
            told.setdefault(event.subject, []).append(event.sequence)

    tell()
    Spreading(store(database), clock).widen(*HERE)
    tell()
    holds = reservations(database, clock)
    for n in range(9):
        holds.reserve(f"ord_{n}", want(1), None, "req")
        tell()
    holds.release("ord_0", "req")
    tell()
    assert told.keys() == {"SKU-0@wh-1", *(f"SKU-0@wh-1#{n}" for n in range(1, 16))}
    assert all(sequence == list(range(1, len(sequence) + 1)) for sequence in told.values())


def test_the_history_pages_through_all_buckets_newest_first(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Watch()
    stock(database, {"SKU-0": 64})
    clock.at += timedelta(minutes=1)
    Spreading(store(database), clock).widen(*HERE)
    for n in range(9):
        clock.at += timedelta(milliseconds=7)
        reservations(database, clock).reserve(f"ord_{n}", want(1), None, "req")
    whole = store(database).history(store(database).stock(*HERE), 999, None)
    assert len(whole) == len(store(database).movements(*HERE)) == 26
    monkeypatch.setattr(api, "store", lambda: store(database))
    monkeypatch.setattr(api, "cursors", lambda: Cursors("secret"))
    claims = {"cognito:groups": "[operations]", "sub": "me", "token_use": "access"}
    paged, cursor = [], ""
    while True:
        event = {
            "version": "2.0",
            "routeKey": "GET /v1/inventory/{sku}/movements",
            "rawPath": "/v1/inventory/SKU-0/movements",
            "rawQueryString": f"node_id=wh-1&limit=7{cursor}",
            "queryStringParameters": {"node_id": "wh-1", "limit": "7", **({"cursor": cursor[8:]} if cursor else {})},
            "headers": {},
            "requestContext": {
                "http": {"method": "GET", "path": "/v1/inventory/SKU-0/movements"},
                "stage": "$default",
                "authorizer": {"jwt": {"claims": claims}},
            },
        }
        answer = api.handler(event, None)
        page = json.loads(answer["body"])
        assert answer["statusCode"] == 200, page
        paged += [(item["at"], item["bucket"], item["type"]) for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert paged == [(text(m, "at"), number(m, "bucket"), text(m, "type")) for m in whole]
