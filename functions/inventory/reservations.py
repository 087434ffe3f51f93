"""Reservations: all or nothing over an order's lines and nodes, safe to repeat after any crash.

An order that fits in one transaction changes its reservation and its stock together: there is nothing in between. A
larger one goes in chunks, and the reservation's state is their fence: every chunk is written under the condition that
the reservation is still in the state that the chunk belongs to. Whoever ends a reservation changes its state first, and
then undoes exactly those chunks that were made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from inventory.buckets import CONFLICTS, choose
from inventory.domain import MovementType, Shortage, Source, Wanted, by_pair, effect, write_off
from inventory.held import Reservation
from inventory.ledger import CHUNK, AlreadyDone, Change, OutOfStock, ReservationMoved
from inventory.plans import Attributes, Auction, Plan, told
from inventory.sourcing import source
from inventory.spreading import Spreading, back_home
from kernel.clock import rfc3339
from kernel.errors import Busy, Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inventory.domain import Stock
    from inventory.held import State
    from inventory.network_store import Networks
    from inventory.store import InventoryStore
    from kernel.clock import Clock

ROUNDS = 12
"""How often a reservation is looked at again after somebody else moved it, or took what it was to hold."""
LIFETIME = timedelta(minutes=15)
"""How long stock is held at the least for an order that is not yet paid; reservations end with a minute."""
UNFINISHED = timedelta(minutes=2)
"""After which time a sweep finishes what somebody began to undo."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation on a reservation ended."""

    outcome: Literal["reserved", "out_of_stock", "auction", "closed", "allocated", "expired", "released"]
    sources: tuple[Source, ...] = ()
    shortages: tuple[Shortage, ...] = ()
    why: str | None = None
    """Why from these nodes, as JSON for the order's timeline."""
    auction: Auction | None = None
    """What bids are wanted for, before anything is held."""


