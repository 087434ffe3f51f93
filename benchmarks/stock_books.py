"""Audits stock: every counter against the fold of its movements, and every reservation against the movements it caused."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inventory.table import number, text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from inventory.domain import Stock
    from inventory.store import InventoryStore

COUNTS = ("on_hand", "allocated", "reserved", "safety")


@dataclass(frozen=True, slots=True)
class Books:
    """What the books of a SKU at a node say."""

    stock: Stock
    by_type: dict[str, int]
    """Movements by type."""


class Unbalanced(AssertionError):
    """The books do not add up."""


def audit(store: InventoryStore, sku: str, node_id: str, held_by: Collection[str] | None = None) -> Books:
    """The books, of which every counter is the fold of its movements, bucket by bucket.

    With the orders that are said to hold units, each of them has one movement that reserved, and nobody else has. Raises
    Unbalanced.
    """
    stock = store.stock(sku, node_id)
    moved = store.movements(sku, node_id)
    for part in stock.parts:
        own = [item for item in moved if number(item, "bucket") == part.bucket]
        if part.version != len(own):
            raise Unbalanced(f"bucket {part.bucket} moved {part.version} times, and {len(own)} movements tell of it")
        for name in COUNTS:
            folded = sum(number(item["delta"]["M"], name) for item in own)
            if folded != getattr(part, name):
                raise Unbalanced(f"{name} of bucket {part.bucket} is {getattr(part, name)}, and its movements make {folded}")
        if part.available != part.on_hand - part.allocated - part.reserved - part.safety:
            raise Unbalanced(f"what is available of bucket {part.bucket} is not what its counts leave")
        if part.reserved != sum(part.held_until.values()):
            raise Unbalanced(f"what is reserved of bucket {part.bucket} is not what is held by the minute")
    if stock.allocated + stock.reserved > stock.on_hand:
        raise Unbalanced("more is owed than is on hand")
    if held_by is not None:
        _same(held_by, (text(item, "order_id") for item in moved if text(item, "type") == "reserved"))
    return Books(stock, dict(Counter(text(item, "type") for item in moved)))


def _same(said: Collection[str], found: Iterable[str]) -> None:
    booked = list(found)
    if len(booked) != len(set(booked)):
        raise Unbalanced("an order reserved twice")
    if set(booked) != set(said):
        raise Unbalanced("what orders were told and what the books say are not the same orders")


def say(line: str) -> None:
    """A line of a report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def store_of(instance: Any) -> InventoryStore:  # local.instance.Instance
    """The stock of an instance of the hub on this machine."""
    from inventory.store import InventoryStore
    from local.aws import client

    return InventoryStore(client(instance, "dynamodb"), "orderhub-local-inventory")
