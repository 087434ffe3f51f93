"""Orders that nobody pays for: after a while they are cancelled by rule, and what they hold can be sold again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders import events as ev

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from kernel.contracts import EventData
    from orders.state import Order

AWAITS_MONEY: frozenset[ev.HoldType] = frozenset({"payment", "deposit"})
"""Holds that end when somebody pays."""
REASON = "unpaid"


def due_at(order: Order, patience: timedelta) -> datetime | None:
    """When the order is given up; None where it is sold, undone, in repair, or waits for something else than money.

    It counts from when the order was received, or from when a hold last asked for the money.
    """
    if order.ended or order.locked or order.confirmed or order.repairs:
        return None
    if any(hold.type not in AWAITS_MONEY for hold in order.open_holds):
        return None
    return max((order.received_at, *(hold.placed_at for hold in order.open_holds))) + patience


def give_up(order: Order, now: datetime, patience: timedelta) -> list[EventData]:
    """Cancel the order where its time is over; decides nothing where it is not."""
    due = due_at(order, patience)
    return [ev.OrderCancelling(reason=REASON)] if due is not None and due <= now else []
