"""The hold of an order whose payment is not final: placed by the selling saga, released when the provider has said yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.ids import derived_id
from orders import holds
from orders.holds import NewHold

if TYPE_CHECKING:
    from datetime import datetime

    from kernel.contracts import EventData
    from orders.state import Order

WAITS = "The payment provider has not said yet whether it pays."
ARRIVED = "The payment is authorised."


def hold_id_of(order_id: str) -> str:
    """The id of an order's payment hold: an order waits for its payment once."""
    return derived_id("hld", order_id, "payment")


def wait(order: Order, now: datetime) -> list[EventData]:
    """Hold the order until its payment is final. Raises Conflict where it is being undone, or has ended."""
    return holds.place(order, [NewHold(hold_id_of(order.id), "payment", WAITS)], now)


def waits(order: Order) -> bool:
    """Whether the order waits for its payment, whatever else holds it."""
    return any(hold.hold_id == hold_id_of(order.id) for hold in order.open_holds)


def arrive(order: Order) -> list[EventData]:
    """Let the order go on. Deciding it again decides nothing."""
    return holds.release(order, hold_id_of(order.id), ARRIVED) if waits(order) else []
