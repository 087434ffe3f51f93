"""The use cases of auctions: open, bid, withdraw, close; and who may bid for what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from auctions import domain
from auctions import events as ev
from auctions.domain import OpenBid, SealedBid
from edge.event_store import VersionTaken
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Conflict, Forbidden, Invalid
from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from auctions.domain import Auction, Bidder, Terms
    from edge.aggregates import Aggregates, Command, Done
    from kernel.clock import Clock
    from kernel.contracts import EventData

LONGEST_PROMISE = timedelta(days=60)


class Sealing(Protocol):
    """Seals what nobody may read before its time."""

    def seal(self, clear: str, subject: str) -> str:
        """The ciphertext of a value that belongs to a subject."""
        ...


class Unsealing(Protocol):
    """Opens seals."""

    def open(self, ciphertext: str, subject: str) -> str:
        """The clear value."""
        ...


@dataclass(frozen=True, slots=True)
class Bid:
    """What a partner offers: a node, its price in minor units, and when the order would be there."""

    node_id: str
    cost: int
    currency: str
    promise_at: datetime


def auction_id_of(order_id: str) -> str:
    """The id of an order's auction: one order has one."""
    return derived_id("auc", order_id)


def open_auction(auctions: Aggregates[Auction], order_id: str, opened: ev.AuctionOpened, command: Command) -> Auction:
    """Open an order's auction; opened before, it stays as it is."""
    auction_id = auction_id_of(order_id)
    try:
        return auctions.create(auction_id, command, [opened]).state
    except VersionTaken:
        return auctions.load(auction_id).state


class Bidders:
    """Who may bid for which nodes."""

    def __init__(self, bidders: Aggregates[Bidder]) -> None:
        self._bidders = bidders

    def register(self, client_id: str, node_ids: Sequence[str], command: Command) -> Bidder:
        """Let a client bid for exactly these nodes."""
        bidder_id = derived_id("bdr", client_id)
        registered = ev.BidderRegistered(client_id=client_id, node_ids=tuple(sorted(set(node_ids))))
        try:
            return self._bidders.create(bidder_id, command, [registered]).state
        except VersionTaken:

            def decide(known: Bidder) -> list[EventData]:
                return [] if known.node_ids == frozenset(node_ids) else [registered]

            return self._bidders.execute(bidder_id, command, decide).state

    def nodes_of(self, client_id: str) -> frozenset[str]:
        """The nodes for which a client may bid."""
        known = self._bidders.find(derived_id("bdr", client_id))
        return known.state.node_ids if known else frozenset()


class Bidding:
    """What partners do while an auction is open."""

    def __init__(self, auctions: Aggregates[Auction], cipher: Sealing, clock: Clock) -> None:
        self._auctions = auctions
        self._cipher = cipher
        self._clock = clock

    def place(self, auction_id: str, bids: Sequence[Bid], allowed: frozenset[str] | None, command: Command) -> Done[Auction]:
        """Put bids into an auction's box, all or none. `allowed` None is somebody who may bid for every node.

        Raises NotFound, Forbidden (somebody else's node), Invalid (not invited, another currency, an absurd promise),
        Conflict (over), Busy.
        """
        for bid in bids:
            if allowed is not None and bid.node_id not in allowed:
                raise Forbidden("not_your_node", "The token does not give the right to bid for this node.")
        sealed = {bid.node_id: self._sealed(auction_id, bid) for bid in bids}

        def decide(auction: Auction) -> list[EventData]:
            now = self._clock.now()
            for bid in bids:
                if bid.currency != auction.opened.currency:
                    raise Invalid("other_currency", "A bid is in the auction's currency.")
                if not now < bid.promise_at <= now + LONGEST_PROMISE:
                    raise Invalid("absurd_promise", "A promise is for a time to come, within sixty days.")
            return [fact for node_id, seal in sealed.items() for fact in domain.place(auction, node_id, seal, now)]

        return self._auctions.execute(auction_id, command, decide)

    def _sealed(self, auction_id: str, bid: Bid) -> str:
        return self._cipher.seal(json.dumps([bid.cost, rfc3339(bid.promise_at)]), auction_id)

    def withdraw(self, auction_id: str, node_id: str, allowed: frozenset[str] | None, command: Command) -> Done[Auction]:
        """Take a node's bid out of the box. Raises NotFound, Forbidden, Conflict (over)."""
        if allowed is not None and node_id not in allowed:
            raise Forbidden("not_your_node", "The token does not give the right to bid for this node.")
        return self._auctions.execute(auction_id, command, lambda a: domain.withdraw(a, node_id, self._clock.now()))

    def load(self, auction_id: str) -> Auction:
        """The auction as it is. Raises NotFound."""
        return self._auctions.load(auction_id).state


class Closing:
    """Opens the box when the time is over: the only place where a seal can be broken."""

    def __init__(self, auctions: Aggregates[Auction], cipher: Unsealing, clock: Clock) -> None:
        self._auctions = auctions
        self._cipher = cipher
        self._clock = clock

    def close(self, order_id: str, terms: Terms, command: Command) -> Auction:
        """Open the bids and rank them. Raises NotFound, Conflict (`auction_open`: its time is not over)."""
        auction_id = auction_id_of(order_id)

        def unseal(bid: SealedBid) -> OpenBid:
            cost, promise_at = json.loads(self._cipher.open(bid.sealed, auction_id))
            return OpenBid(cost, parse_rfc3339(promise_at))

        def decide(auction: Auction) -> list[EventData]:
            if not auction.is_over(self._clock.now()):
                raise Conflict("auction_open", "The auction's time is not over.", current_status="open")
            return domain.close(auction, terms, unseal)

        return self._auctions.execute(auction_id, command, decide).state


def ranking(auction: Auction) -> list[str]:
    """The nodes whose bids were good, best first."""
    return [bid.node_id for bid in auction.closed.ranking] if auction.closed else []


def shown_bids(auction: Auction, allowed: frozenset[str] | None) -> Mapping[str, SealedBid]:
    """The bids of which somebody may know that they are there."""
    return {node_id: bid for node_id, bid in auction.bids.items() if allowed is None or node_id in allowed}
