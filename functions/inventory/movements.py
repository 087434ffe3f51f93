"""Movements from outside: goods received, corrections and stock-takes, in batches of up to 500, each made once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edge.aggregates import key_reused
from inventory.domain import effect
from inventory.ledger import CHUNK, AlreadyDone, Change, OutOfStock, PartlyDone
from inventory.spreading import Spreading
from kernel.clock import rfc3339
from kernel.errors import Busy, Conflict, FieldError, Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inventory.store import InventoryStore
    from kernel.clock import Clock

COUNT_TRIES = 20


@dataclass(frozen=True, slots=True)
class Movement:
    """A row of a batch. `adjusted` is a signed difference; `counted` is what a stock-take found."""

    sku: str
    node_id: str
    type: Literal["received", "adjusted", "counted"]
    quantity: int
    reference: str


class NotEnough(Conflict):
    """Rows that would take more than there is; all other rows of the batch are made."""

    def __init__(self, rows: Sequence[int]) -> None:
        super().__init__("insufficient_stock", "Some adjustments take more than is available; all other rows are made.")
        self.errors = tuple(FieldError(f"/movements/{row}", "insufficient_stock", "takes more than is available") for row in rows)


class Movements:
    """Makes batches of movements."""

    def __init__(self, store: InventoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._spreading = Spreading(store, clock)

    def make(self, batch: Sequence[Movement], caller: str, key: str, fingerprint: str, correlation_id: str) -> bool:
        """Make every movement of a batch, once per caller and key; answers whether the key was known already.

        A batch that was interrupted is completed by the same call again. Raises Invalid (key reused with another body, a
        node that does not exist), NotEnough, Busy.
        """
        self._check_nodes(batch)
        batch_id = hashlib.sha256("\x1f".join((caller, key)).encode()).hexdigest()[:32]
        new, first, at = self._store.claim_batch(batch_id, fingerprint, rfc3339(self._clock.now()))
        if first != fingerprint:
            raise key_reused()
        short: list[int] = []
        rows = [(row, movement) for row, movement in enumerate(batch)]
        counted = [(row, m) for row, m in rows if m.type == "counted"]
        for chunk in _rounds([(row, m) for row, m in rows if m.type != "counted"]):
            short += self._make_chunk([(row, _change(m, batch_id, row, at)) for row, m in chunk], correlation_id)
        for row, movement in counted:
            self._count(movement, f"{batch_id}#{row}", at, correlation_id)
        if short:
            raise NotEnough(sorted(short))
        return not new

    def _check_nodes(self, batch: Sequence[Movement]) -> None:
        known = {node.node_id for node in self._store.nodes()}
        unknown = [row for row, movement in enumerate(batch) if movement.node_id not in known]
        if unknown:
            errors = tuple(FieldError(f"/movements/{row}/node_id", "unknown_node", "there is no such node") for row in unknown)
            raise Invalid("unknown_node", "Some rows name a node that does not exist; nothing was made.", errors)

    def _make_chunk(self, chunk: Sequence[tuple[int, Change]], correlation_id: str) -> list[int]:
        """Make a chunk as one; where a row stands in the way, row by row. Answers the rows that were short."""
        try:
            self._store.apply([change for _, change in chunk], rfc3339(self._clock.now()), correlation_id)
        except AlreadyDone:
            return []
        except (PartlyDone, OutOfStock):
            if len(chunk) == 1:
                return self._make_gathered(*chunk[0], correlation_id)
            return [row for one in chunk for row in self._make_chunk([one], correlation_id)]
        return []

    def _make_gathered(self, row: int, change: Change, correlation_id: str) -> list[int]:
        """Make a movement that the home alone has too little for, after the other buckets gave what they have."""
        for _ in range(COUNT_TRIES):
            stock = self._store.stock(change.sku, change.node_id)
            if stock.available < change.needs_available:
                return [row]
            self._spreading.gather(change.sku, change.node_id, change.needs_available)
            try:
                self._store.apply([change], rfc3339(self._clock.now()), correlation_id)
            except AlreadyDone:
                return []
            except OutOfStock:
                continue  # Somebody took of it meanwhile: look again.
            return []
        raise Busy("store_busy", "The stock moves too fast to take this from it.")

    def _count(self, movement: Movement, movement_id: str, at: str, correlation_id: str) -> None:
        """Set on hand to what was found: the difference to the version that the count was compared with."""
        for _ in range(COUNT_TRIES):
            # With everything at home, the home alone says what can be sold, even where the count leaves less than nothing.
            self._spreading.gather(movement.sku, movement.node_id)
            stock = self._store.stock(movement.sku, movement.node_id)
            if any(part.available for part in stock.parts[1:]):
                continue
            difference = movement.quantity - stock.on_hand
            change = Change(
                movement.sku,
                movement.node_id,
                movement_id,
                "counted",
                difference,
                effect("counted", difference),
                movement.reference,
                at_version=stock.home.version,
                at=at,
            )
            checks = [self._store.unmoved(part) for part in stock.parts[1:]]
            try:
                self._store.apply([change], at, correlation_id, checks=checks)
            except AlreadyDone:
                return
            except OutOfStock:
                continue  # The stock moved on meanwhile: compare again.
            return
        raise Busy("store_busy", "The stock moves too fast to be compared with a count.")


def _change(movement: Movement, batch_id: str, row: int, at: str) -> Change:
    type_: Literal["received", "adjusted"] = "received" if movement.type == "received" else "adjusted"
    return Change(
        movement.sku,
        movement.node_id,
        f"{batch_id}#{row}",
        type_,
        movement.quantity,
        effect(type_, movement.quantity),
        movement.reference,
        needs_available=max(0, -movement.quantity),
        at=at,
    )


def _rounds(rows: Sequence[tuple[int, Movement]]) -> list[list[tuple[int, Movement]]]:
    """Chunks in which no counter comes twice, since one transaction may touch an item once; order per counter is kept."""
    rounds: list[list[tuple[int, Movement]]] = []
    place: dict[tuple[str, str], int] = {}
    for row, movement in rows:
        key = (movement.sku, movement.node_id)
        at = place.get(key, -1) + 1
        while at < len(rounds) and len(rounds[at]) >= CHUNK:
            at += 1
        if at == len(rounds):
            rounds.append([])
        rounds[at].append((row, movement))
        place[key] = at
    return rounds
