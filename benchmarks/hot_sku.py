"""Reservations a second on one hot SKU, in one run: spread over buckets, in one bucket, and a single conditional write.

    orderhub up --no-demo && python -m benchmarks.hot_sku --seconds 15 --clients 16

The clients are threads of this process, which call what inventory's functions call, on the emulator's DynamoDB. The
ceiling is the rate that the same clients reach when each has a SKU of its own.

An emulator on one machine does not throttle partitions, and takes one transaction after the other: what it shows is what
the design costs, and how often clients meet at a condition. So a second set of figures is **modelled**: each partition
key takes so many write units a second (`--units`, instead of DynamoDB's 1,000) from a token bucket in front of the
client, transactional writes counting double; what is over that is refused as DynamoDB refuses it.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.stock_books import audit, say, store_of
from inventory.domain import Node, Wanted
from inventory.movements import Movement, Movements
from inventory.network_store import Networks, NetworkStore
from inventory.reservations import Reservations
from inventory.spreading import Spreading
from inventory.store import InventoryStore
from kernel.clock import SystemClock
from kernel.errors import Busy
from local.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TABLE = "orderhub-local-inventory"
NODE = "wh-bench"
PLENTY = 1_000_000
TURNS = 4


@dataclass(frozen=True, slots=True)
class Rate:
    """What a way of reserving reached."""

    name: str
    reserved: int
    seconds: float
    transactions: int
    cancelled: dict[str, int]
    """Transactions that were cancelled, by reason."""
    busy: int

    @property
    def per_second(self) -> float:
        """Reservations a second."""
        return self.reserved / self.seconds

    def __str__(self) -> str:
        """A line of the report."""
        share = sum(self.cancelled.values()) / max(1, self.transactions)
        why = f" {self.cancelled}" if self.cancelled else ""
        rate = f"{self.name:<34}{self.per_second:>8.1f}/s"
        return f"{rate}  {share:>6.1%} of {self.transactions} refused{why}; {self.busy} gave up"


class Counting:
    """A DynamoDB client that counts transactions and why they are cancelled; with units, partitions take no more than those."""

    def __init__(self, real: Any, units: float | None = None) -> None:
        self._real = real
        self._units = units
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}
        self.transactions = 0
        self.cancelled: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def transact_write_items(self, **arguments: Any) -> Any:
        """The real call, counted, unless a partition would take more than its units."""
        self.transactions += 1
        items = [next(iter(item.values())) for item in arguments["TransactItems"]]
        keys = [(item.get("Key") or item["Item"])["pk"]["S"] for item in items]
        if not self._take(Counter(keys), 2):
            self.cancelled["ThrottlingError (modelled)"] += 1
            raise self._refusal("TransactionCanceledException", "TransactWriteItems", ["ThrottlingError"] * len(items))
        try:
            return self._real.transact_write_items(**arguments)
        except self._real.exceptions.TransactionCanceledException as error:
            codes = {reason.get("Code", "None") for reason in error.response["CancellationReasons"]} - {"None"}
            self.cancelled[min(codes)] += 1
            raise

    def update_item(self, **arguments: Any) -> Any:
        """The real call, unless its partition would take more than its units."""
        if not self._take(Counter([arguments["Key"]["pk"]["S"]]), 1):
            self.cancelled["ThrottlingError (modelled)"] += 1
            raise self._refusal("ProvisionedThroughputExceededException", "UpdateItem", [])
        return self._real.update_item(**arguments)

    def _take(self, wanted: Counter[str], weight: int) -> bool:
        """Write units of every partition key, or of none. A second's worth can be saved up."""
        if self._units is None:
            return True
        now = time.monotonic()
        with self._lock:
            left = {}
            for key, items in wanted.items():
                had, at = self._left.get(key, (self._units, now))
                left[key] = min(self._units, had + (now - at) * self._units) - items * weight
            if any(units < 0 for units in left.values()):
                return False
            self._left |= {key: (units, now) for key, units in left.items()}
        return True

    def _refusal(self, code: str, operation: str, reasons: list[str]) -> Exception:
        kind = self._real.exceptions.TransactionCanceledException if reasons else self._real.exceptions.ClientError
        answer = {"Error": {"Code": code, "Message": ""}, "CancellationReasons": [{"Code": reason} for reason in reasons]}
        refused: Exception = kind(answer, operation)
        return refused


def rates(client: Any, seconds: float, clients: int, units: float | None = None) -> list[Rate]:
    """Every way of reserving, in turns on the same tables, so that what else the machine does hits them alike.

    With units, under the modelled limit.
    """
    run = uuid.uuid4().hex[:8]
    _stock(client, [f"OWN-{run}-{n}" for n in range(clients)] + [f"ONE-{run}", f"HOT-{run}"])
    Spreading(InventoryStore(client, TABLE), SystemClock()).widen(f"HOT-{run}", NODE)
    ways: list[Callable[[], Rate]] = [
        lambda: _unspread(client, "a SKU for each client", lambda n: f"OWN-{run}-{n}", seconds / TURNS, clients, units),
        lambda: _unspread(client, "one SKU, one bucket", lambda _: f"ONE-{run}", seconds / TURNS, clients, units),
        lambda: _rate(client, "one SKU, spread over 16 buckets", lambda _: f"HOT-{run}", seconds / TURNS, clients, units),
        lambda: _conditional(client, f"COND-{run}", seconds / TURNS, clients, units),
    ]
    turns = [[way() for way in ways] for _ in range(TURNS)]
    for sku in (f"ONE-{run}", f"HOT-{run}", f"OWN-{run}-0"):
        audit(InventoryStore(client, TABLE), sku, NODE)
    return [_together(way) for way in zip(*turns, strict=True)]


