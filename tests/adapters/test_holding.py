"""Holds on real table semantics: screening once, races decided by the first commit, expiry noticed by the watch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.aggregates import Aggregates, Command
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from hub.board import Board, BoardSettings
from hub.watch import Watch
from kernel.clock import rfc3339
from kernel.errors import Conflict
from orders import domain, tasks
from orders import events as ev
from orders.commands import PlaceHold
from orders.domain import Order
from orders.service import Orders
from orders.store import OrderCounters
from tests.aws import aws
from tests.examples import CAUSE, NOW, ORDER_ID, received

LINES = (ev.Line(line_id="ln_1", sku="SKU-1", quantity=1, unit_price=500, discount=0, tax=0),)
WINDOW = timedelta(minutes=10)


class At:
    """A clock that stands where it is put."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant


class Started:
    """Sagas that were started."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def start(self, saga: str, name: str, *_: Any, **__: Any) -> None:
        self.names.append(saga)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "ORDERS_TABLE": "orders",
        "TOLD_TABLE": "told",
        "EVENT_BUS": "bus",
        "CLAIMS_TABLE": "claims",
        "FAST_LANE": "off",
    }.items():
        monkeypatch.setenv(name, value)
    with aws() as found:
        for made in (tasks.orders, tasks.counters):
            made.cache_clear()
        yield found


@pytest.fixture
def clock() -> At:
    return At(NOW)


@pytest.fixture
def orders(database: Any, clock: At) -> Orders:
    found: Aggregates[Order] = Aggregates(EventStore(database, "orders"), RelayOnly(), clock, domain.fold, "order", "ord")
    country = {"ship_to": received(LINES).ship_to.model_copy(update={"country": "KP"})}
    found.create(ORDER_ID, Command("place-order", CAUSE), [received(LINES).model_copy(update=country)])
    return Orders(found, clock)


def task(command: str, **more: Any) -> Any:
    work = {"command": command, "saga": "fulfilment", "order_id": ORDER_ID, "correlation_id": "req_test", **more}
    return tasks.handler(work, None)


def manual(**changes: Any) -> PlaceHold:
    return PlaceHold.model_validate({"type": "manual", "reason": "look", **changes})


def test_screening_holds_an_order_once_and_does_not_ask_again_what_somebody_decided(orders: Orders) -> None:
    assert [task("screen")["outcome"] for _ in range(2)] == ["hold", "hold"]
    (hold,) = orders.load(ORDER_ID).state.open_holds
    assert (hold.placed_by.kind, hold.placed_by.id) == ("rule", "screening")
    orders.release_hold(ORDER_ID, hold.hold_id, Command("release-hold", CAUSE), "licence shown")
    assert task("screen")["outcome"] == "proceed"
    assert orders.load(ORDER_ID).version == 3


def test_an_order_that_was_held_after_its_screening_is_not_sold(orders: Orders) -> None:
    orders.hold(ORDER_ID, Command("hold-order", CAUSE), manual())
    allocations = [{"line_id": "ln_1", "node_id": "wh", "quantity": 1}]
    assert task("confirm", payment_id="pay", allocations=allocations)["outcome"] == "hold"
    assert not orders.load(ORDER_ID).state.confirmed


def test_an_order_that_was_held_after_its_sale_is_not_handed_to_the_warehouse(orders: Orders) -> None:
    allocations = [{"line_id": "ln_1", "node_id": "wh", "quantity": 1}]
    assert task("confirm", payment_id="pay", allocations=allocations)["outcome"] == "confirmed"
    orders.hold(ORDER_ID, Command("hold-order", CAUSE), manual())
    assert task("screen")["outcome"] == "hold"
    assert task("confirm", payment_id="pay", allocations=allocations)["outcome"] == "hold"


def test_a_hold_under_one_key_is_placed_once(orders: Orders) -> None:
    command = Command("hold-order", CAUSE, "key", "print")
    first, hold_id = orders.hold(ORDER_ID, command, manual())
    again, same_id = orders.hold(ORDER_ID, command, manual())
    assert (hold_id, first.version) == (same_id, again.version)
    assert (first.replayed, again.replayed) == (False, True)


@pytest.mark.parametrize("first", ["release", "reject", "cancel"])
@pytest.mark.parametrize("second", ["release", "reject", "cancel"])
def test_of_two_who_decide_at_once_the_first_commit_wins_and_the_second_is_decided_on_what_it_left(
    orders: Orders, first: str, second: str
) -> None:
    _, hold_id = orders.hold(ORDER_ID, Command("hold-order", CAUSE), manual())
    resolve = {
        "release": lambda: orders.release_hold(ORDER_ID, hold_id, Command("release-hold", CAUSE), "fine"),
        "reject": lambda: orders.reject_hold(ORDER_ID, hold_id, Command("reject-hold", CAUSE), "not fine"),
        "cancel": lambda: orders.cancel(ORDER_ID, Command("cancel-order", CAUSE), "changed my mind"),
    }
    resolve[first]()
    won = orders.load(ORDER_ID)
    if first == second or second == "cancel":
        resolve[second]()
    else:
        with pytest.raises(Conflict) as refused:
            resolve[second]()
        assert refused.value.extra["current_status"] == won.state.status
        assert orders.load(ORDER_ID).version == won.version
    goes_on = first == "release" and second != "cancel"
    assert orders.load(ORDER_ID).state.status == ("received" if goes_on else "cancelling")


def test_orders_of_a_customer_are_counted_by_window_and_a_repeated_step_counts_once(database: Any) -> None:
    counters = OrderCounters(database, "claims")
    assert [counters.count("r", "cus_1", order, NOW, WINDOW) for order in ("a", "a", "b")] == [1, 1, 2]
    assert counters.count("r", "cus_2", "a", NOW, WINDOW) == 1
    assert counters.count("other", "cus_1", "a", NOW, WINDOW) == 1
    assert counters.count("r", "cus_1", "c", NOW + WINDOW, WINDOW) == 1
    items = database.scan(TableName="claims")["Items"]
    assert all(int(item["expires_at"]["N"]) > NOW.timestamp() + WINDOW.total_seconds() for item in items)


def test_the_watch_ends_a_hold_that_expired_and_leaves_a_held_order_alone_until_then(
    database: Any, orders: Orders, clock: At
) -> None:
    soon = NOW + timedelta(hours=1)
    orders.hold(ORDER_ID, Command("hold-order", CAUSE), manual(expires_at=rfc3339(soon), on_expiry="released"))
    board = Board(database, BoardSettings(orders_table="orders", views_table="views"))
    started = Started()
    watch = Watch(database, "views", orders, started)  # type: ignore[arg-type]
    board.show(ORDER_ID)
    assert watch.look(soon - timedelta(minutes=1)) == 0
    clock.instant = soon
    assert watch.look(soon + timedelta(seconds=1)) == 1
    order = orders.load(ORDER_ID).state
    assert (order.status, order.holds.popitem()[1].state, started.names) == ("received", "released", [])
    board.show(ORDER_ID)
    assert watch.look(soon + timedelta(minutes=2)) == 1
    assert started.names == ["fulfilment"]


def test_an_order_without_an_expiry_is_not_on_the_watch_while_it_is_held(database: Any, orders: Orders) -> None:
    board = Board(database, BoardSettings(orders_table="orders", views_table="views"))
    board.show(ORDER_ID)
    orders.hold(ORDER_ID, Command("hold-order", CAUSE), manual())
    board.show(ORDER_ID)
    item = database.get_item(TableName="views", Key={"pk": {"S": ORDER_ID}, "sk": {"S": "BOARD"}})["Item"]
    assert "gsi_due_pk" not in item
    assert item["status"]["S"] == "on_hold"


def test_a_board_that_is_behind_makes_the_watch_start_nothing_for_a_held_order(database: Any, orders: Orders) -> None:
    Board(database, BoardSettings(orders_table="orders", views_table="views")).show(ORDER_ID)
    orders.hold(ORDER_ID, Command("hold-order", CAUSE), manual())
    started = Started()
    assert Watch(database, "views", orders, started).look(datetime.now(UTC) + timedelta(days=9)) == 1  # type: ignore[arg-type]
    assert (started.names, orders.load(ORDER_ID).version) == ([], 2)
