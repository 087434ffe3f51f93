"""The rules of stock: what each movement does to the counters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

MovementType = Literal[
    "received",
    "adjusted",
    "counted",
    "reserved",
    "released",
    "allocated",
    "deallocated",
    "shipped",
    "returned",
    "rebalanced",
    "sold",
    "oversold",
    "policy_set",
    "low",
    "signalled",
    "recovered",
]


@dataclass(frozen=True, slots=True)
class Delta:
    """What a movement adds to a counter, in units."""

    on_hand: int = 0
    allocated: int = 0
    reserved: int = 0
    safety: int = 0

    @property
    def available(self) -> int:
        """What it adds to what can be sold: on hand − allocated − reserved − safety."""
        return self.on_hand - self.allocated - self.reserved - self.safety


def effect(type_: MovementType, quantity: int) -> Delta:
    """The effect of a movement of so many units. `adjusted`, `counted` and `rebalanced` take signed differences."""
    match type_:
        case "received" | "returned" | "adjusted" | "counted" | "rebalanced":
            return Delta(on_hand=quantity)
        case "reserved":
            return Delta(reserved=quantity)
        case "released":
            return Delta(reserved=-quantity)
        case "allocated":
            return Delta(allocated=quantity, reserved=-quantity)
        case "deallocated":
            return Delta(allocated=-quantity)
        case "shipped":
            return Delta(on_hand=-quantity, allocated=-quantity)
        case "sold" | "oversold":
            return Delta(on_hand=-quantity)
        case "policy_set":
            return Delta(safety=quantity)
        case "low" | "signalled" | "recovered":
            return Delta()


WRITE_OFF = "adjusted"
"""A short pick is an adjustment: the units were counted on hand and allocated, and are neither."""


def write_off(quantity: int) -> Delta:
    """The effect of units that a picker did not find."""
    return Delta(on_hand=-quantity, allocated=-quantity)


Level = Literal["ok", "low", "signalled"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How a node sells a SKU, in units."""

    safety: int = 0
    """Not for sale, in case the books are wrong."""
    low_threshold: int | None = None
    """Below how many that can be sold there are too few."""
    reorder_up_to: int | None = None
    """Up to how many it is filled again, once there are too few."""
    buffers: Mapping[str, int] = field(default_factory=dict)
    """Kept back from a channel, for the others to sell."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One bucket of the stock of a SKU at a node. Always available = on_hand − allocated − reserved − safety.

    Bucket 0 is the home: it alone knows of how many buckets the stock consists, and how many it ever had.
    """

    sku: str
    node_id: str
    on_hand: int = 0
    allocated: int = 0
    reserved: int = 0
    safety: int = 0
    available: int = 0
    version: int = 0
    bucket: int = 0
    moved_at: str = ""
    """When it last moved."""
    held_until: Mapping[int, int] = field(default_factory=dict)
    """Reserved units by the minute (since 1970) in which their reservation ends."""
    buckets: int = 1
    widest: int = 1
    policy: Policy = Policy()
    counted_at: str = ""
    """As of when it was last counted, or set by a feed; a count from before that is stale."""
    level: Level = "ok"

    def past_time(self, now: datetime) -> int:
        """Units that count as reserved, though their reservation is over."""
        return sum(units for minute, units in self.held_until.items() if minute * 60 <= now.timestamp())

    def kept_back_most(self) -> int:
        """The most units that are kept back from any channel."""
        return max(self.policy.buffers.values(), default=0)

    def empty_minutes(self, now: datetime) -> tuple[int, ...]:
        """Minutes that are over and in which nothing is held any more: nobody will ever change them again."""
        over = (minute for minute, units in self.held_until.items() if not units and minute * 60 < now.timestamp())
        return tuple(sorted(over))


@dataclass(frozen=True, slots=True)
class Stock:
    """The stock of a SKU at a node: the sum over its buckets, home first; or over those of them that were looked at."""

    parts: tuple[Counter, ...]

    def part(self, bucket: int) -> Counter:
        """One of its buckets that was looked at."""
        return next(part for part in self.parts if part.bucket == bucket)

    @property
    def home(self) -> Counter:
        """The bucket that everything but a reservation of a spread SKU goes to."""
        return self.parts[0]

    @property
    def sku(self) -> str:
        """The SKU."""
        return self.home.sku

    @property
    def node_id(self) -> str:
        """The node."""
        return self.home.node_id

    @property
    def on_hand(self) -> int:
        """Units that are there."""
        return sum(part.on_hand for part in self.parts)

    @property
    def allocated(self) -> int:
        """Units that belong to sold orders."""
        return sum(part.allocated for part in self.parts)

    @property
    def reserved(self) -> int:
        """Units that are held for orders, those held past their time included."""
        return sum(part.reserved for part in self.parts)

    @property
    def safety(self) -> int:
        """Units that are not for sale, in case the books are wrong."""
        return self.home.safety

    @property
    def available(self) -> int:
        """Units that a reservation may take right now."""
        return sum(part.available for part in self.parts)

    def available_to(self, channel: str | None) -> int:
        """Units that a reservation of a channel may take right now: what is kept back from it is not among them."""
        return self.available - self.kept_back(channel)

    def kept_back(self, channel: str | None) -> int:
        """Units that are kept back from a channel."""
        return self.home.policy.buffers.get(channel, 0) if channel is not None else 0

    @property
    def version(self) -> int:
        """How often any of the buckets moved."""
        return sum(part.version for part in self.parts)

    def past_time(self, now: datetime) -> int:
        """Units that count as reserved, though their reservation is over."""
        return sum(part.past_time(now) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Node:
    """A place that holds stock; a lower cost rank is preferred."""

    node_id: str
    name: str
    kind: Literal["warehouse", "store"]
    lat: float
    lon: float
    capabilities: tuple[str, ...]
    cost_rank: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units of an order's line."""

    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Source:
    """Units of an order's line that come from a node, out of one of the stock's buckets."""

    line_id: str
    sku: str
    node_id: str
    quantity: int
    bucket: int = 0


@dataclass(frozen=True, slots=True)
class Shortage:
    """Units that no node has."""

    sku: str
    missing: int


def demand(wanted: Iterable[Wanted]) -> dict[str, int]:
    """Units by SKU."""
    units: dict[str, int] = {}
    for line in wanted:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def by_pair(parts: Iterable[Source]) -> dict[tuple[str, str], int]:
    """Units by (sku, node): the same SKU on two lines is one change of one counter."""
    pairs: dict[tuple[str, str], int] = {}
    for part in parts:
        key = (part.sku, part.node_id)
        pairs[key] = pairs.get(key, 0) + part.quantity
    return dict(sorted(pairs.items()))


def next_level(stock: Stock) -> Literal["low", "signalled", "recovered"] | None:
    """What there is to say of how much is left: each crossing of the threshold once, in either direction.

    A replenishment is signalled by the simplest rule, (s, S): below the threshold, order up to the target.
    """
    policy, level = stock.home.policy, stock.home.level
    short = policy.low_threshold is not None and stock.available < policy.low_threshold
    if not short:
        return None if level == "ok" else "recovered"
    if level == "ok":
        return "low"
    return "signalled" if level == "low" and policy.reorder_up_to is not None else None
