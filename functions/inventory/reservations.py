"""Reservations: all or nothing over an order's lines and nodes, in chunks with undo, safe to repeat after any crash.

The reservation's state is a fence: every chunk of movements is written under the condition that the reservation is
still in the state that the chunk belongs to. Whoever ends a reservation changes its state first, and then undoes
exactly those chunks that were made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from inventory.domain import MovementType, Shortage, Source, Wanted, by_pair, effect, source, write_off
from inventory.store import CHUNK, AlreadyDone, Change, OutOfStock, Reservation, ReservationMoved
from kernel.clock import rfc3339
from kernel.errors import Busy, Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inventory.store import InventoryStore, State
    from kernel.clock import Clock

ROUNDS = 6
"""How often a reservation is looked at again after somebody else moved it."""
LIFETIME = timedelta(minutes=15)
"""How long stock is held for an order that is not yet paid."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation on a reservation ended."""

    outcome: Literal["reserved", "out_of_stock", "closed", "allocated", "expired", "released"]
    sources: tuple[Source, ...] = ()
    shortages: tuple[Shortage, ...] = ()


class Reservations:
    """Everything that sagas ask of stock."""

    def __init__(self, store: InventoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def reserve(self, order_id: str, wanted: Sequence[Wanted], node_id: str | None, correlation_id: str) -> Outcome:  # noqa: C901  # one branch a state of the reservation
        """Hold every unit of an order, or none. Asked again, it answers what is held. Raises Busy."""
        contended = 0
        for _ in range(ROUNDS):
            known = self._store.reservation(order_id)
            if known is None or known.state in ("expired", "failed"):
                if contended > 2:
                    return Outcome("out_of_stock", shortages=self._shortages(wanted, node_id))
                planned = self._plan(wanted, node_id)
                if not planned or isinstance(planned[0], Shortage):
                    return Outcome("out_of_stock", shortages=tuple(p for p in planned if isinstance(p, Shortage)))
                sources = tuple(p for p in planned if isinstance(p, Source))
                expires_at = rfc3339(self._clock.now() + LIFETIME)
                fresh = Reservation(order_id, (known.attempt if known else 0) + 1, "pending", sources, expires_at)
                if not self._store.begin(fresh, known):
                    continue
                known = fresh
            if known.state == "pending":
                contended += not self._hold(known, correlation_id)
            elif known.state == "held" and self._is_over(known):
                self._undo(known, "expiring", "expired", correlation_id)
            elif known.state in ("held", "allocating", "allocated"):
                return Outcome("reserved", known.sources)
            elif known.state == "expiring":
                self._undo(known, "expiring", "expired", correlation_id)
            elif known.state == "failing":
                self._undo(known, "failing", "failed", correlation_id)
            else:
                return Outcome("closed")
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def _plan(self, wanted: Sequence[Wanted], node_id: str | None) -> Sequence[Source] | Sequence[Shortage]:
        nodes = self._store.nodes()
        skus = [line.sku for line in wanted]
        planned = source(wanted, nodes, self._store.available(skus), node_id)
        if planned and isinstance(planned[0], Shortage) and self.sweep(set(skus)):
            # Stock that was held past its time is free, whether or not anybody swept it before.
            planned = source(wanted, nodes, self._store.available(skus), node_id)
        return planned

    def _shortages(self, wanted: Sequence[Wanted], node_id: str | None) -> tuple[Shortage, ...]:
        return tuple(p for p in self._plan(wanted, node_id) if isinstance(p, Shortage))

    def _hold(self, pending: Reservation, correlation_id: str) -> bool:
        """Make the reserving movements of a pending reservation; False where the stock was gone and all was undone."""
        try:
            self._make(pending, "reserved", correlation_id)
        except OutOfStock:
            self._undo(pending, "failing", "failed", correlation_id)
            return False
        except ReservationMoved:
            return True
        self._store.advance(pending, "held")
        return True

    def allocate(self, order_id: str, correlation_id: str) -> Outcome:
        """Turn what is held into an allocation, which does not expire. Raises Busy."""
        for _ in range(ROUNDS):
            known = self._store.reservation(order_id)
            if known is None or known.state in ("expired", "expiring", "failed", "failing", "pending"):
                return Outcome("expired")
            if known.state == "held":
                if self._is_over(known):
                    self._undo(known, "expiring", "expired", correlation_id)
                else:
                    self._store.advance(known, "allocating")
            elif known.state == "allocating":
                try:
                    self._make(known, "allocated", correlation_id)
                except ReservationMoved:
                    continue
                self._store.advance(known, "allocated")
            elif known.state == "allocated":
                return Outcome("allocated", known.sources)
            else:
                return Outcome("closed")
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def release(self, order_id: str, correlation_id: str) -> Outcome:
        """Give back whatever the order holds and has not shipped; for good: a late reservation finds it closed. Raises Busy."""
        for _ in range(ROUNDS):
            known = self._store.reservation(order_id)
            if known is None or known.state in ("expired", "failed"):
                closed = Reservation(order_id, (known.attempt if known else 0) + 1, "released", (), rfc3339(self._clock.now()))
                if self._store.begin(closed, known):
                    return Outcome("released")
            elif known.state == "released":
                return Outcome("released")
            elif known.state in ("expiring", "failing"):
                self._undo(known, known.state, "expired" if known.state == "expiring" else "failed", correlation_id)
            else:
                self._undo(known, "releasing", "released", correlation_id)
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def ship(self, order_id: str, shipment_id: str, lines: Mapping[tuple[str, str], int], correlation_id: str) -> None:
        """Take what a shipment carried off the books. Once per shipment. Raises Conflict, Busy."""
        self._settle(order_id, shipment_id, "shipped", lines, correlation_id)

    def write_off(self, order_id: str, shipment_id: str, lines: Mapping[tuple[str, str], int], correlation_id: str) -> None:
        """Take units that were not found off the books. Once per shipment. Raises Conflict, Busy."""
        self._settle(order_id, shipment_id, "adjusted", lines, correlation_id)

    def _settle(
        self, order_id: str, shipment_id: str, type_: MovementType, lines: Mapping[tuple[str, str], int], correlation_id: str
    ) -> None:
        known = self._store.reservation(order_id)
        if known is None or known.state != "allocated":
            raise Conflict("not_allocated", "The order holds no allocation.", current_status=known.state if known else "none")
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
            )
            for (sku, node_id), quantity in sorted(lines.items())
        ]
        for chunk in _chunks(changes):
            try:
                self._store.apply(chunk, rfc3339(self._clock.now()), correlation_id, self._store.settle(known, chunk))
            except AlreadyDone:
                continue

    def sweep(self, skus: set[str] | None = None) -> int:
        """Release reservations that are held past their time, of these SKUs or of all; answers how many there were."""
        swept = 0
        for known in self._store.expired(rfc3339(self._clock.now())):
            if skus is None or any(part.sku in skus for part in known.sources):
                self._undo(known, "expiring", "expired", "sweep")
                swept += 1
        return swept

    def held_past_time(self, sku: str) -> dict[str, int]:
        """Units of a SKU by node that are counted as reserved, but held past their time."""
        units: dict[str, int] = {}
        for known in self._store.expired(rfc3339(self._clock.now())):
            for (held, node_id), quantity in by_pair(known.sources).items():
                if held == sku:
                    units[node_id] = units.get(node_id, 0) + quantity
        return units

    def _is_over(self, known: Reservation) -> bool:
        return known.expires_at <= rfc3339(self._clock.now())

    def _make(self, known: Reservation, type_: Literal["reserved", "allocated"], correlation_id: str) -> None:
        for chunk in _chunks(_changes(known, type_)):
            try:
                self._store.apply(chunk, rfc3339(self._clock.now()), correlation_id, self._store.guard(known))
            except AlreadyDone:
                continue

    def _undo(self, known: Reservation, through: State, to: State, correlation_id: str) -> None:
        """Fence the reservation off, undo the chunks that were made, and end it. Somebody else's undoing is left alone."""
        if known.state != through and not self._store.advance(known, through):
            return
        fenced = replace(known, state=through)
        # A chunk is made as a whole, so its first movement tells for all of it; chunks of all types are cut alike.
        reserved, allocated = _chunks(_changes(known, "reserved")), _chunks(_changes(known, "allocated"))
        for reserving, allocating in zip(reserved, allocated, strict=True):
            if self._store.was_made(allocating[0]):
                changes = [_back(change, "deallocated", known) for change in allocating]
            elif self._store.was_made(reserving[0]):
                changes = [_back(change, "released", known) for change in reserving]
            else:
                continue
            left = [change for change in changes if change.quantity]
            try:
                if left:
                    self._store.apply(left, rfc3339(self._clock.now()), correlation_id, self._store.guard(fenced))
            except (AlreadyDone, ReservationMoved):
                continue
        self._store.advance(fenced, to)


def _changes(known: Reservation, type_: Literal["reserved", "allocated"]) -> list[Change]:
    return [
        Change(
            sku,
            node_id,
            f"{type_}#{known.order_id}#{known.attempt}",
            type_,
            quantity,
            effect(type_, quantity),
            known.order_id,
            known.order_id,
            needs_available=quantity if type_ == "reserved" else 0,
        )
        for (sku, node_id), quantity in by_pair(known.sources).items()
    ]


def _back(change: Change, type_: Literal["deallocated", "released"], known: Reservation) -> Change:
    """The opposite of a change, for the units that have not left."""
    quantity = change.quantity - known.settled.get((change.sku, change.node_id), 0)
    movement_id = f"{type_}#{known.order_id}#{known.attempt}"
    return replace(change, movement_id=movement_id, type=type_, quantity=quantity, delta=effect(type_, quantity), needs_available=0)


def _chunks(changes: Sequence[Change]) -> list[Sequence[Change]]:
    return [changes[start : start + CHUNK] for start in range(0, len(changes), CHUNK)]
