"""The lifecycle of an order as data: its statuses, every edge between two of them, and what guards an edge.

A status is never stored: it is what the counters, the lock, the holds and the end of an order say. The table decides
which wishes are granted; facts of the world are recorded whenever they are true, and the table has an edge for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.events import Stage
    from orders.state import Order

Status = Literal[
    "received",
    "confirmed",
    "allocated",
    "released",
    "shipped",
    "delivered",
    "completed",
    "on_hold",
    "cancelling",
    "cancelled",
    "rejected",
]
STATUSES: tuple[Status, ...] = get_args(Status)
PROGRESS: tuple[Stage, ...] = ("received", "confirmed", "allocated", "released", "shipped", "delivered")
"""How far an order can be, in order; holds, the lock and the ends lie over it."""
BEFORE_SHIPPED: tuple[Stage, ...] = PROGRESS[:4]
"""Where an order may still be held, or cancelled as a whole."""
UNSOLD: tuple[Stage, ...] = PROGRESS[:2]
"""Where an order may still be turned down."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What has to be true of an order for an edge to be open, in words, and the refusal where it is not."""

    words: str
    code: str
    refusal: str
    allows: Callable[[Order], bool]


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one status to the next: what takes it, and its guard.

    An edge that `returns` leads back to where the order's progress is when what lay over it goes; nobody can wish for it.
    """

    source: Status
    target: Status
    by: str
    guard: Guard | None = None
    returns: bool = False


NOTHING_SHIPPED = Guard(
    "nothing shipped",
    "already_shipped",
    "What was shipped cannot be undone.",
    lambda order: order.progress in BEFORE_SHIPPED,
)
UNSHIPPED = Guard(
    "something not shipped",
    "already_shipped",
    "Everything that is wanted of the order has left.",
    lambda order: not order.all_shipped,
)
NOT_SOLD = Guard(
    "not sold yet", "already_sold", "An order that is sold is cancelled, and not rejected.", lambda order: not order.confirmed
)
HOLD_REJECTED = Guard(
    "not sold yet, and a hold was rejected",
    "being_cancelled",
    "An order that somebody cancels ends cancelled.",
    lambda order: not order.confirmed and any(hold.state == "rejected" for hold in order.holds.values()),
)

EDGES: tuple[Edge, ...] = (
    Edge("received", "confirmed", "confirm"),
    Edge("confirmed", "allocated", "confirm"),
    Edge("allocated", "released", "release to the warehouse"),
    Edge("released", "shipped", "first parcel leaves"),
    Edge("shipped", "delivered", "last parcel arrives"),
    Edge("delivered", "completed", "complete, when paid"),
    *(Edge(status, "rejected", "reject") for status in UNSOLD),
    *(Edge(status, "on_hold", "hold") for status in BEFORE_SHIPPED),
    *(Edge(status, "cancelling", "cancel") for status in BEFORE_SHIPPED),
    Edge("shipped", "cancelling", "cancel the rest", UNSHIPPED),
    Edge("on_hold", "on_hold", "hold again", NOTHING_SHIPPED),
    *(Edge("on_hold", status, "release the last hold", returns=True) for status in PROGRESS),
    Edge("on_hold", "cancelling", "cancel, or reject a hold", UNSHIPPED),
    Edge("on_hold", "rejected", "reject", NOT_SOLD),
    *(Edge("cancelling", status, "decline the cancellation", returns=True) for status in PROGRESS),
    Edge("cancelling", "on_hold", "decline the cancellation", returns=True),
    Edge("cancelling", "cancelled", "all is undone", NOTHING_SHIPPED),
    Edge("cancelling", "rejected", "all is undone", HOLD_REJECTED),
)
"""Every edge there is. `cancelling` is a lock: a cancellation that is declined gives back the status from before it."""

TRANSITIONS: dict[Status, frozenset[Status]] = {
    status: frozenset(edge.target for edge in EDGES if edge.source == status) for status in STATUSES
}
"""Which status may follow which, guards aside."""


def edge_between(source: Status, target: Status) -> Edge | None:
    """The edge between two statuses, if there is one."""
    return next((edge for edge in EDGES if (edge.source, edge.target) == (source, target)), None)


def refuse_unless(order: Order, wanted: Status) -> None:
    """Raises Conflict with the current status where the table has no such edge, or the edge's guard does not allow it."""
    edge = edge_between(order.status, wanted)
    if edge is None or edge.returns:
        raise Conflict(
            "invalid_transition", f"An order that is {order.status} cannot become {wanted}.", current_status=order.status
        )
    if edge.guard is not None and not edge.guard.allows(order):
        raise Conflict(edge.guard.code, edge.guard.refusal, current_status=order.status)
