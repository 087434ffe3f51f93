"""How a node sells a SKU: safety stock, thresholds, and what is kept back from a channel; and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.counting import TRIES, apply_alone, settled
from inventory.domain import effect, next_level
from inventory.ledger import Change
from inventory.spreading import Spreading
from kernel.clock import rfc3339
from kernel.errors import Busy, NotFound

if TYPE_CHECKING:
    from inventory.domain import Policy, Stock
    from inventory.store import InventoryStore
    from kernel.clock import Clock


class Policies:
    """Sets policies, and says once whenever stock crosses their thresholds."""

    def __init__(self, store: InventoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._spreading = Spreading(store, clock)

    def set(self, sku: str, node_id: str, policy: Policy, correlation_id: str) -> Stock:
        """Sell by this policy from now on; what is reserved or sold already stays so. Raises NotFound (no such node), Busy."""
        if self._store.node(node_id) is None:
            raise NotFound("node_not_found", "There is no such node.")
        for _ in range(TRIES):
            stock = settled(self._store, self._spreading, sku, node_id)
            if stock is None:
                continue
            if stock.home.policy == policy:
                return stock
            more = policy.safety - stock.home.policy.safety
            change = Change(
                sku,
                node_id,
                f"policy_set#{stock.home.version}",
                "policy_set",
                more,
                effect("policy_set", more),
                "policy",
                at_version=stock.home.version,
                keeps={
                    "low_threshold": policy.low_threshold,
                    "reorder_up_to": policy.reorder_up_to,
                    "buffers": policy.buffers or None,
                },
            )
            if apply_alone(self._store, stock, change, rfc3339(self._clock.now()), correlation_id):
                return self._store.stock(sku, node_id)
        raise Busy("store_busy", "The stock moves too fast to change how it is sold.")

    def look(self, sku: str, node_id: str, correlation_id: str) -> None:
        """Say what there is to say of how much is left. Where it moved on meanwhile, the next look will. Raises Busy."""
        stock = self._store.stock(sku, node_id)
        said, policy = next_level(stock), stock.home.policy
        if said is None:
            return
        missing = (policy.low_threshold or 0) - stock.available
        quantity = {"low": missing, "signalled": (policy.reorder_up_to or 0) - stock.available, "recovered": -missing}[said]
        change = Change(
            sku,
            node_id,
            f"{said}#{stock.home.version}",
            said,
            quantity,
            effect(said, quantity),
            "policy",
            at_version=stock.home.version,
            keeps={"level": "ok" if said == "recovered" else said},
        )
        apply_alone(self._store, stock, change, rfc3339(self._clock.now()), correlation_id)
