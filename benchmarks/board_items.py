"""Items of the board as the hub writes them, made up in any number: what the listing is measured and tested on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hub import indexes
from kernel.clock import rfc3339
from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATUSES = ("received", "released", "shipped", "delivered", "completed", "completed", "completed", "cancelled")
CHANNELS = ("web", "web", "web", "store", "market")
BATCH = 25


def item(number: int, **changes: str) -> dict[str, Any]:
    """The item of the number-th newest order: one a minute, over channels, four customers and states in turn."""
    channel = changes.get("channel", CHANNELS[number % len(CHANNELS)])
    status = changes.get("status", STATUSES[number // 3 % len(STATUSES)])
    customer_id = changes.get("customer_id", f"cus_{number % 4}")
    external_id = f"B-{number}"
    order_id = derived_id("ord", channel, external_id)
    placed_at = changes.get("placed_at", rfc3339(NOW - timedelta(minutes=number)))
    # The size of an order's item is that of the real ones, about 1.4 KB.
    order = {"id": order_id, "status": status, "channel": channel, "placed_at": placed_at, "rest": "x" * 700}
    fields = {
        "pk": order_id,
        "sk": "BOARD",
        "order": json.dumps(order),
        "placed_at": placed_at,
        "status": status,
        "external_id": external_id,
        "channel": channel,
        "customer_id": customer_id,
        "payment_status": "paid" if status == "completed" else "authorized",
        **indexes.entries(order_id, placed_at, channel, external_id, customer_id, status),
    }
    return {name: {"S": value} for name, value in fields.items()}


def load(client: DynamoDBClient, table: str, numbers: Iterable[int]) -> None:
    """Write the items of these numbers, in batches."""
    for batch in _batches([item(number) for number in numbers]):
        wanted: Any = {table: [{"PutRequest": {"Item": one}} for one in batch]}
        while wanted:
            wanted = client.batch_write_item(RequestItems=wanted).get("UnprocessedItems")


def _batches(items: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
