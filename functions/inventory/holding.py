"""The movements of a reservation: what holds its units, what allocates them, and what gives them back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from inventory.buckets import kept_back_of
from inventory.domain import MovementType, by_pair, effect
from inventory.ledger import CHUNK, Change
from inventory.spreading import back_home
from kernel.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inventory.domain import Stock
    from inventory.held import Reservation


def end_of_minute(instant: datetime) -> str:
    """The end of the minute that an instant is in, as RFC 3339: what is held is counted by minutes."""
    return rfc3339(datetime.fromtimestamp(-(-instant.timestamp() // 60) * 60, UTC))


def reserving(
    known: Reservation,
    stocks: Mapping[str, list[Stock]] | None = None,
    now: datetime | None = None,
    channel: str | None = None,
) -> list[Change]:
    """The movements that hold a reservation's units.

    With the stock as it was seen, they leave what is kept back from the channel, and forget minutes that are over.
    """
    seen = {(stock.sku, stock.node_id): stock for found in (stocks or {}).values() for stock in found}
    changes: list[Change] = []
    for change in _changes(known, "reserved", known.begun_at):
        least = change.quantity
        forget: tuple[int, ...] = ()
        stock = seen.get((change.sku, change.node_id))
        if stock is not None and now is not None:
            least += kept_back_of(stock.kept_back(channel), stock.home.buckets)
            forget = stock.part(change.bucket).empty_minutes(now)
        changes.append(replace(change, needs_available=least, forget=forget))
    return changes


def allocating(known: Reservation) -> list[Change]:
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


def freeing(known: Reservation, made: Sequence[Change], type_: MovementType, at: str) -> list[Change]:
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


def chunks(changes: Sequence[Change]) -> list[Sequence[Change]]:
    """Changes cut so that each part goes in one transaction."""
    return [changes[start : start + CHUNK] for start in range(0, len(changes), CHUNK)]


def fits(changes: Sequence[Change]) -> bool:
    """Whether these changes go in one transaction."""
    return len(changes) <= CHUNK