class Reservations:
    """Everything that sagas ask of stock."""

    def __init__(self, store: InventoryStore, clock: Clock, networks: Networks) -> None:
        self._store = store
        self._clock = clock
        self._networks = networks
        self._spreading = Spreading(store, clock)

    def reserve(
        self,
        order_id: str,
        wanted: Sequence[Wanted],
        node_id: str | None,
        correlation_id: str,
        order: Attributes = Attributes(),  # noqa: B008  # frozen
    ) -> Outcome:
        """Hold every unit of an order, or none; `auction` where its rule wants bids first. Asked again, it answers what is held.

        Raises Busy.
        """
        for _ in range(ROUNDS):
            known = self._store.reservation(order_id)
            if known is None or known.state in ("expired", "failed"):
                stocks = {sku: self._store.stocks(sku) for sku in dict.fromkeys(line.sku for line in wanted)}
                planned = self._plan(wanted, node_id, order, stocks)
                if isinstance(planned, list):
                    return Outcome("out_of_stock", shortages=tuple(planned))
                if isinstance(planned, Auction):
                    return Outcome("auction", auction=planned)
                sources = self._drawn(order_id, planned.sources, stocks)
                if sources is not None:
                    self._begin(order_id, known, replace(planned, sources=sources), stocks, correlation_id)
            elif known.state == "pending":
                self._hold(known, correlation_id)
            elif known.state == "held" and self._is_over(known):
                self._undo(known, "expiring", "expired", correlation_id)
            elif known.state in ("held", "allocating", "allocated"):
                return Outcome("reserved", known.sources, why=known.why)
            elif known.state in ("expiring", "failing"):
                self._finish(known, correlation_id)
            else:
                return Outcome("closed")
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def _plan(
        self, wanted: Sequence[Wanted], node_id: str | None, order: Attributes, stocks: dict[str, list[Stock]]
    ) -> Plan | Auction | list[Shortage]:
        """Where every unit comes from; what is short only where it is so by a consistent sum over all buckets."""

        def planned(*, fresh: bool = False) -> Plan | Auction | list[Shortage]:
            available = {(stock.sku, stock.node_id): stock.available for found in stocks.values() for stock in found}
            return source(wanted, order, self._networks.now(fresh=fresh), available, node_id)

        plan = planned()
        if isinstance(plan, list):
            short = {part.sku for part in plan}
            now = self._clock.now()
            # Stock that was held past its time is free, whether or not anybody swept it before.
            if any(stock.past_time(now) for sku in short for stock in stocks[sku]):
                self.sweep(short)
            for sku in short:
                stocks[sku] = [self._store.stock(sku, stock.node_id) for stock in self._store.stocks(sku)]
            # And a node or rule may be newer than what this process knows.
            plan = planned(fresh=True)
        return plan

    def _drawn(self, order_id: str, planned: Sequence[Source], stocks: Mapping[str, list[Stock]]) -> tuple[Source, ...] | None:
        """The plan with a bucket for every part; None where units had to be gathered first."""
        by_node = {(stock.sku, stock.node_id): stock for found in stocks.values() for stock in found}
        buckets: dict[tuple[str, str], int] = {}
        for pair, quantity in by_pair(planned).items():
            bucket = choose(by_node[pair], quantity, order_id)
            if bucket is None:
                self._spreading.gather(*pair, quantity)
                return None
            buckets[pair] = bucket
        return tuple(replace(part, bucket=buckets[part.sku, part.node_id]) for part in planned)

    def _begin(
        self,
        order_id: str,
        known: Reservation | None,
        plan: Plan,
        stocks: Mapping[str, list[Stock]],
        correlation_id: str,
    ) -> None:
        """Hold it all in one transaction, or begin to hold it in chunks. Where somebody was faster, nothing is done."""
        now = self._clock.now()
        attempt, expiries = (known.attempt + 1, known.expiries) if known else (1, 0)
        fresh = Reservation(
            order_id,
            attempt,
            "held",
            plan.sources,
            _end(now + LIFETIME),
            rfc3339(now),
            expiries=expiries,
            why=told(plan.reasons),
        )
        changes = _reserving(fresh, stocks, now)
        if len(changes) > CHUNK:
            self._store.begin(replace(fresh, state="pending"), known)
            return
        hot = self._spreading.hot(stocks.values())
        try:
            met = self._store.apply(changes, fresh.begun_at, correlation_id, self._store.beginning(fresh, known))
        except (OutOfStock, AlreadyDone, ReservationMoved):
            return
        except Busy:
            hot = list(by_pair(plan.sources))
            raise
        else:
            hot = list(by_pair(plan.sources)) if met >= CONFLICTS else hot
            self._networks.took({part.node_id for part in plan.sources})
        finally:
            for pair in hot:
                self._spreading.widen(*pair)

    def _hold(self, pending: Reservation, correlation_id: str) -> None:
        """Make the reserving movements of a pending reservation, chunk by chunk; undo them where one is short."""
        try:
            self._make(pending, _reserving(pending), correlation_id)
        except OutOfStock:
            self._undo(pending, "failing", "failed", correlation_id)
        except ReservationMoved:
            return
        else:
            if self._store.advance(pending, "held", rfc3339(self._clock.now())):
                self._networks.took({part.node_id for part in pending.sources})

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
                    self._allocate(known, correlation_id)
            elif known.state == "allocating":
                try:
                    self._make(known, _allocating(known), correlation_id)
                except ReservationMoved:
                    continue
                self._store.advance(known, "allocated", rfc3339(self._clock.now()))
            elif known.state == "allocated":
                return Outcome("allocated", known.sources, why=known.why)
            else:
                return Outcome("closed")
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def _allocate(self, held: Reservation, correlation_id: str) -> None:
        at = rfc3339(self._clock.now())
        changes = _allocating(replace(held, allocated_at=at))
        if len(changes) > CHUNK:
            self._store.advance(held, "allocating", at)
            return
        try:
            self._store.apply(changes, at, correlation_id, self._store.advancing(held, "allocated", at))
        except (AlreadyDone, ReservationMoved):
            return

    def release(self, order_id: str, correlation_id: str) -> Outcome:
        """Give back whatever the order holds and has not shipped; for good: a late reservation finds it closed. Raises Busy."""
        for _ in range(ROUNDS):
            known = self._store.reservation(order_id)
            if known is None or known.state in ("expired", "failed"):
                now = rfc3339(self._clock.now())
                attempt, expiries = (known.attempt + 1, known.expiries) if known else (1, 0)
                if self._store.begin(Reservation(order_id, attempt, "released", (), now, now, expiries=expiries), known):
                    return Outcome("released")
            elif known.state == "released":
                return Outcome("released")
            elif known.state in ("expiring", "failing"):
                self._finish(known, correlation_id)
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

    def sweep(self, skus: set[str] | None = None) -> int:
        """End reservations that are held past their time, of these SKUs or of all, and finish what was left unfinished.

        Answers how many ran out. Raises Busy.
        """
        now, swept = self._clock.now(), 0
        for known in self._store.expired(rfc3339(now)):
            if skus is not None and not any(part.sku in skus for part in known.sources):
                continue
            if known.state == "held":
                self._undo(known, "expiring", "expired", "sweep")
                swept += 1
            elif known.state == "pending":
                self._undo(known, "failing", "failed", "sweep")
            elif known.turned_at <= rfc3339(now - UNFINISHED):
                self._finish(known, "sweep")
        return swept

    def _is_over(self, known: Reservation) -> bool:
        return known.expires_at <= rfc3339(self._clock.now())

    def _make(self, known: Reservation, changes: Sequence[Change], correlation_id: str) -> None:
        for chunk in _chunks(changes):
            try:
                self._store.apply(chunk, known.begun_at, correlation_id, self._store.guard(known))
            except AlreadyDone:
                continue

    def _finish(self, known: Reservation, correlation_id: str) -> None:
        """Do the rest of what somebody began to undo."""
        ends: dict[State, State] = {"expiring": "expired", "failing": "failed", "releasing": "released"}
        if known.state in ends:
            self._undo(known, known.state, ends[known.state], correlation_id)

    def _undo(self, known: Reservation, through: State, to: State, correlation_id: str) -> None:
        """End a reservation and give back what it holds. Somebody else's undoing is left alone."""
        at = rfc3339(self._clock.now())
        reserving, allocating = _chunks(_reserving(known)), _chunks(_allocating(known))
        if len(reserving) == 1 and known.state in ("held", "allocated"):
            made, type_ = (reserving, _RELEASED) if known.state == "held" else (allocating, _DEALLOCATED)
            self._end_at_once(known, to, _freeing(known, made[0], type_, at), at, correlation_id)
            return
        if known.state != through:
            if not self._store.advance(known, through, at):
                return
            known = replace(known, state=through, turned_at=at)
        # A chunk is made as a whole, so its first movement tells for all of it; chunks of all types are cut alike.
        for reserved, allocated in zip(reserving, allocating, strict=True):
            if known.allocated_at and self._store.was_made(allocated[0]):
                changes = _freeing(known, allocated, _DEALLOCATED, known.turned_at)
            elif self._store.was_made(reserved[0]):
                changes = _freeing(known, reserved, _RELEASED, known.turned_at)
            else:
                continue
            try:
                if changes:
                    self._store.apply(changes, at, correlation_id, self._store.guard(known))
            except (AlreadyDone, ReservationMoved):
                continue
        self._store.advance(known, to, at)

    def _end_at_once(self, known: Reservation, to: State, changes: Sequence[Change], at: str, correlation_id: str) -> None:
        try:
            self._store.apply(changes, at, correlation_id, self._store.advancing(known, to, at))
        except (AlreadyDone, ReservationMoved):
            return


