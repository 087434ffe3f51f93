"""Every step is counted once, however its events arrive."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from edge.event_store import Commit, EventStore
from insights.consumers import Flow
from insights.flow import Edge
from insights.store import CountedElsewhere, FlowStore, Found, window_of
from kernel.events import Event
from orders import events as ev
from tests.aws import aws
from tests.examples import CAUSE, NOW, received

LINE = ev.Line(line_id="ln_1", sku="S", quantity=1, unit_price=500, discount=0, tax=0)
FACTS = (received((LINE,)), ev.OrderConfirmed(payment_id="pay_1"), ev.OrderCancelling(reason="r"), ev.OrderCancelled(reason="r"))
LATER = NOW + timedelta(seconds=30)


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


def record(database: Any, number: int, count: int) -> str:
    """An order with the first so many facts, a second apart."""
    order_id = f"ord_{number:032x}"
    store = EventStore(database, "orders")
    known = len(store.commits(order_id))
    for sequence, data in itertools.islice(enumerate(FACTS, start=1), known, count):
        at = NOW + timedelta(seconds=sequence)
        event = Event(f"evt_{sequence}", order_id, sequence, at, data, CAUSE)
        store.append(Commit(order_id, (event,), "test", at, CAUSE))
    return order_id


def flow(database: Any) -> Flow:
    return Flow(EventStore(database, "orders"), FlowStore(database, "insights"))


def walked(database: Any) -> dict[tuple[str, str], tuple[int, int, int]]:
    found = FlowStore(database, "insights").walked("hour", window_of("hour", NOW))
    return {
        (edge.before, edge.after): (part.count, sum(part.dwell.values()), sum(part.lag.values())) for edge, part in found.items()
    }


def test_steps_are_counted_once_whatever_arrives_twice_late_or_out_of_order(database: Any) -> None:
    counter, dice = flow(database), random.Random(1)
    for _ in range(60):
        orders = [record(database, number, dice.randint(1, len(FACTS))) for number in dice.sample(range(6), 3)]
        counter.count(orders, LATER)
    counter.count([record(database, number, len(FACTS)) for number in range(6)], LATER)
    assert walked(database) == {
        ("new", "received"): (6, 0, 6),
        ("received", "confirmed"): (6, 6, 6),
        ("confirmed", "cancelling"): (6, 6, 6),
        ("cancelling", "cancelled"): (6, 6, 6),
    }
    days = FlowStore(database, "insights").walked("day", window_of("day", NOW))
    assert {edge: part.count for edge, part in days.items()}[Edge("web", "-", "new", "received")] == 6


def test_who_counts_second_finds_it_done_and_counts_only_what_is_left(database: Any) -> None:
    order = record(database, 1, 2)
    store = FlowStore(database, "insights")
    stale = [Found(order, 0, 2, ())]
    assert flow(database).count([order], LATER) == 2
    with pytest.raises(CountedElsewhere):
        store.count(stale, LATER)
    record(database, 1, 3)
    assert flow(database).count([order], LATER) == 1


def test_more_orders_than_a_transaction_holds_are_counted_in_parts(database: Any) -> None:
    orders = [record(database, number, 1) for number in range(99)]
    assert flow(database).count(orders, LATER) == 99
    assert walked(database)["new", "received"][0] == 99
