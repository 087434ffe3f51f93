"""Holds: what stops an order until somebody, or its expiry, has decided about it.

Every hold stops the whole order, whether it is about the order or about one of its lines: nothing is sold, released to
a warehouse, or completed while one is open. The last release lets the order go on from where it is; a rejection undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.clock import rfc3339
from kernel.errors import Conflict, Invalid, NotFound
from orders import events as ev
from orders.lifecycle import BEFORE_SHIPPED, refuse_unless

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kernel.contracts import EventData
    from orders.state import Hold, Order

EXPIRED = "Nobody decided before the hold expired."
"""The reason on the timeline where time decided."""


@dataclass(frozen=True, slots=True)
class NewHold:
    """A hold to be placed: about the order, or about one line; `on_expiry` is how it ends if nobody decides in time."""

    hold_id: str
    type: ev.HoldType
    reason: str
    line_id: str | None = None
    expires_at: datetime | None = None
    on_expiry: ev.Resolution | None = None
    rule: ev.RuleReference | None = None


def place(order: Order, wanted: Sequence[NewHold], now: datetime) -> list[EventData]:
    """Hold the order. A hold that is known by its id already is not placed again.

    Raises Conflict (shipped, cancelling or ended), Invalid (no such line, or an expiry that has passed).
    """
    fresh = [hold for hold in wanted if hold.hold_id not in order.holds]
    if fresh:
        refuse_unless(order, "on_hold")
    for hold in fresh:
        if hold.line_id is not None and hold.line_id not in order.lines:
            raise Invalid("unknown_line", "The order has no such line.")
        if hold.expires_at is not None and hold.expires_at <= now:
            raise Invalid("already_expired", "A hold expires after it is placed.")
    return [_held(hold, order) for hold in fresh]


def release(order: Order, hold_id: str, reason: str) -> list[EventData]:
    """Release a hold; the last release lets the order go on. Deciding it again decides nothing.

    Raises NotFound, Conflict (the hold was rejected, or the order is being undone or has ended).
    """
    hold = _to_resolve(order, hold_id, "released")
    return [] if hold is None else [_released(order, hold, reason)]


def reject(order: Order, hold_id: str, reason: str) -> list[EventData]:
    """Reject a hold: the order is locked and undone, and ends rejected where it was not sold yet, else cancelled.

    Deciding it again decides nothing. Raises NotFound, Conflict (the hold was released, the order is being undone or has
    ended, or something was shipped).
    """
    hold = _to_resolve(order, hold_id, "rejected")
    if hold is None:
        return []
    refuse_unless(order, "cancelling")
    return [ev.OrderHoldRejected(hold_id=hold_id, reason=reason), ev.OrderCancelling(reason=reason)]


def expire(order: Order, now: datetime) -> list[EventData]:
    """End the holds whose time is over, each as it was said when it was placed.

    What cannot be undone any more is released: a rejection that comes after a parcel has left would stop nothing.
    """
    if order.status != "on_hold":
        return []
    over = [hold for hold in order.open_holds if hold.expires_at is not None and hold.expires_at <= now]
    rejecting = next((hold for hold in over if hold.on_expiry == "rejected"), None)
    if rejecting is not None and order.progress in BEFORE_SHIPPED:
        return reject(order, rejecting.hold_id, EXPIRED)
    left = len(order.open_holds)
    decided: list[EventData] = []
    for hold in over:
        left -= 1
        resumes = None if left else order.progress
        decided.append(ev.OrderHoldReleased(hold_id=hold.hold_id, reason=EXPIRED, resumes=resumes))
    return decided


def _held(hold: NewHold, order: Order) -> ev.OrderHeld:
    return ev.OrderHeld(
        hold_id=hold.hold_id,
        type=hold.type,
        line_id=hold.line_id,
        reason=hold.reason,
        expires_at=rfc3339(hold.expires_at) if hold.expires_at else None,
        on_expiry=hold.on_expiry,
        rule=hold.rule,
        progress=order.progress,
    )


def _released(order: Order, hold: Hold, reason: str) -> ev.OrderHoldReleased:
    last = [open_.hold_id for open_ in order.open_holds] == [hold.hold_id]
    return ev.OrderHoldReleased(hold_id=hold.hold_id, reason=reason, resumes=order.progress if last else None)


def _to_resolve(order: Order, hold_id: str, outcome: ev.Resolution) -> Hold | None:
    """The open hold; None where it was resolved like this already. Raises NotFound, Conflict."""
    hold = order.holds.get(hold_id)
    if hold is None:
        raise NotFound("hold_not_found", "The order has no such hold.")
    if hold.state == outcome:
        return None
    if hold.state != "open":
        raise Conflict("hold_resolved", f"The hold was {hold.state} already.", current_status=order.status)
    if order.status != "on_hold":
        raise Conflict("not_on_hold", f"An order that is {order.status} has no hold to resolve.", current_status=order.status)
    return hold
