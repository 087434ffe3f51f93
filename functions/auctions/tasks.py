"""Step Functions entry point of auctions."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from auctions import events as ev
from auctions.domain import Terms, fold
from auctions.service import Closing, auction_id_of, open_auction, ranking
from edge import clients
from edge.cipher import FieldCipher
from edge.settings import FromEnvironment, read
from edge.tasks import TaskFunction, TaskInput
from edge.wiring import aggregates
from kernel.clock import SystemClock, rfc3339
from kernel.errors import Conflict

if TYPE_CHECKING:
    from auctions.domain import Auction
    from edge.aggregates import Aggregates
    from edge.tasks import Result

handler = TaskFunction()
PURPOSE = "bids"


class AuctionSettings(FromEnvironment):
    """The key that opens bids, and how long they may come, in seconds."""

    bid_key_id: str
    auction_window_s: int = Field(default=3, ge=1, le=60)


@lru_cache(maxsize=1)
def auctions() -> Aggregates[Auction]:
    """All auctions."""
    return aggregates(fold, "auction", "auc")


@lru_cache(maxsize=1)
def closing() -> Closing:
    """The service, wired once."""
    return Closing(auctions(), FieldCipher(clients.kms(), read(AuctionSettings).bid_key_id, PURPOSE), SystemClock())


class AuctionLine(BaseModel):
    """Units of a SKU."""

    sku: str
    quantity: int


class TermsInput(BaseModel):
    """What inventory says of an auction: the carrier's cost by invited node, the reserve price, the promise."""

    carriage: dict[str, int]
    reserve: int
    currency: str
    deliver_by: str


class PlaceInput(BaseModel):
    """Degrees."""

    lat: float
    lon: float


class SourcingInput(BaseModel):
    """Where the order goes."""

    country: str = ""
    location: PlaceInput | None = None


class AuctionInput(TaskInput):
    """An auction to open or to close."""

    lines: list[AuctionLine]
    sourcing: SourcingInput
    terms: TermsInput


def _wait_s(auction: Auction) -> int:
    """Whole seconds until it is over; a fraction more is found out when it is closed, and waited for again."""
    return max(0, round((auction.closes_at - SystemClock().now()).total_seconds()))


@handler.command("open", AuctionInput)
def open_(task: AuctionInput) -> Result:
    """Invite the nodes: `open`, and how long to wait."""
    demand: dict[str, int] = {}
    for line in task.lines:
        demand[line.sku] = demand.get(line.sku, 0) + line.quantity
    place = task.sourcing.location
    opened = ev.AuctionOpened(
        order_id=task.order_id,
        node_ids=tuple(sorted(task.terms.carriage)),
        lines=tuple(ev.AuctionLine(sku=sku, quantity=quantity) for sku, quantity in demand.items()),
        country=task.sourcing.country,
        location=ev.Place(lat=place.lat, lon=place.lon) if place else None,
        deliver_by=task.terms.deliver_by,
        currency=task.terms.currency,
        closes_at=rfc3339(SystemClock().now() + timedelta(seconds=read(AuctionSettings).auction_window_s)),
    )
    auction = open_auction(auctions(), task.order_id, opened, task.request("open-auction"))
    return {"outcome": "open", "auction_id": auction.id, "wait_s": _wait_s(auction)}


@handler.command("close", AuctionInput)
def close(task: AuctionInput) -> Result:
    """Open the bids: `awarded` with the nodes, best first, or `no_award`; `open` where it is too early, and how long to wait."""
    auction_id = auction_id_of(task.order_id)
    invited = auctions().load(auction_id).state.opened.node_ids
    # A node that has lost its stock since it was invited has no carriage any more; its bid cannot win.
    carriage = {node_id: task.terms.carriage.get(node_id, task.terms.reserve + 1) for node_id in invited}
    try:
        auction = closing().close(task.order_id, Terms(carriage, task.terms.reserve), task.request("close-auction"))
    except Conflict:
        return {"outcome": "open", "wait_s": max(1, _wait_s(auctions().load(auction_id).state)), "awarded": []}
    awarded = ranking(auction)
    return {"outcome": "awarded" if awarded else "no_award", "awarded": awarded}
