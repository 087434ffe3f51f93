"""Units that came back and can be sold again: one movement a SKU and node, once for each return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.domain import effect
from inventory.ledger import CHUNK, AlreadyDone, Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventory.store import InventoryStore


class ReturnedStock:
    """Puts back what a return brought."""

    def __init__(self, store: InventoryStore) -> None:
        self._store = store

    def put_back(self, order_id: str, return_id: str, units: Mapping[tuple[str, str], int], at: str, correlation_id: str) -> None:
        """Count these units, by (sku, node), as on hand again, once for each return; `at` is when it was inspected. Raises Busy."""
        changes = [
            Change(
                sku,
                node_id,
                f"returned#{return_id}",
                "returned",
                quantity,
                effect("returned", quantity),
                return_id,
                order_id,
                at=at,
            )
            for (sku, node_id), quantity in sorted(units.items())
        ]
        for start in range(0, len(changes), CHUNK):
            try:
                self._store.apply(changes[start : start + CHUNK], at, correlation_id)
            except AlreadyDone:
                continue
