"""Reservations: all or nothing over an order's lines and nodes, safe to repeat after any crash.

An order that fits in one transaction changes its reservation and its stock together: there is nothing in between. A
larger one goes in chunks, and the reservation's state is their fence: every chunk is written under the condition that
the reservation is still in the state that the chunk belongs to. Whoever ends a reservation changes its state first, and
then undoes exactly those chunks that were made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from inventory.buckets import CONFLICTS, choose
from inventory.domain import MovementType, Shortage, Source, Wanted, by_pair, demand
from inventory.held import Reservation
from inventory.holding import allocating, chunks, end_of_minute, fits, freeing, reserving
from inventory.ledger import AlreadyDone, Change, OutOfStock, ReservationMoved
from inventory.plans import Attributes, Auction, Plan, told
from inventory.settling import Settling
from inventory.sourcing import source
from inventory.spreading import Spreading
from kernel.clock import rfc3339
from kernel.errors import Busy

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

    outcome: Literal["reserved", "out_of_stock", "auction", "closed", "allocated", "expired", "released", "superseded"]
    sources: tuple[Source, ...] = ()
    shortages: tuple[Shortage, ...] = ()
    why: str | None = None
    """Why from these nodes, as JSON for the order's timeline."""
    auction: Auction | None = None
    """What bids are wanted for, before anything is held."""
    revision: int = 0
    """The revision of the order's lines that the sources were last made to fit."""


