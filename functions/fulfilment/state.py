"""The shipment as its events leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fulfilment import events as ev

Status = Literal[
    "planned",
    "released",
    "short_picked",
    "picked",
    "packed",
    "ready_for_pickup",
    "dispatched",
    "delivered",
    "picked_up",
    "expired",
    "lost",
    "cancelled",
]
FAR: dict[Status, int] = {
    "planned": 0,
    "released": 1,
    "short_picked": 2,
    "picked": 3,
    "packed": 4,
    "ready_for_pickup": 5,
    "dispatched": 5,
    "lost": 6,
    "delivered": 7,
    "picked_up": 7,
    "expired": 8,
    "cancelled": 9,
}
"""How far a shipment is: a fact that it is past already tells nothing new."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """A shipment of one order from one node; a `pickup` never leaves it by carrier."""

    id: str
    order_id: str
    node_id: str
    status: Status
    lines: tuple[ev.ShipmentLine, ...] = ()
    missing: tuple[ev.ShipmentLine, ...] = ()
    tracking: str | None = None
    held: bool = False
    pickup: bool = False
    collect_by: str | None = None
    code_hash: str | None = None

    @property
    def left(self) -> bool:
        """Whether it left its node."""
        return self.status in ("dispatched", "delivered", "lost", "picked_up")
