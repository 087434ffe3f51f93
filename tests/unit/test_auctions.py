"""Sealed bids: who may bid, what lies in the box, and who wins."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auctions import domain
from auctions import events as ev
from auctions.domain import Auction, OpenBid, SealedBid, Terms
from kernel.clock import rfc3339
from kernel.contracts import EventData
from kernel.errors import Conflict, Invalid
from kernel.events import envelope
from local.partners import bidders
from tests.examples import NOW, ORDER_ID, event

AUCTION_ID = "auc_" + "1" * 32
NODES = ("n1", "n2", "n3")
DURING, AFTER = NOW + timedelta(seconds=2), NOW + timedelta(seconds=3)
OPENED = ev.AuctionOpened(
    order_id=ORDER_ID,
    node_ids=NODES,
    lines=(ev.AuctionLine(sku="A", quantity=2),),
    country="US",
    deliver_by="2026-11-25",
    currency="USD",
    closes_at=rfc3339(AFTER),
)
TERMS = Terms({"n1": 500, "n2": 400, "n3": 300}, reserve=1000)
IN_TIME = datetime.fromisoformat("2026-11-25T23:00:00+00:00")


class Box:
    """An auction under way; a seal is a name under which the clear bid is kept."""

    def __init__(self) -> None:
        self.clear: dict[str, OpenBid] = {}
        self.sequence = 0
        self.auction: Auction | None = None
        self.add([OPENED])

    def add(self, decided: list[EventData]) -> None:
        for data in decided:
            self.sequence += 1
            self.auction = domain.fold(self.auction, event(data, self.sequence, AUCTION_ID))

    @property
    def now(self) -> Auction:
        assert self.auction is not None
        return self.auction

    def bid(self, node_id: str, cost: int, promise_at: datetime = IN_TIME, at: datetime = DURING) -> None:
        seal = f"seal-{len(self.clear)}"
        self.clear[seal] = OpenBid(cost, promise_at)
        self.add(domain.place(self.now, node_id, seal, at))

    def close(self, terms: Terms = TERMS) -> ev.AuctionClosed:
        self.add(domain.close(self.now, terms, lambda bid: self.clear[bid.sealed]))
        assert self.now.closed is not None
        return self.now.closed


def test_the_lowest_landed_cost_wins_and_not_the_lowest_price() -> None:
    box = Box()
    box.bid("n1", 100)
    box.bid("n3", 250)
    closed = box.close()
    assert [(bid.node_id, bid.landed) for bid in closed.ranking] == [("n3", 550), ("n1", 600)]


def test_a_tie_goes_to_the_earlier_promise_then_to_the_earlier_bid() -> None:
    box = Box()
    box.bid("n2", 200)
    box.bid("n1", 100)
    box.bid("n3", 300, IN_TIME - timedelta(hours=1))
    assert [bid.node_id for bid in box.close().ranking] == ["n3", "n2", "n1"]


def test_what_breaks_the_promise_or_the_reserve_price_cannot_win() -> None:
    box = Box()
    box.bid("n1", 1, IN_TIME + timedelta(days=1))
    box.bid("n2", 601)
    closed = box.close()
    assert (closed.outcome, closed.ranking) == ("no_award", ())
    assert {bid.node_id: bid.reason for bid in closed.refused} == {"n1": "too_late", "n2": "above_reserve"}


def test_a_later_bid_of_a_node_replaces_its_earlier_one_and_a_withdrawn_one_is_gone() -> None:
    box = Box()
    box.bid("n1", 100)
    box.bid("n1", 300)
    box.bid("n2", 100)
    box.add(domain.withdraw(box.now, "n2", DURING))
    assert domain.withdraw(box.now, "n2", DURING) == []
    assert [(bid.node_id, bid.cost) for bid in box.close().ranking] == [("n1", 300)]


def test_after_its_time_no_bid_comes_in_or_out_whether_or_not_it_was_closed() -> None:
    box = Box()
    box.bid("n1", 100)
    for _ in range(2):
        with pytest.raises(Conflict, match="auction_closed"):
            box.bid("n2", 100, at=AFTER)
        with pytest.raises(Conflict, match="auction_closed"):
            domain.withdraw(box.now, "n1", AFTER)
        box.close()


def test_a_node_that_is_not_invited_cannot_bid() -> None:
    with pytest.raises(Invalid, match="not_invited"):
        Box().bid("n9", 100)


def test_what_is_told_of_a_bid_says_neither_price_nor_promise() -> None:
    bid = ev.BidPlaced(order_id=ORDER_ID, node_id="n1", sealed="…")
    assert set(envelope(event(bid, 2, AUCTION_ID))["data"]) == {"order_id", "node_id", "sealed"}  # type: ignore[call-overload]
    assert "reserve" not in OPENED.model_dump()


def test_closing_again_decides_nothing() -> None:
    box = Box()
    box.close()
    assert domain.close(box.now, TERMS, lambda bid: box.clear[bid.sealed]) == []


@given(st.lists(st.tuples(st.sampled_from(NODES), st.integers(0, 1200), st.integers(-48, 48)), max_size=12))
def test_whoever_wins_keeps_promise_and_reserve_and_nobody_who_does_is_cheaper(offers: list[tuple[str, int, int]]) -> None:
    box = Box()
    for node_id, cost, hours in offers:
        box.bid(node_id, cost, IN_TIME + timedelta(hours=hours))
    closed = box.close()
    last: dict[str, tuple[int, int]] = {node_id: (cost, hours) for node_id, cost, hours in offers}
    good = {
        node_id: cost + TERMS.carriage[node_id]
        for node_id, (cost, hours) in last.items()
        if hours < 1 and cost + TERMS.carriage[node_id] <= TERMS.reserve
    }
    assert {bid.node_id: bid.landed for bid in closed.ranking} == good
    if good:
        assert closed.ranking[0].landed == min(good.values())


def test_the_simulated_warehouses_have_curves_of_their_own_and_bid_alike_for_the_same_auction() -> None:
    call: dict[str, Any] = {
        "subject": AUCTION_ID,
        "data": {"node_ids": [*bidders.WAREHOUSES, "wh-east"], "lines": [{"sku": "A", "quantity": 3}], "currency": "USD"},
    }
    found = bidders.bids(call, NOW)
    assert found == bidders.bids(call, NOW)
    assert [bid["node_id"] for bid in found] == list(bidders.WAREHOUSES)
    assert len({bidders.curve(node_id) for node_id in bidders.WAREHOUSES}) > 24
    call["data"]["lines"][0]["sku"] = "NOBID-1"
    assert bidders.bids(call, NOW) == []


def test_a_seal_belongs_to_its_place() -> None:
    box = Box()
    box.bid("n1", 100)
    assert isinstance(box.now.bids["n1"], SealedBid)
    assert box.now.bids["n1"].place == 2
