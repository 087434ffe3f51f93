"""What leaves an allocation: units that were shipped, or that nobody found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.domain import MovementType, effect, write_off
from inventory.ledger import CHUNK, AlreadyDone, Change, ReservationMoved
from kernel.clock import rfc3339
from kernel.errors import Busy, Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inventory.store import InventoryStore
    from kernel.clock import Clock

ROUNDS = 12
"""How often a reservation is looked at again after somebody else settled of it."""


class Settling:
    """Takes what left off the books, once for each shipment: the reservation remembers what for."""

    def __init__(self, store: InventoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def settle(
        self, order_id: str, shipment_id: str, type_: MovementType, lines: Mapping[tuple[str, str], int], correlation_id: str
    ) -> None:
        """Take units off the books that were shipped, or written off (`adjusted`). Raises Conflict (no allocation), Busy."""
        pairs = sorted(lines.items())
        for place, start in enumerate(range(0, len(pairs), CHUNK)):
            mark = f"{type_}#{shipment_id}#{place}"
            self._settle_chunk(order_id, shipment_id, type_, pairs[start : start + CHUNK], mark, correlation_id)

    def _settle_chunk(
        self,
        order_id: str,
        shipment_id: str,
        type_: MovementType,
        chunk: Sequence[tuple[tuple[str, str], int]],
        mark: str,
        correlation_id: str,
    ) -> None:
        for _ in range(ROUNDS):
            known = self._store.reservation(order_id)
            if known is not None and mark in known.settlements:
                return
            if known is None or known.state != "allocated":
                raise Conflict("not_allocated", "The order holds no allocation.", current_status=known.state if known else "none")
            bucket = {(part.sku, part.node_id): part.bucket for part in known.sources}
            changes = [
                Change(
                    sku,
                    node_id,
                    f"{type_}#{shipment_id}",
                    type_,
                    -quantity if type_ == "adjusted" else quantity,
                    write_off(quantity) if type_ == "adjusted" else effect("shipped", quantity),
                    shipment_id,
                    order_id,
                    bucket=bucket.get((sku, node_id), 0),
                )
                for (sku, node_id), quantity in chunk
            ]
            try:
                self._store.apply(changes, rfc3339(self._clock.now()), correlation_id, self._store.settle(known, changes, mark))
            except (AlreadyDone, ReservationMoved):
                continue
            return
        raise Busy("contended", "The reservation is contended; try again in a moment.")
