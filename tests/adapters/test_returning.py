"""Returns on real table semantics: never more than was delivered, whole after a crash, stock put back once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from edge.aggregates import Aggregates, Command, Done
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from hub.order_desk import OrderDesk
from inventory.returned import ReturnedStock
from inventory.store import InventoryStore
from kernel.clock import SystemClock
from kernel.contracts import EventData
from kernel.errors import Busy, Conflict, Invalid
from orders import events as ev
from orders.domain import Order
from orders.domain import fold as fold_order
from orders.returning import Wish
from returns import domain
from returns.domain import Return, fold
from returns.service import Returns
from tests.adapters.test_placing import Crashing
from tests.aws import aws
from tests.examples import CAUSE, ORDER_ID
from tests.unit.test_returns import delivered

AT = "2026-11-23T10:00:00.000Z"


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


def orders(client: Any) -> Aggregates[Order]:
    return Aggregates(EventStore(client, "orders"), RelayOnly(), SystemClock(), fold_order, "order", "ord")


def returns(client: Any) -> Returns:
    return Returns(Aggregates[Return](EventStore(client, "orders"), RelayOnly(), SystemClock(), fold, "return", "rma"))


def store_delivered(client: Any, units: int = 3) -> None:
    orders(client).create(ORDER_ID, Command("place", CAUSE), delivered_events(units))


def delivered_events(units: int) -> list[EventData]:
    order = delivered(units)
    parts = (ev.LineQuantity(line_id="ln_1", quantity=units),)
    return [
        order.received,
        ev.OrderConfirmed(payment_id="pay"),
        ev.OrderAllocated(allocations=order.allocations),
        ev.OrderReleased(shipments=(ev.PlannedShipment(shipment_id="shp_1", node_id="wh-1", lines=parts),)),
        ev.OrderShipped(shipment_id="shp_1", lines=parts),
        ev.OrderDelivered(shipment_id="shp_1", lines=parts),
    ]


def ask(client: Any, quantity: int, key: str = "key-1", fingerprint: str = "print") -> Done[Return]:
    desk = OrderDesk(orders(client), ORDER_ID, [Wish("ln_1", quantity, "damaged")], lambda _: None)
    return returns(client).request(ORDER_ID, desk, Command("request-return", CAUSE, key, fingerprint))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2])
def test_a_crash_between_order_and_return_is_completed_by_the_same_request_again(database: Any, write: int, after: bool) -> None:
    store_delivered(database)
    with pytest.raises(EndpointConnectionError):
        ask(Crashing(database, write, after=after), 2)
    done, again = ask(database, 2), ask(database, 2)
    assert again.replayed
    assert (done.id, done.state, done.version) == (again.id, again.state, again.version)
    order = orders(database).load(ORDER_ID).state
    assert (list(order.returns), order.lines["ln_1"].return_requested) == ([done.id], 2)


def test_a_key_with_another_body_is_refused_and_another_key_is_another_return(database: Any) -> None:
    store_delivered(database)
    first = ask(database, 1)
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        ask(database, 2, fingerprint="other")
    assert ask(database, 1, "key-2").id != first.id


def test_ten_requests_at_once_get_no_more_than_was_delivered(database: Any) -> None:
    store_delivered(database, 3)

    def one(number: int) -> bool:
        try:
            ask(database, 1, f"key-{number}")
        except (Conflict, Busy):
            return False
        return True

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(one, range(10))) == 3
    order = orders(database).load(ORDER_ID).state
    assert order.lines["ln_1"].return_requested == 3
    taken = [span for known in order.returns.values() for span in known.pending["ln_1"].spans]
    assert sorted(taken) == [(1, 1), (2, 2), (3, 3)]


def test_a_key_belongs_to_one_operation(database: Any) -> None:
    store_delivered(database)
    rma = ask(database, 1, "same").id
    done = returns(database).decide(rma, Command("approve-return", CAUSE, "same", "print"), domain.approve)
    assert (done.replayed, done.state.status) == (False, "approved")


def test_returned_units_are_on_hand_again_once_for_each_return(database: Any) -> None:
    store = InventoryStore(database, "inventory")
    stock = ReturnedStock(store)
    units = {("SKU-1", "wh-1"): 2, ("SKU-2", "wh-1"): 1}
    for _ in range(3):
        stock.put_back(ORDER_ID, "rma_1", units, AT, "req")
    stock.put_back(ORDER_ID, "rma_2", {("SKU-1", "wh-1"): 1}, AT, "req")
    assert (store.stock("SKU-1", "wh-1").on_hand, store.stock("SKU-1", "wh-1").available) == (3, 3)
    assert [movement["type"]["S"] for movement in store.movements("SKU-1", "wh-1")] == ["returned", "returned"]
