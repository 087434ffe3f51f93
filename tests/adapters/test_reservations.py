"""Reservations on real table semantics: all or nothing, in chunks, whole after a crash at any write, never oversold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from inventory.domain import Node, Wanted
from inventory.movements import Movement, Movements, NotEnough
from inventory.network_store import Networks, NetworkStore
from inventory.reservations import LIFETIME, Reservations
from inventory.store import InventoryStore
from kernel.errors import Invalid
from tests.adapters.test_placing import Crashing
from tests.aws import aws
from tests.examples import NOW


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


CLOCK = Watch()


def store(client: Any) -> InventoryStore:
    return InventoryStore(client, "inventory")


def reservations(client: Any, clock: Watch = CLOCK) -> Reservations:
    return Reservations(store(client), clock, Networks(store(client).nodes, NetworkStore(client, "inventory"), clock))


def stock(client: Any, units: dict[str, int], node: str = "wh-1") -> None:
    store(client).put_node(Node(node, node, "warehouse", 0, 0, ("ship",), 1))
    rows = [Movement(sku, node, "received", quantity, "r") for sku, quantity in units.items()]
    Movements(store(client), CLOCK).make(rows, "me", f"stock-{node}", "f", "req")


def wanted(count: int, quantity: int = 2) -> list[Wanted]:
    return [Wanted(f"ln_{n}", f"SKU-{n}", quantity) for n in range(count)]


def totals(client: Any, sku: str) -> dict[str, int]:
    names = ("on_hand", "allocated", "reserved", "available")
    found = store(client).stocks(sku)
    for stock in found:
        moved = store(client).movements(stock.sku, stock.node_id)
        for part in stock.parts:
            assert part.available == part.on_hand - part.allocated - part.reserved - part.safety
            assert part.reserved == sum(part.held_until.values())
            # Conservation: a counter is the fold of its movements, and its version counts them.
            own = [m for m in moved if int(m["bucket"]["N"]) == part.bucket]
            for name in ("on_hand", "allocated", "reserved"):
                assert getattr(part, name) == sum(int(m["delta"]["M"].get(name, {"N": "0"})["N"]) for m in own)
            assert part.version == len(own)
    return {name: sum(getattr(stock, name) for stock in found) for name in names}


BIG = 146
"""Lines of the largest basket; a DynamoDB transaction holds a hundred items."""


def test_a_basket_larger_than_a_transaction_is_reserved_allocated_and_released_whole(database: Any) -> None:
    stock(database, {f"SKU-{n}": 5 for n in range(BIG)})
    holds = reservations(database)
    assert holds.reserve("ord_1", wanted(BIG), None, "req").outcome == "reserved"
    assert totals(database, "SKU-145") == {"on_hand": 5, "allocated": 0, "reserved": 2, "available": 3}
    assert holds.allocate("ord_1", "req").outcome == "allocated"
    holds.ship("ord_1", "shp_1", {("SKU-0", "wh-1"): 2}, "req")
    holds.ship("ord_1", "shp_1", {("SKU-0", "wh-1"): 2}, "req")
    holds.release("ord_1", "req")
    assert totals(database, "SKU-0") == {"on_hand": 3, "allocated": 0, "reserved": 0, "available": 3}
    assert totals(database, "SKU-145") == {"on_hand": 5, "allocated": 0, "reserved": 0, "available": 5}


def test_one_short_line_leaves_nothing_held(database: Any) -> None:
    stock(database, {f"SKU-{n}": 5 for n in range(BIG - 1)})
    done = reservations(database).reserve("ord_1", wanted(BIG), None, "req")
    assert (done.outcome, [s.sku for s in done.shortages]) == ("out_of_stock", ["SKU-145"])
    assert totals(database, "SKU-0")["reserved"] == 0


def test_the_same_sku_on_two_lines_is_held_for_both(database: Any) -> None:
    stock(database, {"SKU-0": 5})
    lines = [Wanted("ln_1", "SKU-0", 2), Wanted("ln_2", "SKU-0", 3)]
    done = reservations(database).reserve("ord_1", lines, None, "req")
    assert [(s.line_id, s.quantity) for s in done.sources] == [("ln_1", 2), ("ln_2", 3)]
    assert totals(database, "SKU-0")["available"] == 0


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("operation", ["reserve", "allocate", "release"])
def test_a_crash_at_any_write_is_completed_by_the_same_call_again(
    database: Any, operation: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three chunks of two, as a large basket has chunks of 49.
    monkeypatch.setattr("inventory.holding.CHUNK", 2)
    stock(database, {f"SKU-{n}": 5 for n in range(6)})

    def run(client: Any, order: str) -> str:
        holds = reservations(client)
        if operation == "reserve":
            return holds.reserve(order, wanted(6), None, "req").outcome
        if operation == "allocate":
            return holds.allocate(order, "req").outcome
        return holds.release(order, "req").outcome

    for write in range(1, 6):
        order = f"ord_{write}"
        if operation != "reserve":
            reservations(database).reserve(order, wanted(6), None, "req")
        try:
            run(Crashing(database, write, after=after), order)
        except EndpointConnectionError:
            pass  # It died there; the saga calls again.
        assert run(database, order) in ("reserved", "allocated", "released")
        held = {"reserve": (2, 0), "allocate": (0, 2), "release": (0, 0)}[operation]
        for sku in ("SKU-0", "SKU-5"):
            assert (totals(database, sku)["reserved"], totals(database, sku)["allocated"]) == held
        reservations(database).release(order, "req")
        assert totals(database, "SKU-5") == {"on_hand": 5, "allocated": 0, "reserved": 0, "available": 5}


def test_an_order_undone_before_it_was_reserved_stays_closed(database: Any) -> None:
    stock(database, {"SKU-0": 5})
    holds = reservations(database)
    holds.release("ord_1", "req")
    assert holds.reserve("ord_1", wanted(1), None, "req").outcome == "closed"
    assert holds.allocate("ord_1", "req").outcome == "closed"


def test_what_is_held_past_its_time_can_be_sold_without_any_sweep(database: Any) -> None:
    stock(database, {"SKU-0": 2})
    clock = Watch()
    holds = reservations(database, clock)
    assert holds.reserve("ord_1", wanted(1), None, "req").outcome == "reserved"
    assert holds.reserve("ord_2", wanted(1), None, "req").outcome == "out_of_stock"
    clock.at = NOW + LIFETIME + timedelta(seconds=1)
    assert store(database).stock("SKU-0", "wh-1").past_time(clock.now()) == 2
    assert holds.reserve("ord_2", wanted(1), None, "req").outcome == "reserved"
    assert holds.allocate("ord_1", "req").outcome == "expired"


def test_a_batch_of_movements_is_made_once_and_rows_that_take_too_much_are_named(database: Any) -> None:
    stock(database, {"SKU-0": 5})
    moves = Movements(store(database), CLOCK)
    rows = [
        Movement("SKU-0", "wh-1", "adjusted", -2, "r"),
        Movement("SKU-0", "wh-1", "adjusted", -9, "r"),
        Movement("SKU-1", "wh-1", "counted", 4, "r"),
        Movement("SKU-0", "wh-1", "received", 1, "r"),
    ]
    for _ in range(2):
        with pytest.raises(NotEnough) as short:
            moves.make(rows, "me", "batch", "f", "req")
        assert [error.pointer for error in short.value.errors] == ["/movements/1"]
    assert totals(database, "SKU-0")["on_hand"] == 4
    assert totals(database, "SKU-1")["on_hand"] == 4
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        moves.make(rows, "me", "batch", "other", "req")
    with pytest.raises(Invalid, match="unknown_node"):
        moves.make([Movement("SKU-0", "nowhere", "received", 1, "r")], "me", "batch-2", "f", "req")
