"""Where orders are found on the board: the partitions of its indexes, for who writes them and for who reads them.

A partition of DynamoDB takes 1,000 write units a second, and a busy day brings more orders than that. So every index that
a whole channel, or the whole hub, writes to is spread over shards by the order's id; a reader merges them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SHARDS: Final = 8
"""How many partitions hold one list. Stored with every order: after a change, rebuild the board."""
DUE_SHARDS: Final = 64
"""How many partitions hold what the watch looks for, which is written with every change of an order."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The index to read for a query, its partitions, and the filters that every entry in them fulfils."""

    index: str
    partitions: tuple[str, ...]
    covers: frozenset[str]


def entries(order_id: str, placed_at: str, channel: str, external_id: str, customer_id: str, status: str) -> dict[str, str]:
    """The attributes by which an order's item is in every index of lists."""
    shard = _shard(order_id, SHARDS)
    partitions = {
        "placed": f"orders#{shard}",
        "customer": f"customer#{customer_id}",
        "external": f"external#{external_id}",
        "channel": f"channel#{channel}#{shard}",
        "state": f"state#{status}#{shard}",
        "channel_state": f"channel#{channel}#{status}#{shard}",
    }
    key = f"{placed_at}#{order_id}"
    return {name: value for index, pk in partitions.items() for name, value in ((f"gsi_{index}_pk", pk), (f"gsi_{index}_sk", key))}


def lead(external_id: str | None, customer_id: str | None, channel: str | None, status: str | None) -> Lead:
    """The index that leaves the least to look through."""
    if external_id is not None:
        return Lead("by_external", (f"external#{external_id}",), frozenset({"external_id"}))
    if customer_id is not None:
        # Nobody orders a thousand times a second, so a customer has one partition.
        return Lead("by_customer", (f"customer#{customer_id}",), frozenset({"customer_id"}))
    if channel is not None and status is not None:
        return Lead("by_channel_state", _sharded(f"channel#{channel}#{status}"), frozenset({"channel", "status"}))
    if status is not None:
        return Lead("by_state", _sharded(f"state#{status}"), frozenset({"status"}))
    if channel is not None:
        return Lead("by_channel", _sharded(f"channel#{channel}"), frozenset({"channel"}))
    return Lead("by_placed", _sharded("orders"), frozenset())


def due(order_id: str) -> str:
    """The partition in which the watch finds an order that waits for something."""
    return f"due#{_shard(order_id, DUE_SHARDS)}"


def all_due() -> tuple[str, ...]:
    """Every partition that the watch looks into."""
    return tuple(f"due#{shard}" for shard in range(DUE_SHARDS))


def _sharded(name: str) -> tuple[str, ...]:
    return tuple(f"{name}#{shard}" for shard in range(SHARDS))


def _shard(order_id: str, of: int) -> int:
    # An id ends in random or hashed digits, whichever way it was made.
    return int(order_id[-8:], 16) % of