class Reservations:
    """Everything that sagas ask of stock."""

    def __init__(self, store: InventoryStore, clock: Clock, networks: Networks) -> None:
        self._store = store
        self._clock = clock
        self._networks = networks
        self._spreading = Spreading(store, clock)
        self._settling = Settling(store, clock)

    def reserve(
        self,
        order_id: str,
        wanted: Sequence[Wanted],
        node_id: str | None,
        correlation_id: str,
        order: Attributes = Attributes(),  # noqa: B008  # frozen
    ) -> Outcome:
        """Hold every unit of an order, or none; `auction` where its rule wants bids first. Asked again, it answers what is held.

        What a node keeps back from the order's channel is not touched. Raises Busy.
        """
        for _ in range(ROUNDS):
            known = self._store.reservation(order_id)
            if known is None or known.state in ("expired", "failed"):
                ended = self._anew(order_id, known, wanted, node_id, correlation_id, order)
                if ended is not None:
                    return ended
            elif known.state == "pending":
                self._hold(known, correlation_id)
            elif known.state == "held" and self._is_over(known):
                self._undo(known, "expiring", "expired", correlation_id)
            elif known.state in ("held", "allocating", "allocated"):
                return Outcome("reserved", known.sources, why=known.why, revision=known.revision)
            elif known.state in ("expiring", "failing"):
                self._finish(known, correlation_id)
            else:
                return Outcome("closed")
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def _anew(
        self,
        order_id: str,
        known: Reservation | None,
        wanted: Sequence[Wanted],
        node_id: str | None,
        correlation_id: str,
        order: Attributes,
    ) -> Outcome | None:
        """Begin a reservation; answers where there is none to begin, None where it is to be looked at again."""
        stocks = {sku: self._store.glance(sku, units, order_id) for sku, units in demand(wanted).items()}
        planned = self._plan(wanted, node_id, order, stocks)
        if isinstance(planned, list):
            # Where another run was faster, it holds the very units that are missing here.
            faster = self._store.reservation(order_id) != known
            return None if faster else Outcome("out_of_stock", shortages=tuple(planned))
        if isinstance(planned, Auction):
            return Outcome("auction", auction=planned)
        sources = self._drawn(order_id, planned.sources, stocks, order.channel)
        if sources is not None:
            self._begin(order_id, known, replace(planned, sources=sources), stocks, correlation_id, order.channel)
        return None

    def _plan(
        self, wanted: Sequence[Wanted], node_id: str | None, order: Attributes, stocks: dict[str, list[Stock]]
    ) -> Plan | Auction | list[Shortage]:
        """Where every unit comes from; what is short only where it is so by a consistent sum over all buckets."""

        def planned(*, fresh: bool = False) -> Plan | Auction | list[Shortage]:
            available = {
                (stock.sku, stock.node_id): stock.available_to(order.channel) for found in stocks.values() for stock in found
            }
            return source(wanted, order, self._networks.now(fresh=fresh), available, node_id)

        plan = planned()
        if isinstance(plan, list):
            short = {part.sku for part in plan}
            now = self._clock.now()
            for sku in short:
                if any(stock.home.buckets > 1 for stock in stocks[sku]):
                    stocks[sku] = self._at_once(sku)
            # Stock that was held past its time is free, whether or not anybody swept it before.
            if any(stock.past_time(now) for sku in short for stock in stocks[sku]):
                self.sweep(short)
                stocks |= {sku: self._at_once(sku) for sku in short}
            # And a node or rule may be newer than what this process knows.
            plan = planned(fresh=True)
        return plan

    def _at_once(self, sku: str) -> list[Stock]:
        return [self._store.stock(sku, stock.node_id) for stock in self._store.stocks(sku)]

    def _drawn(
        self, order_id: str, planned: Sequence[Source], stocks: Mapping[str, list[Stock]], channel: str
    ) -> tuple[Source, ...] | None:
        """The plan with a bucket for every part; None where units had to be gathered first."""
        by_node = {(stock.sku, stock.node_id): stock for found in stocks.values() for stock in found}
        buckets: dict[tuple[str, str], int] = {}
        for pair, quantity in by_pair(planned).items():
            kept_back = by_node[pair].kept_back(channel)
            bucket = choose(by_node[pair], quantity, order_id, kept_back)
            if bucket is None:
                self._spreading.gather(*pair, quantity + kept_back)
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
        channel: str,
    ) -> None:
        """Hold it all in one transaction, or begin to hold it in chunks. Where somebody was faster, nothing is done."""
        now = self._clock.now()
        attempt, expiries = (known.attempt + 1, known.expiries) if known else (1, 0)
        fresh = Reservation(
            order_id,
            attempt,
            "held",
            plan.sources,
            end_of_minute(now + LIFETIME),
            rfc3339(now),
            expiries=expiries,
            why=told(plan.reasons),
        )
        changes = reserving(fresh, stocks, now, channel)
        if not fits(changes):
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
            self._make(pending, reserving(pending), correlation_id)
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
                    self._make(known, allocating(known), correlation_id)
                except ReservationMoved:
                    continue
                self._store.advance(known, "allocated", rfc3339(self._clock.now()))
            elif known.state == "allocated":
                return Outcome("allocated", known.sources, why=known.why, revision=known.revision)
            else:
                return Outcome("closed")
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def _allocate(self, held: Reservation, correlation_id: str) -> None:
        at = rfc3339(self._clock.now())
        changes = allocating(replace(held, allocated_at=at))
        if not fits(changes):
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
        self._settling.settle(order_id, shipment_id, "shipped", lines, correlation_id)

    def write_off(self, order_id: str, shipment_id: str, lines: Mapping[tuple[str, str], int], correlation_id: str) -> None:
        """Take units that were not found off the books. Once per shipment. Raises Conflict, Busy."""
        self._settling.settle(order_id, shipment_id, "adjusted", lines, correlation_id)

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
        for chunk in chunks(changes):
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
        to_reserve, to_allocate = chunks(reserving(known)), chunks(allocating(known))
        if len(to_reserve) == 1 and known.state in ("held", "allocated"):
            made = to_reserve if known.state == "held" else to_allocate
            type_: MovementType = "released" if known.state == "held" else "deallocated"
            self._end_at_once(known, to, freeing(known, made[0], type_, at), at, correlation_id)
            return
        if known.state != through:
            if not self._store.advance(known, through, at):
                return
            known = replace(known, state=through, turned_at=at)
        # A chunk is made as a whole, so its first movement tells for all of it; chunks of all types are cut alike.
        for reserved, allocated in zip(to_reserve, to_allocate, strict=True):
            if known.since == "allocated" or (known.allocated_at and self._store.was_made(allocated[0])):
                changes = freeing(known, allocated, "deallocated", known.turned_at)
            elif known.since == "held" or self._store.was_made(reserved[0]):
                changes = freeing(known, reserved, "released", known.turned_at)
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
