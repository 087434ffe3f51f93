"""Spread stock on real table semantics: what one bucket cannot give, the others do, and nothing is made or lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from inventory.buckets import MAX_BUCKETS
from inventory.domain import Wanted
from inventory.ledger import TRIES
from inventory.movements import Movement, Movements
from inventory.reservations import LIFETIME
from inventory.spreading import Spreading
from tests.adapters.test_reservations import Watch, reservations, stock, store, totals
from tests.aws import aws
from tests.examples import NOW


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


def spread(client: Any, units: int, clock: Watch) -> Spreading:
    """A SKU of so many units, spread as wide as it goes."""
    stock(client, {"HOT": units})
    spreading = Spreading(store(client), clock)
    spreading.widen("HOT", "wh-1")
    return spreading


def buckets(client: Any) -> list[int]:
    return [part.available for part in store(client).stock("HOT", "wh-1").parts]


def one(quantity: int = 1) -> list[Wanted]:
    return [Wanted("ln_1", "HOT", quantity)]


def test_stock_is_spread_evenly_and_every_unit_of_it_is_sold(database: Any) -> None:
    clock = Watch()
    spread(database, 64, clock)
    assert buckets(database) == [4] * MAX_BUCKETS
    holds = reservations(database, clock)
    outcomes = [holds.reserve(f"ord_{n}", one(), None, "req").outcome for n in range(66)]
    assert outcomes == ["reserved"] * 64 + ["out_of_stock"] * 2
    assert totals(database, "HOT") == {"on_hand": 64, "allocated": 0, "reserved": 64, "available": 0}


def test_an_order_for_more_than_any_bucket_has_is_served_by_what_the_others_give(database: Any) -> None:
    clock = Watch()
    spread(database, 64, clock)
    holds = reservations(database, clock)
    assert holds.reserve("ord_1", one(60), None, "req").outcome == "reserved"
    assert holds.reserve("ord_2", one(5), None, "req").shortages[0].missing == 1
    assert holds.reserve("ord_3", one(4), None, "req").outcome == "reserved"
    assert totals(database, "HOT")["available"] == 0


def test_what_comes_back_goes_home_and_what_ships_leaves_its_bucket(database: Any) -> None:
    clock = Watch()
    spread(database, 64, clock)
    holds = reservations(database, clock)
    for n in range(8):
        holds.reserve(f"ord_{n}", one(2), None, "req")
    home = store(database).stock("HOT", "wh-1").home.available
    holds.release("ord_0", "req")
    clock.at = NOW + LIFETIME + timedelta(minutes=1)
    assert holds.allocate("ord_1", "req").outcome == "expired"
    clock.at = NOW
    for n in range(2, 8):
        assert holds.allocate(f"ord_{n}", "req").outcome == "allocated"
    holds.release("ord_2", "req")
    for _ in range(2):
        holds.ship("ord_3", "shp_3", {("HOT", "wh-1"): 1}, "req")
    holds.write_off("ord_3", "shp_4", {("HOT", "wh-1"): 1}, "req")
    assert store(database).stock("HOT", "wh-1").home.available == home + 6
    assert totals(database, "HOT") == {"on_hand": 62, "allocated": 8, "reserved": 0, "available": 54}


def test_a_count_of_spread_stock_counts_all_of_it_and_leaves_nothing_that_is_not_there(database: Any) -> None:
    clock = Watch()
    spread(database, 64, clock)
    holds = reservations(database, clock)
    for n in range(6):
        holds.reserve(f"ord_{n}", one(), None, "req")
    Movements(store(database), clock).make([Movement("HOT", "wh-1", "counted", 4, "r")], "me", "count", "f", "req")
    assert totals(database, "HOT") == {"on_hand": 4, "allocated": 0, "reserved": 6, "available": -2}
    holds.release("ord_0", "req")
    # One came back, and the shelf is still one short: it is not for sale.
    assert holds.reserve("ord_9", one(), None, "req").outcome == "out_of_stock"


def test_an_adjustment_takes_from_all_buckets_what_the_home_does_not_have(database: Any) -> None:
    clock = Watch()
    spread(database, 64, clock)
    Movements(store(database), clock).make([Movement("HOT", "wh-1", "adjusted", -50, "r")], "me", "adjust", "f", "req")
    assert totals(database, "HOT")["available"] == 14


def test_quiet_stock_goes_back_to_one_bucket_once_nothing_of_the_others_is_owed(database: Any) -> None:
    clock = Watch()
    spreading = spread(database, 64, clock)
    holds = reservations(database, clock)
    for n in range(4):
        holds.reserve(f"ord_{n}", one(), None, "req")
    clock.at = NOW + timedelta(minutes=1)
    assert spreading.merge() == 0
    assert buckets(database) == [60] + [0] * 15
    for n in range(4):
        holds.release(f"ord_{n}", "req")
    assert spreading.merge() == 1
    assert (buckets(database), store(database).spread()) == ([64], [])
    assert totals(database, "HOT") == {"on_hand": 64, "allocated": 0, "reserved": 0, "available": 64}
    assert spread_again(database, clock) == [4] * 16
    totals(database, "HOT")


def spread_again(client: Any, clock: Watch) -> list[int]:
    Spreading(store(client), clock).widen("HOT", "wh-1")
    return buckets(client)


def test_stock_that_moves_fast_is_spread_and_stock_that_moves_at_leisure_is_not(database: Any) -> None:
    clock = Watch()
    stock(database, {"HOT": 200})
    holds = reservations(database, clock)
    for n in range(30):
        clock.at += timedelta(milliseconds=100)
        holds.reserve(f"ord_{n}", one(), None, "req")
    assert len(buckets(database)) == 1
    for n in range(30, 80):
        clock.at += timedelta(milliseconds=10)
        holds.reserve(f"ord_{n}", one(), None, "req")
    assert len(buckets(database)) > 1
    assert totals(database, "HOT")["reserved"] == 80


class Meeting:
    """A DynamoDB client whose transactions meet others so many times before each of them gets through."""

    def __init__(self, real: Any, times: int) -> None:
        self._real = real
        self._times = self._left = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def transact_write_items(self, **arguments: Any) -> Any:
        if self._left:
            self._left -= 1
            raise self._real.exceptions.TransactionCanceledException(
                {
                    "Error": {"Code": "TransactionCanceledException", "Message": ""},
                    "CancellationReasons": [{"Code": "TransactionConflict"}] * len(arguments["TransactItems"]),
                },
                "TransactWriteItems",
            )
        self._left = self._times
        return self._real.transact_write_items(**arguments)


@pytest.mark.parametrize(("met", "spread_over"), [(1, 1), (3, 15), (TRIES - 1, 15)])
def test_stock_at_which_transactions_keep_meeting_is_spread(
    database: Any, met: int, spread_over: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.ledger.time.sleep", lambda _: None)
    stock(database, {"HOT": 64})
    assert reservations(Meeting(database, met)).reserve("ord_1", one(), None, "req").outcome == "reserved"
    assert len(buckets(database)) == spread_over
