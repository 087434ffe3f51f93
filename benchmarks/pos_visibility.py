"""How long after a sale at a till the web channel sees it: the till's answer against what the web is told meanwhile.

    orderhub up --no-demo && python -m benchmarks.pos_visibility --sales 200
    … --load 2            replays baskets at two orders a second beside it

A till sells one unit at a time; web shoppers ask for the stock all the while. A sale is visible when the first answer
comes back that shows it. Reads are consistent, so no question that is put after the till had its answer may miss the sale.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass

from benchmarks.stock_books import say
from local.api_client import Hub
from local.instance import Instance

NODE = "store-1"
SHOPPERS = 2


@dataclass(frozen=True, slots=True)
class Look:
    """What a shopper was told: when the question was put and answered, and what was on hand."""

    asked: float
    answered: float
    on_hand: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run showed, in milliseconds."""

    lags_ms: list[float]
    """From the till's answer to the first web answer that shows the sale; zero where it was shown before that."""
    missed: int
    """Questions put after the till had its answer, whose answer did not show the sale."""

    def p(self, share: float) -> float:
        """A percentile of the lags."""
        ordered = sorted(self.lags_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def watch(instance: Instance, sales: int, pause_s: float = 0.05) -> Seen:
    """Sell, look, and compare."""
    hub, sku = Hub(instance), f"TILL-{uuid.uuid4().hex[:10]}"
    row = {"sku": sku, "node_id": NODE, "type": "received", "quantity": sales, "reference": "till"}
    node = {
        "name": "Store 1",
        "kind": "store",
        "location": {"lat": 40.7, "lon": -74.0},
        "capabilities": ["pickup"],
        "cost_rank": 9,
    }
    hub.call("PUT", f"/v1/nodes/{NODE}", node)
    hub.call("POST", "/v1/inventory/movements", {"movements": [row]})
    looks: list[list[Look]] = [[] for _ in range(SHOPPERS)]
    over = threading.Event()

    def shop(mine: list[Look]) -> None:
        web = Hub(instance)
        while not over.is_set():
            asked = time.monotonic()
            found = web.call("GET", f"/v1/inventory/{sku}?channel=web")
            mine.append(Look(asked, time.monotonic(), found["nodes"][0]["on_hand"]))

    shoppers = [threading.Thread(target=shop, args=(mine,)) for mine in looks]
    for shopper in shoppers:
        shopper.start()
    rung: list[float] = []
    for _ in range(sales):
        sold = {"sku": sku, "node_id": NODE, "type": "sold", "quantity": 1, "channel": "pos", "reference": "receipt"}
        hub.call("POST", "/v1/inventory/movements", {"movements": [sold]})
        rung.append(time.monotonic())
        time.sleep(pause_s)
    time.sleep(1.0)
    over.set()
    for shopper in shoppers:
        shopper.join()
    told = sorted((look for mine in looks for look in mine), key=lambda look: look.answered)
    lags, missed = [], 0
    for number, at in enumerate(rung, start=1):
        shown = next(look.answered for look in told if look.on_hand <= sales - number)
        lags.append(max(0.0, shown - at) * 1000)
        missed += sum(look.asked >= at and look.on_hand > sales - number for look in told)
    return Seen(lags, missed)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--sales", type=int, default=200)
    parser.add_argument("--load", type=float, default=0.0, metavar="ORDERS_A_SECOND")
    asked = parser.parse_args()
    instance = Instance(os.environ.get("ORDERHUB_INSTANCE", "default"))
    command = [sys.executable, "-m", "local.cli", "replay", "--rate", str(asked.load), "--limit", "500"]
    load = subprocess.Popen(command, stdout=subprocess.DEVNULL) if asked.load else None  # noqa: S603
    try:
        seen = watch(instance, asked.sales)
    finally:
        if load is not None:
            load.terminate()
            load.wait()
    say(f"{asked.sales} sales at a till, {asked.load or 'no'} orders/s beside them, {SHOPPERS} shoppers asking all the while:")
    p95, p99 = seen.p(0.95), seen.p(0.99)
    say(f"visible p50 {statistics.median(seen.lags_ms):.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms after the till's answer")
    say(f"{seen.missed} questions that were put after a sale missed it")


if __name__ == "__main__":
    main()
