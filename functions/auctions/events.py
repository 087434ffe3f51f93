"""The events of auctions and of those who may bid. Money is in minor units of the auction's currency.

A bid's cost and promise travel sealed: until the auction closes, nobody who reads table, bus or webhook learns them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from kernel.contracts import EventData, contract


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AuctionLine(_Part):
    """Units of a SKU."""

    sku: str
    quantity: int


class Place(_Part):
    """Degrees, as coarse as the order has them."""

    lat: float
    lon: float


class RankedBid(_Part):
    """A bid that was good: what the node asks, what the carrier takes, both together, and when it is there."""

    node_id: str
    cost: int
    carriage: int
    landed: int
    promise_at: str


class RefusedBid(_Part):
    """A bid that could not win, and why."""

    node_id: str
    reason: Literal["too_late", "above_reserve"]


@contract("auction.opened", 1, context="auctions", trigger="the sourcing rules ask for bids", consumers=("bidders",))
class AuctionOpened(EventData):
    """Nodes are invited to bid for all of an order until it closes. What may at most be paid is not told."""

    order_id: str
    node_ids: tuple[str, ...]
    lines: tuple[AuctionLine, ...]
    country: str
    location: Place | None = None
    deliver_by: str
    currency: str
    closes_at: str


@contract("bid.placed", 1, context="auctions", trigger="POST /v1/auctions/{id}/bids", consumers=("timeline of the auction",))
class BidPlaced(EventData):
    """A node's bid, sealed; it takes the place of the node's earlier one."""

    order_id: str
    node_id: str
    sealed: str


@contract("bid.withdrawn", 1, context="auctions", trigger="DELETE of a bid", consumers=("timeline of the auction",))
class BidWithdrawn(EventData):
    """A node bids no more."""

    order_id: str
    node_id: str


@contract("auction.closed", 1, context="auctions", trigger="the fulfilment saga's wait is over", consumers=("bidders", "webhooks"))
class AuctionClosed(EventData):
    """The bids are opened: those that were good, best first (the first wins), those that were not, and the reserve price."""

    order_id: str
    outcome: Literal["awarded", "no_award"]
    reserve: int
    ranking: tuple[RankedBid, ...]
    refused: tuple[RefusedBid, ...] = ()


@contract("bidder.registered", 1, context="auctions", trigger="PUT /v1/bidders/{client_id}", consumers=("auctions",))
class BidderRegistered(EventData):
    """A partner's client may bid for these nodes, and no others."""

    client_id: str
    node_ids: tuple[str, ...]
