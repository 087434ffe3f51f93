"""The arithmetic of spread stock: which bucket an order draws from, when stock is spread wider, and what is gathered.

A transaction holds its counter for some 10 to 25 ms, and another one that meets it there is cancelled: past 40 to 100
transactions a second on one item, most of them meet. A partition's own limit, 1,000 write units a second, is 500
transactional writes. So a counter that moves more than SPREAD_AT times a second is spread over several items, each
under a partition key of its own. `docs/stock.md` has the design.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.clock import parse_rfc3339

if TYPE_CHECKING:
    from inventory.domain import Counter, Stock

MAX_BUCKETS = 16
SPREAD_AT = 40.0
"""Movements a second of one bucket from which on its stock is spread wider."""
MERGE_AT = 5.0
"""Movements a second of all buckets below which they are gathered again."""
LEAST_SHARE = 4
"""Units that each bucket gets at the least: what is nearly sold out is not worth spreading."""
CONFLICTS = 3
"""Transactions that a reservation may meet on its way before it asks for more room."""
_LOOKS = 4096


def own_bucket(order_id: str, buckets: int) -> int:
    """The bucket that an order looks into first."""
    return zlib.crc32(order_id.encode()) % buckets


def choose(stock: Stock, quantity: int, order_id: str, kept_back: int = 0) -> int | None:
    """The bucket that an order draws from: its own one, or the next that has enough; None where none has.

    Units kept back from the order's channel are kept back in equal parts.
    """
    count = stock.home.buckets
    first, least = own_bucket(order_id, count), quantity + kept_back_of(kept_back, count)
    for part in sorted(stock.parts, key=lambda part: (part.bucket - first) % count):
        if part.available >= least:
            return part.bucket
    return None


def kept_back_of(kept_back: int, buckets: int) -> int:
    """What each bucket has to keep, for all of them to keep so many units."""
    return -(-kept_back // buckets)


@dataclass(frozen=True, slots=True)
class Widening:
    """Stock to be spread: over so many buckets, each of which but the home gets so many units from it."""

    buckets: int
    share: int


def widening(stock: Stock) -> Widening | None:
    """How to give a home that moves too fast more room; None where that would not help."""
    home, others = stock.home.available, stock.parts[1:]
    buckets = max(len(stock.parts), min(MAX_BUCKETS, home // LEAST_SHARE))
    if others and home * len(others) < 2 * sum(part.available for part in others):
        return None  # The home is hardly fuller than the others are: they share the load already.
    share = home // buckets
    return Widening(buckets, share) if buckets > 1 and share >= LEAST_SHARE else None


def gathering(stock: Stock, need: int | None) -> list[tuple[Counter, int]]:
    """What to bring home, fullest buckets first, for it to have `need` units there; everything for None."""
    missing = None if need is None else need - stock.home.available
    taken: list[tuple[Counter, int]] = []
    for part in sorted(stock.parts[1:], key=lambda part: (-part.available, part.bucket)):
        if missing is not None and missing <= 0:
            break
        units = part.available if missing is None else min(part.available, missing)
        if units > 0:
            taken.append((part, units))
            missing = None if missing is None else missing - units
    return taken


class Heat:
    """How fast counters move, from what each look at them tells: their version, and when they last moved.

    A process that reserves of a hot SKU looks at its counter again and again, and sees in its version what all
    processes together do to it. So no counter of accesses is kept anywhere.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, float]] = {}

    def too_hot(self, counter: Counter) -> bool:
        """Whether a counter moved faster than SPREAD_AT since the last look that was a while before."""
        return self._rate(counter) > SPREAD_AT

    def _rate(self, counter: Counter) -> float:
        if not counter.moved_at:
            return 0.0
        key, at = (counter.sku, counter.node_id), parse_rfc3339(counter.moved_at).timestamp()
        version, since = self._seen.get(key, (counter.version, at))
        if key not in self._seen and len(self._seen) >= _LOOKS:
            self._seen.clear()  # Whatever is hot is looked at again at once.
        passed = at - since
        if passed <= 0:
            self._seen.setdefault(key, (counter.version, at))
            return 0.0
        if passed < _SHORTEST_S and counter.version - version < SPREAD_AT:
            return 0.0
        self._seen[key] = (counter.version, at)
        return (counter.version - version) / max(passed, _SHORTEST_S)


_SHORTEST_S = 0.25
"""Seconds that a rate is taken over at the least."""
