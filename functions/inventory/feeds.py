"""Feeds of full stock: what another system says is on hand, as of an instant, becomes what our books say.

Each counter keeps as of when it was last set. So of any two feeds, in whatever order, as often as they come, each counter
ends at the newer one, and no feed undoes what moved after it was taken. The fence is the counter's own and not the
source's: a feed that was cut off is completed by sending it again, and a SKU that only the older one names is still set.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from edge.aggregates import key_reused
from inventory.counting import Counting
from inventory.spreading import Spreading
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import FieldError, Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inventory.store import InventoryStore
    from kernel.clock import Clock

AHEAD = timedelta(seconds=5)
"""How far another system's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is on hand of a SKU at a node."""

    sku: str
    node_id: str
    on_hand: int


class Feeds:
    """Takes feeds."""

    def __init__(self, store: InventoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._counting = Counting(store, Spreading(store, clock))

    def take(
        self, source: str, as_of: str, rows: Sequence[Row], caller: str, key: str, fingerprint: str, correlation_id: str
    ) -> tuple[list[int], bool]:
        """Set every counter that was not set by anything newer; answers the rows that were stale, and whether the key was known.

        Raises Invalid (a feed of the future, a node that does not exist, a key reused with another body), Busy.
        """
        now = self._clock.now()
        if parse_rfc3339(as_of) > now + AHEAD:
            raise Invalid("as_of_in_future", "A feed cannot be of an instant that is yet to come.")
        known = {node.node_id for node in self._store.nodes()}
        unknown = [place for place, row in enumerate(rows) if row.node_id not in known]
        if unknown:
            errors = tuple(FieldError(f"/rows/{place}/node_id", "unknown_node", "there is no such node") for place in unknown)
            raise Invalid("unknown_node", "Some rows name a node that does not exist; nothing was set.", errors)
        feed_id = hashlib.sha256("\x1f".join(("feed", caller, key)).encode()).hexdigest()[:32]
        new, first, at = self._store.claim_batch(feed_id, fingerprint, rfc3339(now))
        if first != fingerprint:
            raise key_reused()
        stale = [
            place
            for place, row in enumerate(rows)
            if self._counting.set(
                row.sku, row.node_id, row.on_hand, as_of, f"{feed_id}#{place}", at, f"feed:{source}", correlation_id
            )
            == "stale"
        ]
        return stale, not new
