"""Auctions on real table and key semantics: seals, other people's nodes, repeated and racing bids."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from auctions import events as ev
from auctions.domain import Terms, fold, fold_bidder
from auctions.service import Bid, Bidders, Bidding, Closing, auction_id_of, open_auction, ranking
from edge.aggregates import Aggregates, Command
from edge.cipher import FieldCipher
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from kernel.clock import rfc3339
from kernel.errors import Conflict, Forbidden, Invalid
from tests.aws import aws
from tests.examples import CAUSE, NOW, ORDER_ID


class Watch:
    """A clock that is set by hand."""

    at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


class Hall:
    """An open auction, and what its partners and the saga do."""

    def __init__(self, client: Any) -> None:
        self.clock = Watch()
        kms = boto3.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        store, lane = EventStore(client, "orders"), RelayOnly()
        self.auctions = Aggregates(store, lane, self.clock, fold, "auction", "auc")
        self.bidders = Bidders(Aggregates(store, lane, self.clock, fold_bidder, "bidder", "bdr"))
        self.bidding = Bidding(self.auctions, FieldCipher(kms, key, "bids"), self.clock)
        self.closing = Closing(self.auctions, FieldCipher(kms, key, "bids"), self.clock)
        opened = ev.AuctionOpened(
            order_id=ORDER_ID,
            node_ids=("n1", "n2"),
            lines=(ev.AuctionLine(sku="A", quantity=1),),
            country="US",
            deliver_by="2026-11-25",
            currency="USD",
            closes_at=rfc3339(NOW + timedelta(seconds=3)),
        )
        for _ in range(2):
            self.id = open_auction(self.auctions, ORDER_ID, opened, Command("open", CAUSE)).id

    def bid(self, node_id: str, cost: int, allowed: set[str] | None, key: str | None = None, currency: str = "USD") -> Any:
        bid = Bid(node_id, cost, currency, NOW + timedelta(days=1))
        who = None if allowed is None else frozenset(allowed)
        return self.bidding.place(self.id, [bid], who, Command("bid", CAUSE, key, key))


def test_what_lies_in_the_box_is_sealed_and_opens_when_the_time_is_over(database: Any) -> None:
    hall = Hall(database)
    assert hall.id == auction_id_of(ORDER_ID)
    hall.bid("n1", 777, {"n1"})
    hall.bid("n2", 666, {"n2"})
    stored = str(database.scan(TableName="orders")["Items"])
    assert "777" not in stored
    assert "666" not in stored
    terms = Terms({"n1": 0, "n2": 0}, 1000)
    with pytest.raises(Conflict, match="auction_open"):
        hall.closing.close(ORDER_ID, terms, Command("close", CAUSE))
    hall.clock.at = NOW + timedelta(seconds=3)
    with pytest.raises(Conflict, match="auction_closed"):
        hall.bid("n1", 1, {"n1"})
    for _ in range(2):
        assert ranking(hall.closing.close(ORDER_ID, terms, Command("close", CAUSE))) == ["n2", "n1"]


def test_nobody_bids_for_somebody_elses_node(database: Any) -> None:
    hall = Hall(database)
    hall.bidders.register("client", ["n2", "n1"], Command("register", CAUSE))
    hall.bidders.register("client", ["n1"], Command("register", CAUSE))
    assert hall.bidders.nodes_of("client") == {"n1"}
    assert hall.bidders.nodes_of("stranger") == frozenset()
    with pytest.raises(Forbidden, match="not_your_node"):
        hall.bid("n2", 1, {"n1"})
    with pytest.raises(Forbidden, match="not_your_node"):
        hall.bidding.withdraw(hall.id, "n2", frozenset({"n1"}), Command("withdraw", CAUSE))


def test_a_bid_sent_twice_is_placed_once_and_one_in_another_currency_or_for_the_past_not_at_all(database: Any) -> None:
    hall = Hall(database)
    first = hall.bid("n1", 5, {"n1"}, "key")
    again = hall.bid("n1", 5, {"n1"}, "key")
    assert (again.replayed, again.version) == (True, first.version)
    with pytest.raises(Invalid, match="other_currency"):
        hall.bid("n1", 5, None, currency="EUR")
    past = Bid("n1", 5, "USD", NOW)
    with pytest.raises(Invalid, match="absurd_promise"):
        hall.bidding.place(hall.id, [past], None, Command("bid", CAUSE))
