"""The live feed on moto's tables: who hears what, and that nobody misses anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from edge.auth import Caller
from kernel.ids import derived_id
from live.connections import Connection, Connections
from live.fan_out import FanOut, text_of
from live.log import Log
from live.pushing import Gone
from live.session import Session
from orders import events as ev
from tests.adapters.post_office import Clock, OneAtATime, told
from tests.aws import aws
from tests.examples import ORDER_ID, event, received


class Sockets:
    """What was pushed, by connection; what happens just before a push can be planned."""

    def __init__(self) -> None:
        self.got: dict[str, list[dict[str, Any]]] = {}
        self.gone: set[str] = set()
        self.before: Callable[[str], None] = lambda _: None

    def send(self, connection_id: str, text: str) -> None:
        self.before(text)
        if connection_id in self.gone:
            raise Gone(connection_id)
        self.got.setdefault(connection_id, []).append(json.loads(text))

    def close(self, connection_id: str) -> None:
        self.gone.add(connection_id)

    def events(self, connection_id: str) -> list[int]:
        return [one["sequence"] for one in self.got.get(connection_id, []) if "specversion" in one]

    def answers(self, connection_id: str) -> list[dict[str, Any]]:
        return [one for one in self.got.get(connection_id, []) if "action" in one]


class Hall:
    """Connections, log, fan-out and session around those sockets."""

    def __init__(self, database: Any) -> None:
        self.clock = Clock()
        self.sockets = Sockets()
        self.connections = Connections(database, "live")
        self.log = Log(database, "live")
        self.fan_out = FanOut(self.connections, self.log, self.sockets)  # type: ignore[arg-type]  # as much of a push as it needs
        self.history = [event(received((_line(),)), 1), *(event(ev.OrderConfirmed(payment_id="pay_1"), n) for n in range(2, 5))]
        self.session = Session(self.connections, self.log, self.sockets, lambda _: self.history)  # type: ignore[arg-type]

    def connect(self, name: str, *groups: str, scopes: str = "") -> Connection:
        caller = Caller(name, name, frozenset(groups), frozenset(scopes.split()))
        connection = Connection(name, caller, self.clock.time + timedelta(hours=1))
        self.connections.open(connection)
        return connection

    def say(self, connection: Connection, **said: Any) -> None:
        self.session.hear(connection, json.dumps(said), self.clock.time)

    def tell(self, *sequences: int, type_: str = "order.confirmed.v1", subject: str = ORDER_ID) -> None:
        self.fan_out.tell([told(self.clock, type_, n, subject) for n in sequences], self.clock.time)


def _line() -> ev.Line:

    return ev.Line(line_id="ln_1", sku="SKU-1", quantity=2, unit_price=500, discount=0, tax=0)


@pytest.fixture
def hall() -> Iterator[Hall]:
    with aws() as database:
        yield Hall(OneAtATime(database))


def test_who_listens_hears_of_the_topics_events_and_of_no_others(hall: Hall) -> None:
    everything, one, other = (hall.connect(name, "operations") for name in ("a", "b", "c"))
    hall.say(everything, action="subscribe", topics=["orders"])
    hall.say(one, action="subscribe", topics=[f"order:{ORDER_ID}"])
    hall.say(other, action="subscribe", topics=[f"order:{derived_id('ord', 'other')}"])
    hall.tell(1, 2)
    hall.tell(3, type_="payment.captured.v1", subject="pay_1")
    assert (hall.sockets.events("a"), hall.sockets.events("b"), hall.sockets.events("c")) == ([1, 2], [1, 2], [])
    assert "lane" not in hall.sockets.got["a"][1]


def test_who_listens_to_an_order_and_to_all_orders_hears_of_it_once(hall: Hall) -> None:
    both = hall.connect("a", "operations")
    hall.say(both, action="subscribe", topics=["orders", f"order:{ORDER_ID}"])
    hall.tell(1, 2)
    assert hall.sockets.events("a") == [1, 2]


def test_who_unsubscribed_hears_no_more(hall: Hall) -> None:
    connection = hall.connect("a", "operations")
    hall.say(connection, action="subscribe", topics=["orders", f"order:{ORDER_ID}"])
    hall.say(connection, action="unsubscribe", topics=["orders"])
    hall.tell(1)
    hall.say(connection, action="unsubscribe", topics=[f"order:{ORDER_ID}"])
    hall.tell(2)
    assert hall.sockets.events("a") == [1]


@pytest.mark.parametrize(
    ("groups", "scopes", "topic", "allowed"),
    [
        (("operations",), "", "orders", True),
        (("approvers",), "", "orders", False),
        (("approvers",), "", "approvals", True),
        ((), "orders/read", "orders", True),
        ((), "orders/read", f"order:{ORDER_ID}", True),
        ((), "orders/read", "approvals", False),
        ((), "orders/write", f"order:{ORDER_ID}", False),
        (("logistics",), "", "floor", True),
        ((), "fulfilment/write", "floor", True),
        (("finance",), "", "floor", False),
        (("admins",), "", "approvals", True),
    ],
)
def test_a_topic_is_heard_by_right(hall: Hall, groups: tuple[str, ...], scopes: str, topic: str, allowed: bool) -> None:
    hall.say(hall.connect("a", *groups, scopes=scopes), action="subscribe", topics=[topic])
    (answer,) = hall.sockets.answers("a")
    assert answer.get("code") == (None if allowed else "forbidden")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_understood"),
        ("[]", "not_understood"),
        ('{"action": "shout"}', "not_understood"),
        ('{"action": "subscribe"}', "not_understood"),
        ('{"action": "subscribe", "topics": []}', "not_understood"),
        ('{"action": "subscribe", "topics": ["orders"], "more": 1}', "not_understood"),
        ('{"action": "subscribe", "topics": ["weather"]}', "no_such_topic"),
        ('{"action": "subscribe", "topics": ["order:ord_1"]}', "no_such_topic"),
        ('{"action": "subscribe", "topics": ["orders"], "since": "yesterday"}', "invalid_since"),
        ('{"action": "subscribe", "topics": ["orders"], "since": 3}', "invalid_since"),
        (json.dumps({"action": "subscribe", "topics": [f"order:{ORDER_ID}"], "since": "0"}), "invalid_since"),
    ],
)
def test_what_is_not_understood_is_answered_with_its_reason(hall: Hall, text: str, code: str) -> None:
    hall.session.hear(hall.connect("a", "operations"), text, hall.clock.time)
    (answer,) = hall.sockets.answers("a")
    assert (answer["action"], answer["code"]) == ("error", code)


def test_a_connection_listens_to_a_hundred_topics_at_most(hall: Hall) -> None:
    connection = hall.connect("a", "operations")
    topics = [f"order:{derived_id('ord', str(n))}" for n in range(100)]
    hall.say(connection, action="subscribe", topics=topics)
    hall.say(connection, action="subscribe", topics=topics[:50])
    hall.say(connection, action="subscribe", topics=["orders"])
    assert [answer.get("code") for answer in hall.sockets.answers("a")] == [None, None, "too_many_topics"]
    assert len(hall.connections.topics("a")) == 100


def test_an_order_is_taken_up_after_the_sequence_that_came_last(hall: Hall) -> None:
    hall.say(hall.connect("a", "operations"), action="subscribe", topics=[f"order:{ORDER_ID}"], since=2)
    assert hall.sockets.events("a") == [3, 4]
    assert [answer["action"] for answer in hall.sockets.answers("a")] == ["subscribed", "caught_up"]


def test_a_broken_connection_to_all_orders_is_taken_up_without_loss(hall: Hall) -> None:
    first = hall.connect("a", "operations")
    hall.say(first, action="subscribe", topics=["orders"])
    hall.tell(1, 2, 3)
    last = hall.sockets.got["a"][-1]["position"]
    hall.sockets.close("a")
    hall.clock.time += timedelta(minutes=1)
    hall.tell(4, 5)
    hall.clock.time += timedelta(minutes=6)
    hall.tell(6)
    again = hall.connect("b", "operations")
    hall.say(again, action="subscribe", topics=["orders"], since={"orders": last})
    assert set(hall.sockets.events("b")) >= {4, 5, 6}
    assert hall.sockets.events("b") == sorted(hall.sockets.events("b"))


def test_what_happens_while_somebody_takes_up_again_reaches_them(hall: Hall) -> None:
    hall.say(hall.connect("z", "operations"), action="ping")
    hall.tell(1)
    start = "0000000000000-evt"
    pending = iter((2, 3, 4))

    def meanwhile(text: str) -> None:
        # Between every two pushes of the catching up another event is told.
        sequence = next(pending, None)
        if sequence is not None:
            hall.tell(sequence)

    hall.sockets.before = meanwhile
    hall.say(hall.connect("a", "operations"), action="subscribe", topics=["orders"], since=start)
    assert set(hall.sockets.events("a")) == {1, 2, 3, 4}


def test_a_connection_that_is_gone_is_forgotten(hall: Hall) -> None:
    connection = hall.connect("a", "operations")
    hall.say(connection, action="subscribe", topics=["orders", f"order:{ORDER_ID}"])
    hall.sockets.close("a")
    hall.tell(1)
    assert hall.connections.find("a") is None
    assert hall.connections.topics("a") == []
    assert list(hall.connections.listening("orders", hall.clock.time)) == []


def test_whose_token_has_expired_hears_nothing_and_is_found(hall: Hall) -> None:
    connection = hall.connect("a", "operations")
    hall.say(connection, action="subscribe", topics=["orders"])
    hall.clock.time += timedelta(hours=1, seconds=1)
    hall.connect("b", "operations")
    hall.tell(1)
    assert hall.sockets.events("a") == []
    assert hall.connections.over(hall.clock.time) == ["a"]


def test_where_nobody_listens_nothing_is_written(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    appended: list[str] = []
    monkeypatch.setattr(hall.log, "append", lambda *_: appended.append("one"))
    hall.tell(1, 2)
    assert appended == []
    hall.connect("a", "operations")
    hall.tell(3)
    assert appended == ["one"]
    hall.clock.time += timedelta(hours=2)
    hall.tell(4)
    assert appended == ["one"]


def test_data_that_is_too_large_for_a_message_stays_away() -> None:
    envelope = {"id": "evt_1", "subject": ORDER_ID, "specversion": "1.0", "data": {"text": "x" * 130_000}}
    small = json.loads(text_of(envelope))
    assert "data" not in small
    assert small["dataref"] == f"/v1/orders/{ORDER_ID}/timeline"
