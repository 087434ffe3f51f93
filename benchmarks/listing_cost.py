"""What a page of a list costs, in read units, at 1,000 and at 100,000 orders.

Run it on an instance that is up: `python -m benchmarks.listing_cost [INSTANCE]`. It makes a table of its own on the
instance's emulator, with the indexes of the views table, loads the newest 1,000 orders, measures a first and a tenth page of
every filter, loads 99,000 older orders, and measures again. The code that reads is the hub's own. Queries are counted by
DynamoDB's ReturnConsumedCapacity; the emulator does not count batches, so these are counted by DynamoDB's rule. The table is
deleted afterwards.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from benchmarks.board_items import load
from edge.cursors import Cursors
from hub.listing import OrderList, OrderQuery
from local.aws import client
from local.hubfile import read
from local.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Callable

QUERIES: Final = {
    "all orders": OrderQuery(),
    "channel": OrderQuery(channel="web"),
    "status": OrderQuery(status="completed"),
    "channel and status": OrderQuery(channel="web", status="completed"),
    "customer": OrderQuery(customer_id="cus_3"),
    "customer and status": OrderQuery(customer_id="cus_3", status="completed"),
    "placed within a day": OrderQuery(placed_from="2026-11-23T00:00:00.000Z", placed_to="2026-11-24T00:00:00.000Z"),
    "payment status": OrderQuery(payment_status="paid"),
    "channel and external id": OrderQuery(channel="web", external_id="B-7"),
    "external id": OrderQuery(external_id="B-7"),
}
"""Every filter, and the combinations that people ask for."""
SIZES: Final = (1_000, 100_000)
LIMIT: Final = 50
TABLE: Final = "listing-cost"


class Counting:
    """A DynamoDB client that counts what its reads consume, and notes how many items each one saw."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.units = 0.0
        self.calls = 0
        self._seen: list[tuple[str, int]] = []

    @property
    def reads(self) -> list[tuple[str, int]]:
        """Every read with the number of items that it looked at; in no order, as partitions are asked at once."""
        return sorted(self._seen)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._real, name)

        def counted(**arguments: Any) -> Any:
            answer = call(**arguments, ReturnConsumedCapacity="TOTAL")
            items = [item for batch in answer.get("Responses", {}).values() for item in batch]
            consumed = answer.get("ConsumedCapacity") or _by_rule(items)
            self.units += sum(one["CapacityUnits"] for one in (consumed if isinstance(consumed, list) else [consumed]))
            self.calls += 1
            self._seen.append((name, answer.get("ScannedCount", len(items))))
            return answer

        return counted


def _by_rule(items: list[dict[str, Any]]) -> list[dict[str, float]]:
    """What a batch costs: the emulator does not count it, so this is DynamoDB's rule, half a unit for every 4 KB of each item."""
    return [{"CapacityUnits": 0.5 * -(-len(json.dumps(item)) // 4096)} for item in items]


def measure(database: Any, table: str, query: OrderQuery, pages: int = 1) -> Counting:
    """What the last of so many pages reads; an empty count where the list is shorter."""
    cursor = None
    for page in range(pages):
        counting = Counting(database)
        _, cursor = OrderList(counting, table, Cursors("benchmark")).page(query, LIMIT, cursor)  # type: ignore[arg-type]
        if cursor is None and page < pages - 1:
            return Counting(database)
    return counting


def main(name: str) -> int:
    """Measure on an instance that is up; answers 1 where a page's cost grows with the table."""
    instance = Instance(name)
    database = client(instance, "dynamodb")
    described = database.describe_table(TableName=read(instance)["views_table"])["Table"]
    database.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=described["KeySchema"],
        AttributeDefinitions=described["AttributeDefinitions"],
        GlobalSecondaryIndexes=[
            {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
            for index in described["GlobalSecondaryIndexes"]
        ],
    )
    try:
        measured: dict[int, dict[tuple[str, int], Counting]] = {}
        for size in SIZES:
            load(database, TABLE, range(max(measured, default=0), size))
            measured[size] = {(of, pages): measure(database, TABLE, QUERIES[of], pages) for of in QUERIES for pages in (1, 10)}
    finally:
        database.delete_table(TableName=TABLE)
    return show(measured)


def show(measured: dict[int, dict[tuple[str, int], Counting]]) -> int:
    """Print the table; answers 1 where the costs differ."""
    small, large = (measured[size] for size in SIZES)
    sys.stdout.write(f"Read units of a page of {LIMIT} at {SIZES[0]:,} and {SIZES[1]:,} orders, and the calls that it takes\n\n")
    grown = 0
    for (of, pages), before in small.items():
        after = large[of, pages]
        if before.calls == 0:
            continue
        sys.stdout.write(
            f"  {of:26} page {pages:2}  {before.units:6.1f}  {after.units:6.1f}  calls {before.calls:2} {after.calls:3}\n"
        )
        grown += after.units > before.units
    sys.stdout.write(f"\n{grown} of them cost more in the larger table.\n")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "default"))
