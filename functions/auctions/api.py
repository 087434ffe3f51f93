"""HTTP entry point of auctions: partners bid for their own nodes, and see nobody else's bids."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from auctions.domain import Auction, fold, fold_bidder
from auctions.service import Bid, Bidders, Bidding, shown_bids
from edge import clients
from edge.auth import Caller, Rights
from edge.cipher import FieldCipher
from edge.http import HttpFunction, IdempotencyKey, problems
from edge.settings import FromEnvironment, read
from edge.wiring import aggregates
from kernel.clock import SystemClock, parse_rfc3339, rfc3339
from kernel.errors import DomainError, Forbidden

BID = Rights.of("bids/write", "operations")
LOOK = Rights.of("bids/write", "operations", "logistics", "auditors")
REGISTER = Rights.of(None, "operations")
handler = HttpFunction()
app = handler.app
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]
AuctionId = Annotated[str, Path(min_length=1, max_length=64)]
HIGHEST_COST = 10**7
"""The highest price of a bid, in minor units: 100,000 dollars for one order is a slip of the pen, or worse."""


class BidSettings(FromEnvironment):
    """The key that seals bids."""

    bid_key_id: str


@lru_cache(maxsize=1)
def bidding() -> Bidding:
    """The service, wired once. Its right to the key is to seal, not to open."""
    cipher = FieldCipher(clients.kms(), read(BidSettings).bid_key_id, "bids")
    return Bidding(aggregates(fold, "auction", "auc"), cipher, SystemClock())


@lru_cache(maxsize=1)
def bidders() -> Bidders:
    """Who may bid for what."""
    return Bidders(aggregates(fold_bidder, "bidder", "bdr"))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BidCost(_Strict):
    """Integer minor units with an ISO 4217 code."""

    amount: int = Field(strict=True, ge=0, le=HIGHEST_COST)
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class BidIn(_Strict):
    """What a node asks for picking and packing all of the order, and when the order would be there."""

    node_id: Word
    cost: BidCost
    promise_at: str

    @field_validator("promise_at")
    @classmethod
    def _instant(cls, text: str) -> str:
        try:
            return rfc3339(parse_rfc3339(text))
        except ValueError:
            raise ValueError("not an RFC 3339 time with an offset") from None

    def bid(self) -> Bid:
        """The same as a value."""
        return Bid(self.node_id, self.cost.amount, self.cost.currency, parse_rfc3339(self.promise_at))


class BidRow(BidIn):
    """A bid in a batch."""

    auction_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class BidBatch(_Strict):
    """Bids for several nodes and auctions in one call."""

    bids: Annotated[list[BidRow], Field(min_length=1, max_length=500)]


class BidResult(BaseModel):
    """What became of an auction's rows; a refusal is of all of them, with a problem's code."""

    auction_id: str
    outcome: Literal["placed", "refused"]
    code: str | None


class BidResults(BaseModel):
    """What became of a batch, by auction."""

    items: list[BidResult]


class BidOut(BaseModel):
    """That a node has bid; what, nobody is told before the auction closes."""

    node_id: str
    placed_at: str


class AuctionLineOut(BaseModel):
    """Units of a SKU."""

    sku: str
    quantity: int


class RankedBidOut(BaseModel):
    """A good bid of a closed auction, in minor units of its currency."""

    node_id: str
    cost: int
    carriage: int
    landed: int
    promise_at: str


class AuctionOut(BaseModel):
    """An auction, as far as the caller may see it: partners see their own bids and who won; people see all of a closed one."""

    id: str
    order_id: str
    status: Literal["open", "closed"]
    opened_at: str
    closes_at: str
    closed_at: str | None
    deliver_by: str
    currency: str
    country: str
    location: dict[str, float] | None
    lines: list[AuctionLineOut]
    invited: list[str]
    bids: list[BidOut]
    winner: str | None
    ranking: list[RankedBidOut]


class BidderIn(_Strict):
    """The nodes for which a client may bid."""

    node_ids: Annotated[list[Word], Field(max_length=500)]


class BidderOut(BaseModel):
    """A partner's client and its nodes."""

    client_id: str
    node_ids: list[str]


def _allowed(caller: Caller) -> frozenset[str] | None:
    return None if caller.is_person else bidders().nodes_of(caller.name)


