"""The auction: open, take sealed bids until its time is over, then open them and rank.

The winner is the bid with the lowest landed cost (what the node asks and what the carrier takes from there) among those that
keep the promise and do not exceed the reserve price. Ties go to the earlier promise, then to the earlier bid, then to the
node's id.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from auctions import events as ev
from kernel.clock import parse_rfc3339
from kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from kernel.contracts import EventData
    from kernel.events import Event


@dataclass(frozen=True, slots=True)
class SealedBid:
    """A node's bid as it lies in the box; `place` is its place in the auction's history."""

    node_id: str
    sealed: str
    place: int
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class OpenBid:
    """What a seal hides: the node's price in minor units, and when the order would be there."""

    cost: int
    promise_at: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """What bids are judged by, and bidders are not told: the carrier's cost by node, and the most that may be paid."""

    carriage: Mapping[str, int]
    reserve: int


@dataclass(frozen=True, slots=True)
class Auction:
    """An auction as its events leave it."""

    id: str
    opened: ev.AuctionOpened
    opened_at: datetime
    bids: Mapping[str, SealedBid] = field(default_factory=dict)
    closed: ev.AuctionClosed | None = None
    closed_at: datetime | None = None

    @property
    def closes_at(self) -> datetime:
        """When the last bid may come."""
        return parse_rfc3339(self.opened.closes_at)

    def is_over(self, now: datetime) -> bool:
        """Whether no bid may come any more."""
        return self.closed is not None or now >= self.closes_at


def place(auction: Auction, node_id: str, sealed: str, now: datetime) -> list[EventData]:
    """Put a bid into the box, in place of the node's earlier one. Raises Conflict (over), Invalid (not invited)."""
    _refuse_if_over(auction, now)
    if node_id not in auction.opened.node_ids:
        raise Invalid("not_invited", "The node is not invited to this auction.")
    return [ev.BidPlaced(order_id=auction.opened.order_id, node_id=node_id, sealed=sealed)]


def withdraw(auction: Auction, node_id: str, now: datetime) -> list[EventData]:
    """Take a bid out of the box; one that is not there is no matter. Raises Conflict (over)."""
    _refuse_if_over(auction, now)
    return [ev.BidWithdrawn(order_id=auction.opened.order_id, node_id=node_id)] if node_id in auction.bids else []


def _refuse_if_over(auction: Auction, now: datetime) -> None:
    if auction.is_over(now):
        raise Conflict("auction_closed", "The auction is over.", current_status="closed")


def close(auction: Auction, terms: Terms, unseal: Callable[[SealedBid], OpenBid]) -> list[EventData]:
    """Open the bids and rank them. Deciding it again decides nothing."""
    if auction.closed is not None:
        return []
    ranked: list[tuple[tuple[int, datetime, int, str], ev.RankedBid]] = []
    refused: list[ev.RefusedBid] = []
    for bid in auction.bids.values():
        opened, carriage = unseal(bid), terms.carriage[bid.node_id]
        landed = opened.cost + carriage
        if opened.promise_at.date().isoformat() > auction.opened.deliver_by:
            refused.append(ev.RefusedBid(node_id=bid.node_id, reason="too_late"))
        elif landed > terms.reserve:
            refused.append(ev.RefusedBid(node_id=bid.node_id, reason="above_reserve"))
        else:
            promise_at = opened.promise_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            good = ev.RankedBid(node_id=bid.node_id, cost=opened.cost, carriage=carriage, landed=landed, promise_at=promise_at)
            ranked.append(((landed, opened.promise_at, bid.place, bid.node_id), good))
    ranking = tuple(good for _, good in sorted(ranked, key=lambda entry: entry[0]))
    return [
        ev.AuctionClosed(
            order_id=auction.opened.order_id,
            outcome="awarded" if ranking else "no_award",
            reserve=terms.reserve,
            ranking=ranking,
            refused=tuple(sorted(refused, key=lambda bid: bid.node_id)),
        )
    ]


def fold(auction: Auction | None, event: Event) -> Auction:
    """The auction after one more event."""
    data = event.data
    if isinstance(data, ev.AuctionOpened):
        return Auction(event.subject, data, event.time)
    if auction is None:
        raise ValueError("an auction begins with auction.opened")
    match data:
        case ev.BidPlaced():
            bid = SealedBid(data.node_id, data.sealed, event.sequence, event.time)
            return replace(auction, bids={**auction.bids, data.node_id: bid})
        case ev.BidWithdrawn():
            return replace(auction, bids={node: bid for node, bid in auction.bids.items() if node != data.node_id})
        case ev.AuctionClosed():
            return replace(auction, closed=data, closed_at=event.time)
        case _:
            raise ValueError(f"an auction has no {data.event_type}")


@dataclass(frozen=True, slots=True)
class Bidder:
    """A partner's client, and the nodes for which it may bid."""

    client_id: str
    node_ids: frozenset[str]


def fold_bidder(bidder: Bidder | None, event: Event) -> Bidder:
    """The bidder after one more event."""
    data = event.data
    if not isinstance(data, ev.BidderRegistered):
        raise ValueError(f"a bidder has no {data.event_type}")  # noqa: TRY004  # what is wrong is the event, not its type
    return Bidder(data.client_id, frozenset(data.node_ids))
