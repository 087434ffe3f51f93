"""Counts: a stock-take, or another system's full picture, becomes the difference that it makes to the books.

A count is true of the moment it was taken. What moved between then and its booking is not undone by it: the books are
set to what was found, and that which moved since on top. A count from before the one that the books were last set by is
stale and changes nothing, whichever way the two came in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from inventory.domain import effect
from inventory.ledger import AlreadyDone, Change, OutOfStock
from kernel.errors import Busy

if TYPE_CHECKING:
    from inventory.domain import Stock
    from inventory.spreading import Spreading
    from inventory.store import InventoryStore

TRIES = 20
"""How often a count is compared again with stock that moved on meanwhile."""


def settled(store: InventoryStore, spreading: Spreading, sku: str, node_id: str) -> Stock | None:
    """Stock with all that can be sold at home, so that the home may go below zero; None where it moves too fast for now.

    Only `apply_alone` makes sure that it is still so when a movement is made.
    """
    spreading.gather(sku, node_id)
    stock = store.stock(sku, node_id)
    return None if any(part.available for part in stock.parts[1:]) else stock


def apply_alone(store: InventoryStore, stock: Stock, change: Change, at: str, correlation_id: str) -> bool:
    """Make a movement of a home under the condition that no bucket moved since it was read; False where one did."""
    checks = [store.unmoved(part) for part in stock.parts[1:]]
    try:
        store.apply([change], at, correlation_id, checks=checks)
    except AlreadyDone:
        return True
    except OutOfStock:
        return False
    return True


class Counting:
    """Sets the books to what was found."""

    def __init__(self, store: InventoryStore, spreading: Spreading) -> None:
        self._store = store
        self._spreading = spreading

    def set(
        self,
        sku: str,
        node_id: str,
        found: int,
        as_of: str | None,
        movement_id: str,
        at: str,
        reference: str,
        correlation_id: str,
    ) -> Literal["counted", "stale"]:
        """Book a count that was taken at `as_of`, or just now for None. The same count again changes nothing. Raises Busy."""
        for _ in range(TRIES):
            stock = settled(self._store, self._spreading, sku, node_id)
            if stock is None:
                continue
            fence = stock.home.counted_at
            if as_of is not None and as_of < fence:
                return "stale"
            if as_of is not None and as_of == fence:
                return "counted"
            since = self._store.moved_since(stock, as_of) if as_of is not None else 0
            difference = found + since - stock.on_hand
            change = Change(
                sku,
                node_id,
                movement_id,
                "counted",
                difference,
                effect("counted", difference),
                reference,
                at_version=stock.home.version,
                at=at,
                keeps={"counted_at": max(as_of or at, fence)},
            )
            if apply_alone(self._store, stock, change, at, correlation_id):
                return "counted"
        raise Busy("store_busy", "The stock moves too fast to be compared with a count.")