_RELEASED: MovementType = "released"
_DEALLOCATED: MovementType = "deallocated"


def _end(instant: datetime) -> str:
    """The end of the minute that an instant is in, as RFC 3339: what is held is counted by minutes."""
    return rfc3339(datetime.fromtimestamp(-(-instant.timestamp() // 60) * 60, UTC))


def _reserving(known: Reservation, stocks: Mapping[str, list[Stock]] | None = None, now: datetime | None = None) -> list[Change]:
    """The movements that hold a reservation's units; with the stock as it was seen, they forget minutes that are over."""
    over: dict[tuple[str, str, int], tuple[int, ...]] = {}
    if stocks is not None and now is not None:
        over = {
            (part.sku, part.node_id, part.bucket): tuple(
                minute for minute, units in sorted(part.held_until.items()) if not units and minute * 60 < now.timestamp()
            )
            for found in stocks.values()
            for stock in found
            for part in stock.parts
        }
    return [
        replace(change, needs_available=change.quantity, forget=over.get((change.sku, change.node_id, change.bucket), ()))
        for change in _changes(known, "reserved", known.begun_at)
    ]


def _allocating(known: Reservation) -> list[Change]:
    """The movements that turn what a reservation holds into an allocation."""
    return _changes(known, "allocated", known.allocated_at)


def _changes(known: Reservation, type_: Literal["reserved", "allocated"], at: str) -> list[Change]:
    bucket = {(part.sku, part.node_id): part.bucket for part in known.sources}
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
            bucket=bucket[sku, node_id],
            at=at,
            expires_at=known.expires_at,
        )
        for (sku, node_id), quantity in by_pair(known.sources).items()
    ]


def _freeing(known: Reservation, made: Sequence[Change], type_: MovementType, at: str) -> list[Change]:
    """The opposite of changes, for the units that have not left; what comes out of a bucket goes home."""
    freeing: list[Change] = []
    for change in made:
        quantity = change.quantity - known.settled.get((change.sku, change.node_id), 0)
        if not quantity:
            continue
        movement_id = f"{type_}#{known.order_id}#{known.attempt}"
        freed = replace(
            change,
            movement_id=movement_id,
            type=type_,
            quantity=quantity,
            delta=effect(type_, quantity),
            needs_available=0,
            at=at,
        )
        freeing += back_home(freed, quantity) if freed.bucket else [freed]
    return freeing


def _chunks(changes: Sequence[Change]) -> list[Sequence[Change]]:
    return [changes[start : start + CHUNK] for start in range(0, len(changes), CHUNK)]
