"""The order as its events leave it: lines with their counters, shipments, holds, and what is derived from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from kernel.money import Money

if TYPE_CHECKING:
    from datetime import datetime

    from kernel.events import Actor
    from kernel.units import Units
    from orders import events as ev
    from orders.lifecycle import Status
    from orders.reasons import SourcingReasons
    from orders.return_events import ReturnRequested

Progress = Literal[
    "received",
    "confirmed",
    "partially_allocated",
    "allocated",
    "partially_released",
    "released",
    "partially_shipped",
    "shipped",
    "partially_delivered",
    "delivered",
]
"""How far the units that are still wanted have got, partial states included."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its counters, in units; money in minor units of the order's currency, for the whole line."""

    line_id: str
    sku: str
    quantity: int
    unit_price: int
    discount: int
    tax: int
    cancelled: int = 0
    allocated: int = 0
    released: int = 0
    shipped: int = 0
    delivered: int = 0
    return_requested: int = 0
    returned: int = 0
    refunded: int = 0

    @property
    def total(self) -> int:
        """What the whole line costs after discount, with tax."""
        return self.unit_price * self.quantity - self.discount + self.tax

    @property
    def open(self) -> int:
        """Units that are still wanted."""
        return self.quantity - self.cancelled

    def due(self, currency: str) -> Money:
        """What the shipped units cost: their share of the line, so that discounts stay with what was delivered."""
        return self.due_for(self.shipped, currency)

    def due_for(self, units: int, currency: str) -> Money:
        """What the first so many units cost: their share of the line."""
        return Money(self.total, currency).share(units, self.quantity)


@dataclass(frozen=True, slots=True)
class Shipment:
    """A shipment as the order knows it."""

    shipment_id: str
    node_id: str
    status: Literal["released", "shipped", "delivered"]
    lines: tuple[ev.LineQuantity, ...]


@dataclass(frozen=True, slots=True)
class Returning:
    """A return as the order knows it: which units it has, by line, and what became of them."""

    return_id: str
    requested: ReturnRequested
    pending: dict[str, Units]
    accepted: dict[str, Units] = field(default_factory=dict)
    released: dict[str, Units] = field(default_factory=dict)
    refunded: int | None = None
    """What went back to the customer, in minor units; None as long as nothing did."""


@dataclass(frozen=True, slots=True)
class Cancelling:
    """A cancellation that is under way: of these units, or of all, and the nodes whose shipments it has stopped."""

    lines: tuple[ev.LineQuantity, ...] | None
    stopped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Repair:
    """A saga that waits for people."""

    saga: str
    step: str
    error: str
    opened_at: datetime
    return_id: str | None = None
    """The return that the saga was about, if it was about one."""


def repair_key(saga: str, return_id: str | None) -> str:
    """What a repair goes by: an order has one open repair of each saga, and of the returns saga one for each return."""
    return f"{saga} {return_id}" if return_id else saga


@dataclass(frozen=True, slots=True)
class Resolved:
    """How a hold ended, by whom, when and why."""

    outcome: ev.Resolution
    by: Actor
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on the order, or on one of its lines; `rule` is the screening rule that placed it, if one did."""

    hold_id: str
    type: ev.HoldType
    line_id: str | None
    reason: str
    placed_by: Actor
    placed_at: datetime
    expires_at: datetime | None = None
    on_expiry: ev.Resolution | None = None
    rule: ev.RuleReference | None = None
    resolved: Resolved | None = None

    @property
    def state(self) -> Literal["open", "released", "rejected"]:
        """Whether it still stops the order, or how it ended."""
        return self.resolved.outcome if self.resolved else "open"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the order goes and how, and the vault's entry with the recipient in clear, under which order."""

    ship_to: ev.ShipTo
    delivery: ev.Delivery
    vault_entry: str
    vault_order: str