def _out(auction: Auction, allowed: frozenset[str] | None) -> AuctionOut:
    opened, closed = auction.opened, auction.closed
    ranking = closed.ranking if closed else ()
    return AuctionOut(
        id=auction.id,
        order_id=opened.order_id,
        status="closed" if auction.is_over(datetime.now(UTC)) else "open",
        opened_at=rfc3339(auction.opened_at),
        closes_at=opened.closes_at,
        closed_at=rfc3339(auction.closed_at) if auction.closed_at else None,
        deliver_by=opened.deliver_by,
        currency=opened.currency,
        country=opened.country,
        location=opened.location.model_dump() if opened.location else None,
        lines=[AuctionLineOut(sku=line.sku, quantity=line.quantity) for line in opened.lines],
        invited=[node_id for node_id in opened.node_ids if allowed is None or node_id in allowed],
        bids=[BidOut(node_id=b.node_id, placed_at=rfc3339(b.placed_at)) for b in shown_bids(auction, allowed).values()],
        winner=ranking[0].node_id if ranking else None,
        ranking=[
            RankedBidOut.model_validate(bid, from_attributes=True) for bid in ranking if allowed is None or bid.node_id in allowed
        ],
    )


@app.get(
    "/v1/auctions/<auction_id>",
    summary="An auction",
    tags=["auctions"],
    responses={200: {"description": "The auction, as far as the caller may see it"}, **problems(404)},
)
@handler.needs(LOOK)
def get_auction(auction_id: AuctionId) -> Response[AuctionOut]:
    """What is wanted until when; and the caller's own bids, without their prices."""
    allowed = _allowed(handler.request().caller)
    auction = bidding().load(auction_id)
    if allowed is not None and not allowed & set(auction.opened.node_ids):
        raise Forbidden("not_invited", "None of the caller's nodes is invited to this auction.")
    return Response(200, "application/json", _out(auction, allowed))


@app.post(
    "/v1/auctions/<auction_id>/bids",
    summary="Bid for a node",
    tags=["auctions"],
    status_code=201,
    responses={201: {"description": "The bid is in the box"}, **problems(404, 409, 413, 415, 422)},
)
@handler.needs(BID)
def post_bid(auction_id: AuctionId, bid: Annotated[BidIn, Body()], idempotency_key: IdempotencyKey) -> Response[AuctionOut]:
    """Bid, sealed, for a node of one's own; a further bid for it replaces the first."""
    request = handler.request()
    allowed = _allowed(request.caller)
    done = bidding().place(auction_id, [bid.bid()], allowed, request.command("place-bid", key=idempotency_key))
    headers: dict[str, str | list[str]] = {"Idempotency-Replayed": "true"} if done.replayed else {}
    return Response(201, "application/json", _out(done.state, allowed), headers)


@app.post(
    "/v1/bids",
    summary="Bid for several nodes in several auctions",
    tags=["auctions"],
    responses={200: {"description": "What became of them, by auction"}, **problems(413, 415, 422)},
)
@handler.needs(BID)
def post_bids(batch: Annotated[BidBatch, Body()], idempotency_key: IdempotencyKey) -> Response[BidResults]:
    """For partners with many nodes: one call for all of them. An auction's rows are taken together or not at all."""
    request = handler.request()
    allowed, command = _allowed(request.caller), request.command("place-bids", key=idempotency_key)
    rows: dict[str, list[Bid]] = {}
    for row in batch.bids:
        rows.setdefault(row.auction_id, []).append(row.bid())
    results = []
    for auction_id, bids in rows.items():
        try:
            bidding().place(auction_id, bids, allowed, command)
        except DomainError as error:
            results.append(BidResult(auction_id=auction_id, outcome="refused", code=error.code))
        else:
            results.append(BidResult(auction_id=auction_id, outcome="placed", code=None))
    return Response(200, "application/json", BidResults(items=results))


@app.delete(
    "/v1/auctions/<auction_id>/bids/<node_id>",
    summary="Withdraw a bid",
    tags=["auctions"],
    responses={200: {"description": "The node bids no more"}, **problems(404, 409)},
)
@handler.needs(BID)
def delete_bid(auction_id: AuctionId, node_id: Annotated[str, Path(min_length=1, max_length=64)]) -> Response[AuctionOut]:
    """Take a node's bid back, as long as the auction is open."""
    request = handler.request()
    allowed = _allowed(request.caller)
    done = bidding().withdraw(auction_id, node_id, allowed, request.command("withdraw-bid"))
    return Response(200, "application/json", _out(done.state, allowed))


@app.put(
    "/v1/bidders/<client_id>",
    summary="Say for which nodes a partner may bid",
    tags=["auctions"],
    responses={200: {"description": "The partner's client and its nodes"}, **problems(413, 415, 422)},
)
@handler.needs(REGISTER)
def put_bidder(
    client_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9]+$", max_length=128)], bidder: Annotated[BidderIn, Body()]
) -> Response[BidderOut]:
    """Let a client with the scope `bids/write` bid for exactly these nodes."""
    kept = bidders().register(client_id, bidder.node_ids, handler.request().command("register-bidder"))
    return Response(200, "application/json", BidderOut(client_id=kept.client_id, node_ids=sorted(kept.node_ids)))
