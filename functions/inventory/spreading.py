"""Stock that moves fast is spread over several buckets, and gathered again when it is nearly sold out or quiet.

Buckets only give: what comes in, or comes back from a reservation, goes home, and nothing but a widening fills a
bucket. So while the home is below zero, for a count or a till said so, there is nothing in any bucket that could be sold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from inventory.buckets import MERGE_AT, Heat, gathering, widening
from inventory.domain import Delta, effect
from inventory.ledger import AlreadyDone, Change, OutOfStock, PartlyDone
from inventory.store import Spread
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inventory.domain import Stock
    from inventory.store import InventoryStore
    from kernel.clock import Clock

_WHY = "buckets"


class Spreading:
    """Keeps stock in as many buckets as its load asks for."""

    def __init__(self, store: InventoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._heat = Heat()

    def hot(self, stocks: Iterable[Sequence[Stock]]) -> list[tuple[str, str]]:
        """What moves too fast for the buckets it has, by (sku, node), as far as this process saw."""
        return [(stock.sku, stock.node_id) for found in stocks for stock in found if self._heat.too_hot(stock.home)]

    def widen(self, sku: str, node_id: str) -> None:
        """Give stock more buckets, or fill those it has, where that helps. Where somebody else was faster, they did."""
        stock = self._store.stock(sku, node_id)
        plan = widening(stock)
        if plan is None:
            return
        moved = plan.share * (plan.buckets - 1)
        at, home = rfc3339(self._clock.now()), stock.home
        changes = [
            self._move(home.sku, home.node_id, 0, -moved, home.version, (home.buckets, plan.buckets)),
            *(self._move(sku, node_id, bucket, plan.share, home.version) for bucket in range(1, plan.buckets)),
        ]
        try:
            self._store.apply(changes, at, _WHY, checks=[self._store.looking(Spread(sku, node_id, stock.version, at))])
        except (OutOfStock, PartlyDone, AlreadyDone, Busy):
            return

    def gather(self, sku: str, node_id: str, need: int | None = None) -> None:
        """Bring units home until it has `need` of them, or all; as far as nobody takes them meanwhile. Raises Busy."""
        stock = self._store.stock(sku, node_id)
        taken = gathering(stock, need)
        if not taken:
            return
        changes = [self._move(sku, node_id, part.bucket, -units, stock.home.version) for part, units in taken]
        changes.append(self._move(sku, node_id, 0, sum(units for _, units in taken), stock.home.version))
        try:
            self._store.apply(changes, rfc3339(self._clock.now()), _WHY)
        except (OutOfStock, PartlyDone, AlreadyDone):
            return  # The buckets moved on meanwhile: who needs them at home looks again.

    def merge(self) -> int:
        """Gather what is spread and quiet; answers how many went back to a single bucket. Raises Busy."""
        merged = 0
        for spread in self._store.spread():
            stock = self._store.stock(spread.sku, spread.node_id)
            now = self._clock.now()
            passed = (now - parse_rfc3339(spread.at)).total_seconds()
            if passed <= 0 or (stock.version - spread.version) / passed > MERGE_AT:
                self._store.look(Spread(spread.sku, spread.node_id, stock.version, rfc3339(now)))
                continue
            self.gather(spread.sku, spread.node_id)
            if self._close(self._store.stock(spread.sku, spread.node_id)):
                self._store.forget(spread)
                merged += 1
        return merged

    def _close(self, stock: Stock) -> bool:
        """Go back to one bucket, where all others are empty. What is reserved or allocated of them keeps them open."""
        home, others = stock.home, stock.parts[1:]
        if not others:
            return True
        if any(part.on_hand or part.allocated or part.reserved for part in others):
            return False
        checks = [self._store.unmoved(part) for part in others]
        change = self._move(home.sku, home.node_id, 0, 0, home.version, (home.buckets, 1))
        try:
            self._store.apply([change], rfc3339(self._clock.now()), _WHY, checks=checks)
        except (OutOfStock, AlreadyDone):
            return False
        return True

    def _move(
        self, sku: str, node_id: str, bucket: int, units: int, version: int, buckets: tuple[int, int] | None = None
    ) -> Change:
        """Units into a bucket, or out of it. Another try that saw the same home is the same movement."""
        return Change(
            sku,
            node_id,
            f"rebalanced#{version}",
            "rebalanced",
            units,
            effect("rebalanced", units),
            _WHY,
            needs_available=max(0, -units),
            bucket=bucket,
            buckets=buckets,
        )


def back_home(change: Change, units: int) -> tuple[Change, Change]:
    """A change that frees units of a bucket, made so that they go home: out of the bucket, and in at home."""
    freed = change.delta
    leaving = Delta(freed.on_hand - units, freed.allocated, freed.reserved)
    arriving = Change(
        change.sku,
        change.node_id,
        f"rebalanced#{change.movement_id}",
        "rebalanced",
        units,
        effect("rebalanced", units),
        change.reference,
        change.order_id,
        at=change.at,
    )
    return replace(change, delta=leaving), arriving