def _together(turns: Sequence[Rate]) -> Rate:
    cancelled: Counter[str] = Counter()
    for turn in turns:
        cancelled.update(turn.cancelled)
    return Rate(
        turns[0].name,
        sum(turn.reserved for turn in turns),
        sum(turn.seconds for turn in turns),
        sum(turn.transactions for turn in turns),
        dict(cancelled),
        sum(turn.busy for turn in turns),
    )


def _unspread(client: Any, name: str, sku_of: Callable[[int], str], seconds: float, clients: int, units: float | None) -> Rate:
    """The rate where stock stays in one bucket, whatever its load."""
    with patch.object(Spreading, "widen"):
        return _rate(client, name, sku_of, seconds, clients, units)


def _stock(client: Any, skus: list[str]) -> None:
    store = InventoryStore(client, TABLE)
    store.put_node(Node(NODE, "Benchmark", "warehouse", 0, 0, (), 999_999))
    rows = [Movement(sku, NODE, "received", PLENTY, "benchmark") for sku in skus]
    Movements(store, SystemClock()).make(rows, "benchmark", uuid.uuid4().hex, "f", "benchmark")


def _rate(client: Any, name: str, sku_of: Callable[[int], str], seconds: float, clients: int, units: float | None) -> Rate:
    counting, clock = Counting(client, units), SystemClock()
    store = InventoryStore(counting, TABLE)
    networks = Networks(store.nodes, NetworkStore(counting, TABLE), clock)
    busy = Counter[str]()

    def reserve(number: int, order_id: str) -> bool:
        # Each client has a service of its own, as each Lambda worker has.
        try:
            done = services[number].reserve(order_id, [Wanted("ln_1", sku_of(number), 1)], NODE, "benchmark")
        except Busy:
            busy["busy"] += 1
            return False
        return done.outcome == "reserved"

    services = [Reservations(store, clock, networks) for _ in range(clients)]
    reserved, took = _for_a_while(reserve, seconds, clients)
    return Rate(name, reserved, took, counting.transactions, dict(counting.cancelled), busy["busy"])


def _conditional(client: Any, sku: str, seconds: float, clients: int, units: float | None) -> Rate:
    """The least that a reservation could be: one conditional write, with no movement, no order and nothing to repeat safely."""
    counting = Counting(client, units)
    key = {"pk": {"S": f"BENCH#{sku}"}, "sk": {"S": "COUNTER"}}
    client.put_item(TableName=TABLE, Item={**key, "available": {"N": str(PLENTY)}})
    tried = Counter[str]()

    def take(_: int, __: str) -> bool:
        tried["tried"] += 1
        try:
            counting.update_item(
                TableName=TABLE,
                Key=key,
                UpdateExpression="ADD available :less",
                ConditionExpression="available >= :one",
                ExpressionAttributeValues={":less": {"N": "-1"}, ":one": {"N": "1"}},
            )
        except client.exceptions.ClientError:
            time.sleep(0.01)
            return False
        return True

    reserved, took = _for_a_while(take, seconds, clients)
    return Rate("a single conditional write", reserved, took, tried["tried"], dict(counting.cancelled), 0)


def _for_a_while(reserve: Callable[[int, str], bool], seconds: float, clients: int) -> tuple[int, float]:
    begun = time.monotonic()

    def ask(number: int) -> int:
        done = 0
        while time.monotonic() - begun < seconds:
            done += reserve(number, f"ord_{uuid.uuid4().hex}")
        return done

    with ThreadPoolExecutor(clients) as pool:
        reserved = sum(pool.map(ask, range(clients)))
    return reserved, time.monotonic() - begun


def main() -> None:
    """Measure, and print a line for each way of reserving."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--units", type=float, default=20.0, help="write units a second of a partition key, in the model")
    asked = parser.parse_args()
    client = store_of(Instance(os.environ.get("ORDERHUB_INSTANCE", "default")))._client  # the same table, counted
    for units, title in (
        (None, f"Measured, {asked.clients} clients, {asked.seconds:.0f} s each:"),
        (asked.units, f"Modelled: {asked.units:.0f} write units a second for each partition key instead of 1,000:"),
    ):
        say(title)
        found = rates(client, asked.seconds, asked.clients, units)
        for rate in found:
            say(f"  {rate}")
        say(f"  spread stock keeps {found[2].per_second / found[0].per_second:.0%} of what SKUs of their own reach")


if __name__ == "__main__":
    main()
