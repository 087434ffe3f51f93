"""Auctions with 32 warehouses: how fast they are on the running system, and what they cost beside the rules.

Run it on an instance that is up: `PYTHONPATH=functions:. python -m benchmarks.auctions [--instance NAME] [--auctions 50]`.

Live: so many orders, tagged for auction, are placed at once; the simulated operator bids for its 32 warehouses. For every
auction: how many bids were in the box, and the time from its opening to its closing, and to the order's allocation, by the
times on the events themselves.

Cost: every basket of the replay goes through the hub's own decisions (`inventory.sourcing`, `auctions.domain`) with the same
warehouses and prices, without a hub. Three figures: what the rules reckon with (the policy's list price at the nearest
warehouse), what that warehouse would really have asked at that moment, and what the auction's winner asks; each with carriage.
`--live no` leaves the first part out.
"""

from __future__ import annotations

import argparse
import math
import statistics
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auctions import domain
from auctions import events as ev
from auctions.domain import OpenBid, SealedBid, Terms
from inventory.distance import Point
from inventory.domain import Node, Wanted
from inventory.network import Policy
from inventory.plans import Attributes, Auction, Network, Plan
from inventory.sourcing import source
from kernel.clock import parse_rfc3339
from kernel.ids import derived_id
from local.api_client import Hub
from local.baskets import read
from local.bidding import RANK, load
from local.console import console
from local.demo import order_body
from local.instance import Instance
from local.partners.bidders import CITIES, WAREHOUSES, price

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE: Final = Path(__file__).parent.parent / "local" / "data" / "complete_journey_week20.csv.gz"
CINCINNATI: Final = Point(39.1, -84.5)
TAGS: Final = {"sourcing": "auction"}
PATIENCE_S: Final = 300.0


def live(instance: Instance, count: int) -> None:
    """Hold so many auctions at once, and print how long they took."""
    hub = Hub(instance)
    skus = [f"AUC-{uuid.uuid4().hex[:8]}" for _ in range(10)]
    load(hub, instance, skus, count, skus[0])
    # One auction before the clock runs: the functions are warm on a system that runs, and so they shall be here.
    hub.until(
        hub.call("POST", "/v1/orders", {**order_body([(skus[0], 1)], "tok_ok"), "tags": TAGS})["id"], ("completed",), PATIENCE_S
    )

    def place(number: int) -> str:
        body = {**order_body([(skus[number % len(skus)], 1 + number % 3)], "tok_ok"), "tags": TAGS}
        return str(hub.call("POST", "/v1/orders", body)["id"])

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(place, range(count)))
    rows = [_row(hub, order_id) for order_id in ids]
    within = sum(row["allocated"] <= 3.5 for row in rows)
    console.print(f"{count} auctions at once, 32 warehouses each; {within} allocated within 3.5 s of opening")
    console.print(f"  bids in the box   {_spread([row['bids'] for row in rows], 'bids')}")
    console.print(f"  opened to closed  {_spread([row['closed'] for row in rows], 's')}")
    console.print(f"  opened to allocated {_spread([row['allocated'] for row in rows], 's')}")
    console.print(f"  won at auction: {sum(row['won'] for row in rows)} of {count}; the others went to the rules")


def _row(hub: Hub, order_id: str) -> dict[str, Any]:
    """What came of an order's auction."""
    hub.until(order_id, ("allocated", "released", "shipped", "delivered", "completed"), PATIENCE_S)
    auction = hub.call("GET", f"/v1/auctions/{derived_id('auc', order_id)}")
    opened = parse_rfc3339(auction["opened_at"])
    timeline = hub.call("GET", f"/v1/orders/{order_id}/timeline")["items"]
    allocated = next(item for item in timeline if item["type"].startswith("order.allocated."))
    return {
        "bids": len(auction["bids"]),
        # An auction that could not be closed is not dropped from the figures.
        "closed": (parse_rfc3339(auction["closed_at"]) - opened).total_seconds() if auction["closed_at"] else math.inf,
        "allocated": (parse_rfc3339(allocated["time"]) - opened).total_seconds(),
        "won": allocated["data"]["sourcing"]["by"] == "auction",
    }


def _spread(values: Sequence[float], unit: str) -> str:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return f"min {ordered[0]:.2f}, p50 {statistics.median(ordered):.2f}, p95 {p95:.2f}, max {ordered[-1]:.2f} {unit}"


def cost() -> None:
    """Source every basket of the replay by rules and at auction, and print what each costs."""
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)
    nodes = [Node(n, n, "warehouse", lat, lon, ("ship",), RANK) for n, (lat, lon) in zip(WAREHOUSES, CITIES, strict=True)]
    network = Network(nodes, Policy(), now)
    listed: list[int] = []
    asked: list[int] = []
    won: list[int] = []
    awarded = 0
    for basket in read(SAMPLE, None):
        if not basket.lines:
            continue
        wanted = [Wanted(str(at), line["sku"], line["quantity"]) for at, line in enumerate(basket.lines)]
        units = sum(line.quantity for line in wanted)
        available = {(line.sku, node.node_id): 10**6 for line in wanted for node in nodes}
        order = Attributes(channel=basket.node_id, country="US", at=CINCINNATI)
        by_rules = source(wanted, order, network, available)
        auction = source(wanted, replace(order, tags=TAGS), network, available)
        assert isinstance(by_rules, Plan)
        assert isinstance(auction, Auction)
        auction_id = derived_id("auc", basket.basket_id)
        (parcel,) = by_rules.reasons.parcels
        really = price(parcel.node_id, auction_id, units) + auction.carriage[parcel.node_id]
        best = _winner(auction, auction_id, units, now)
        awarded += best is not None
        listed.append(parcel.cost)
        asked.append(really)
        won.append(really if best is None else best)
    console.print(f"{len(won)} baskets of the replay, each sent whole to Cincinnati; {awarded} had a bid under the reserve price")
    for name, costs in {"rules, at list price": listed, "rules, as really asked": asked, "auction": won}.items():
        saved = 100 * (1 - sum(won) / sum(costs))
        console.print(
            f"  {name:<24} median {statistics.median(costs) / 100:.2f} USD an order; the auction's total is {saved:.1f} % less"
        )


def _winner(auction: Auction, auction_id: str, units: int, now: datetime) -> int | None:
    """The landed cost of the winner, None where nobody wins."""
    opened = ev.AuctionOpened(
        order_id="",
        node_ids=WAREHOUSES,
        lines=(),
        country="US",
        deliver_by=auction.deliver_by.isoformat(),
        currency="USD",
        closes_at="",
    )
    bids = {node_id: SealedBid(node_id, "", at, now) for at, node_id in enumerate(WAREHOUSES)}
    promise_at = now + timedelta(hours=20)
    (closed,) = domain.close(
        domain.Auction(auction_id, opened, now, bids),
        Terms(auction.carriage, auction.reserve),
        lambda bid: OpenBid(price(bid.node_id, auction_id, units), promise_at),
    )
    assert isinstance(closed, ev.AuctionClosed)
    return closed.ranking[0].landed if closed.ranking else None


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--instance", default="default")
    parser.add_argument("--auctions", type=int, default=50)
    parser.add_argument("--live", choices=("yes", "no"), default="yes")
    given = parser.parse_args()
    cost()
    if given.live == "yes":
        live(Instance(given.instance), given.auctions)


if __name__ == "__main__":
    main()