@dataclass(frozen=True, slots=True)
class OpenEdit:
    """An edit that stock and payment have yet to follow, and what the order was before it."""

    edit_id: str
    lines: dict[str, Line]
    destination: Destination
    worsened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its events leave it."""

    id: str
    received: ev.OrderReceived
    received_at: datetime
    changed_at: datetime
    lines: dict[str, Line]
    destination: Destination
    """Where it goes now: as it was received, or as it was edited."""
    lines_named: int
    """How many lines it ever had: a line that is gone leaves its id to nobody."""
    locked: bool = False
    ended: Literal["completed", "cancelled", "rejected"] | None = None
    confirmed: bool = False
    allocations: tuple[ev.Allocation, ...] = ()
    sourcing: SourcingReasons | None = None
    shipments: dict[str, Shipment] = field(default_factory=dict)
    """What is with its nodes or on its way; what was recalled is in `recalled` instead, with its node."""
    recalled: dict[str, str] = field(default_factory=dict)
    cancelling: Cancelling | None = None
    incidents: frozenset[str] = frozenset()
    """Incidents for which units were given up."""
    reason: str | None = None
    payment_id: str | None = None
    captured: int | None = None
    repairs: dict[str, Repair] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    returns: dict[str, Returning] = field(default_factory=dict)
    revision: int = 0
    """How often what is wanted of it has changed before it was sold: a saga that read another revision starts over."""
    open_edits: tuple[OpenEdit, ...] = ()
    edit_ids: frozenset[str] = frozenset()
    """Every edit that was ever committed."""
    worsened_at: datetime | None = None
    """When an edit last asked for more money or another recipient, which screening has to see."""
    collect_by: str | None = None
    """Until when its pickup is kept in the store."""
    overdue: int = 0
    """How often in a row the watch found that what the order waits for had not come."""

    @property
    def progress(self) -> ev.Stage:
        """How far the order got, whether or not it is held or somebody is cancelling it."""
        wanted = [line for line in self.lines.values() if line.open]
        if wanted and all(line.delivered >= line.open for line in wanted):
            return "delivered"
        if any(line.shipped for line in self.lines.values()):
            return "shipped"
        if self.shipments:
            return "released"
        if self.allocations:
            return "allocated"
        return "confirmed" if self.confirmed else "received"

    @property
    def status(self) -> Status:
        """The one status that people and systems see."""
        if self.ended:
            return self.ended
        if self.locked:
            return "cancelling"
        return "on_hold" if self.open_holds else self.progress

    @property
    def open_holds(self) -> tuple[Hold, ...]:
        """The holds that nobody has resolved, in the order of their placing."""
        return tuple(hold for hold in self.holds.values() if hold.state == "open")

    @property
    def moves(self) -> bool:
        """Whether it is somebody's turn to bring the order on, and it neither has ended nor waits for a hold.

        Parcels that left before or in spite of a hold go on, and so does their order until they have arrived.
        """
        if self.ended:
            return False
        return self.locked or not self.open_holds or self.progress == "shipped"

    @property
    def line_progress(self) -> Progress:
        """How far the wanted units are by their counters: the furthest that any has reached, partial where not all have."""
        lines = self.lines.values()
        wanted = sum(line.open for line in lines)
        reached: tuple[tuple[int, Progress, Progress], ...] = (
            (sum(line.delivered for line in lines), "delivered", "partially_delivered"),
            (sum(line.shipped for line in lines), "shipped", "partially_shipped"),
            (sum(line.released for line in lines), "released", "partially_released"),
            (sum(line.allocated for line in lines), "allocated", "partially_allocated"),
        )
        for units, whole, partial in reached:
            if units:
                return whole if units >= wanted else partial
        return "confirmed" if self.confirmed else "received"

    @property
    def currency(self) -> str:
        """The ISO 4217 code of all its money."""
        return self.received.currency

    @property
    def grand_total(self) -> Money:
        """What the order costs as it was placed or edited: lines after discount, tax, shipping."""
        return Money(sum(line.total for line in self.lines.values()) + self.received.shipping, self.currency)

    @property
    def payable(self) -> Money:
        """What the order will cost when everything that is still wanted has been shipped."""
        due = Money.total((line.due_for(line.open, self.currency) for line in self.lines.values()), self.currency)
        return due + Money(self.received.shipping, self.currency) if any(line.open for line in self.lines.values()) else due

    @property
    def capturable(self) -> Money:
        """What may be captured so far: the shipped units' share of their lines, and the shipping with the first of them."""
        due = Money.total((line.due(self.currency) for line in self.lines.values()), self.currency)
        if any(line.shipped for line in self.lines.values()):
            due = due + Money(self.received.shipping, self.currency)
        return due

    @property
    def all_shipped(self) -> bool:
        """Whether nothing that is still wanted remains to be shipped."""
        return all(line.shipped >= line.open for line in self.lines.values())
