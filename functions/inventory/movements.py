"""Movements from outside: goods received, corrections, stock-takes and sales at a till, in batches, each made once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from edge.aggregates import key_reused
from inventory.counting import TRIES, Counting, apply_alone, settled
from inventory.domain import effect
from inventory.ledger import CHUNK, AlreadyDone, Change, OutOfStock, PartlyDone
from inventory.spreading import Spreading
from kernel.clock import rfc3339
from kernel.errors import Busy, Conflict, FieldError, Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inventory.domain import Stock
    from inventory.store import InventoryStore
    from kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Movement:
    """A row of a batch. `adjusted` is a signed difference; `counted` is what a stock-take found; `sold` went over a counter."""

    sku: str
    node_id: str
    type: Literal["received", "adjusted", "counted", "sold"]
    quantity: int
    reference: str
    counted_at: str | None = None
    """When the stock was counted, as RFC 3339 in UTC with milliseconds; None for just now."""
    channel: str | None = None
    """The channel that sold it."""


class NotEnough(Conflict):
    """Rows that would take more than there is, or count what was counted since; all other rows of the batch are made."""

    def __init__(self, short: Sequence[int], stale: Sequence[int] = ()) -> None:
        code, detail = ("insufficient_stock", "Some adjustments take more than is available; all other rows are made.")
        if not short:
            code, detail = (
                "stale_count",
                "Some counts are older than the one that the books were set by; all other rows are made.",
            )
        super().__init__(code, detail)
        wrong = [(row, "insufficient_stock", "takes more than is available") for row in short]
        wrong += [(row, "stale_count", "was counted again since") for row in stale]
        self.errors = tuple(FieldError(f"/movements/{row}", code, detail) for row, code, detail in sorted(wrong))


class Movements:
    """Makes batches of movements."""

    def __init__(self, store: InventoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._spreading = Spreading(store, clock)
        self._counting = Counting(store, self._spreading)

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
        stale = [row for row, movement in counted if not self._count(movement, f"{batch_id}#{row}", at, correlation_id)]
        if short or stale:
            raise NotEnough(sorted(short), stale)
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
        for _ in range(TRIES):
            stock = self._store.stock(change.sku, change.node_id)
            if stock.available >= change.needs_available:
                self._spreading.gather(change.sku, change.node_id, change.needs_available)
                try:
                    self._store.apply([change], rfc3339(self._clock.now()), correlation_id)
                except AlreadyDone:
                    return []
                except OutOfStock:
                    continue  # Somebody took of it meanwhile: look again.
                return []
            if change.type != "sold":
                return [row]
            at_home = settled(self._store, self._spreading, change.sku, change.node_id)
            if at_home is not None and self._oversell(change, at_home, correlation_id):
                return []
        raise Busy("store_busy", "The stock moves too fast to take this from it.")

    def _count(self, movement: Movement, movement_id: str, at: str, correlation_id: str) -> bool:
        """Book a count; False where it is stale."""
        booked = self._counting.set(
            movement.sku,
            movement.node_id,
            movement.quantity,
            movement.counted_at,
            movement_id,
            at,
            movement.reference,
            correlation_id,
        )
        return booked == "counted"

    def _oversell(self, change: Change, stock: Stock, correlation_id: str) -> bool:
        """Take what a till sold and was not for sale off the books; False where the stock moved on meanwhile.

        What the books did not have is not taken: no fewer than nothing is on hand.
        """
        gone = min(change.quantity, max(0, stock.on_hand))
        oversold = replace(
            change, type="oversold", delta=effect("oversold", gone), needs_available=0, at_version=stock.home.version
        )
        return apply_alone(self._store, stock, oversold, rfc3339(self._clock.now()), correlation_id)


def _change(movement: Movement, batch_id: str, row: int, at: str) -> Change:
    assert movement.type != "counted"  # a count is a difference only once it is compared
    taken = movement.quantity if movement.type == "sold" else -movement.quantity
    return Change(
        movement.sku,
        movement.node_id,
        f"{batch_id}#{row}",
        movement.type,
        movement.quantity,
        effect(movement.type, movement.quantity),
        movement.reference,
        needs_available=max(0, taken),
        at=at,
        channel=movement.channel,
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
