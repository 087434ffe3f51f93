"""Reservations of orders that are edited: a revision of the order's lines is held, allocated, and trimmed.

A revision moves the counters and the reservation's own list of sources together, in transactions of as many counters as
fit, each of which begins another attempt: whoever worked on the attempt before finds it gone. So the list is always
what is held, wherever a revision stops, and the next one goes on from there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from inventory.buckets import choose, kept_back_of
from inventory.domain import by_pair
from inventory.ledger import CHUNK, AlreadyDone, OutOfStock, ReservationMoved
from inventory.plans import Attributes, Plan
from inventory.reservations import ROUNDS, Outcome, Reservations
from inventory.revising import amendments, kept, missing, partly, together
from kernel.clock import rfc3339
from kernel.errors import Busy, Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inventory.domain import Shortage, Source, Stock, Wanted
    from inventory.held import Reservation
    from inventory.ledger import Change


class RevisedReservations(Reservations):
    """Reservations that follow their orders' edits."""

    def reserve(
        self,
        order_id: str,
        wanted: Sequence[Wanted],
        node_id: str | None,
        correlation_id: str,
        order: Attributes = Attributes(),  # noqa: B008  # frozen
        revision: int = 0,
    ) -> Outcome:
        """Hold every unit of an order, or none. Asked again, it answers what is held. Raises Busy.

        For a later revision it holds what is wanted more, and leaves what is wanted less for `allocate` to give back: an
        edit that is undone after all finds its order's units where they were. An older revision is superseded.
        """
        for _ in range(ROUNDS):
            done = super().reserve(order_id, wanted, node_id, correlation_id, order)
            if done.outcome != "reserved" or done.revision == revision:
                return done
            if done.revision > revision:
                return Outcome("superseded")
            short = self._grow(order_id, wanted, node_id, order, revision, correlation_id)
            if short:
                return Outcome("out_of_stock", shortages=short)
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def allocate(
        self,
        order_id: str,
        correlation_id: str,
        wanted: Sequence[Wanted] | None = None,
        node_id: str | None = None,
        revision: int = 0,
    ) -> Outcome:
        """Turn what is held into an allocation, which does not expire, and give back what is not wanted. Raises Busy."""
        for _ in range(ROUNDS):
            done = super().allocate(order_id, correlation_id)
            if done.outcome != "allocated" or wanted is None:
                return done
            if done.revision != revision:
                return Outcome("superseded" if done.revision > revision else "expired")
            stays = kept(done.sources, wanted, self._usable(node_id))
            if set(stays) == set(done.sources):
                return done
            known = self._store.reservation(order_id)
            if known is not None and known.state == "allocated" and known.sources == done.sources:
                self._revise(known, stays, revision, correlation_id)
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def keep(self, order_id: str, parts: Sequence[Source], revision: int, correlation_id: str) -> Outcome:
        """Give back all of an allocation but these parts. Raises Conflict where more is kept than there is, Busy."""
        for _ in range(ROUNDS):
            known = self._store.reservation(order_id)
            if known is None or known.state != "allocated":
                raise Conflict("not_allocated", "The order holds no allocation.", current_status=known.state if known else "none")
            held, stays = by_pair(known.sources), by_pair(parts)
            if any(units > held.get(pair, 0) for pair, units in stays.items()):
                raise Conflict("not_held", "More would be kept than the order holds.", current_status=known.state)
            if any(units > stays.get(pair, 0) for pair, units in known.settled.items()):
                raise Conflict("already_left", "Units that have left cannot be given back.", current_status=known.state)
            target = together(parts, _buckets(known))
            if set(target) == set(known.sources) or self._revise(known, target, max(revision, known.revision), correlation_id):
                return Outcome("allocated", target)
        raise Busy("contended", "The reservation is contended; try again in a moment.")

    def _grow(
        self,
        order_id: str,
        wanted: Sequence[Wanted],
        node_id: str | None,
        order: Attributes,
        revision: int,
        correlation_id: str,
    ) -> tuple[Shortage, ...]:
        """Hold what a later revision wants more; answers what is short. Where somebody was faster, nothing is done.

        An auction has chosen the nodes once, if any did; what is wanted more is sourced by the rules that hold none.
        """
        known = self._store.reservation(order_id)
        if known is not None and known.state == "allocating":
            super().allocate(order_id, correlation_id)
            return ()
        if known is None or known.state not in ("held", "allocated") or known.revision >= revision:
            return ()
        lacking = missing(known.sources, wanted, self._usable(node_id))
        stocks = {sku: self._store.stocks(sku) for sku in dict.fromkeys(line.sku for line in lacking)}
        more: tuple[Source, ...] = ()
        if lacking:
            planned = self._plan(lacking, node_id, replace(order, auctioned=True), stocks)
            if not isinstance(planned, Plan):
                # Where another run revised meanwhile, it holds the very units that are missing here.
                moved = self._store.reservation(order_id) != known
                return tuple(planned) if isinstance(planned, list) and not moved else ()
            more = planned.sources
        buckets = self._found(order_id, known, by_pair(more), stocks, order.channel)
        if buckets is not None:
            self._revise(known, together((*known.sources, *more), buckets), revision, correlation_id)
        return ()

    def _found(
        self,
        order_id: str,
        known: Reservation,
        more: Mapping[tuple[str, str], int],
        stocks: Mapping[str, Sequence[Stock]],
        channel: str,
    ) -> dict[tuple[str, str], int] | None:
        """The bucket that each pair comes from, all its units from one; None where units had to be gathered first."""
        by_node = {(stock.sku, stock.node_id): stock for found in stocks.values() for stock in found}
        buckets = _buckets(known)
        for pair, units in more.items():
            stock = by_node[pair]
            kept_back = stock.kept_back(channel)
            least = units + kept_back_of(kept_back, len(stock.parts))
            if pair not in buckets:
                bucket = choose(stock, units, order_id, kept_back)
            else:
                enough = any(part.bucket == buckets[pair] and part.available >= least for part in stock.parts)
                bucket = buckets[pair] if enough else 0 if stock.home.available >= least else None
            if bucket is None:
                self._spreading.gather(*pair, units + kept_back)
                return None
            buckets[pair] = bucket
        return buckets

    def _usable(self, node_id: str | None) -> frozenset[str]:
        """The nodes that an order's units may come from."""
        nodes = self._store.nodes() if node_id is None else ()
        return frozenset({node_id} if node_id is not None else (node.node_id for node in nodes if "ship" in node.capabilities))

    def _revise(self, known: Reservation, target: Sequence[Source], revision: int, correlation_id: str) -> bool:
        """Make a held or allocated reservation one of these sources; False where the stock was gone or somebody moved it."""
        chunks = list(_packed(amendments(known, target))) or [[]]
        moved: set[tuple[str, str]] = set()
        for place, chunk in enumerate(chunks, start=1):
            moved |= {(change.sku, change.node_id) for change in chunk}
            last = place == len(chunks)
            sources = tuple(target) if last else partly(known.sources, target, moved)
            reached = revision if last else known.revision
            at = rfc3339(self._clock.now())
            named = [replace(change, movement_id=f"{change.movement_id}#{place}") for change in chunk]
            try:
                self._store.apply(named, at, correlation_id, self._store.revising(known, sources, reached))
            except (OutOfStock, AlreadyDone, ReservationMoved):
                return False
            since = "allocated" if known.state == "allocated" else "held"
            known = replace(known, attempt=known.attempt + 1, sources=sources, revision=reached, since=since)  # type: ignore[arg-type]
        return True


def _buckets(known: Reservation) -> dict[tuple[str, str], int]:
    return {(part.sku, part.node_id): part.bucket for part in known.sources}


def _packed(pairs: Sequence[Sequence[Change]]) -> Iterator[list[Change]]:
    """Changes in transactions of at most CHUNK; what belongs to one pair stays together."""
    chunk: list[Change] = []
    for changes in pairs:
        if chunk and len(chunk) + len(changes) > CHUNK:
            yield chunk
            chunk = []
        chunk += changes
    if chunk:
        yield chunk
