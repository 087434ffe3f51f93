"""The state graph as it was really walked: every change of an order's status, with its dwell and its lag.

Dwell is the time in milliseconds that an order spent in the state which it leaves. Lag is the time in milliseconds from
the commit until a consumer behind the bus and a queue, this one, knew of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders.domain import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from kernel.events import Event
    from orders.domain import Order

NEW = "new"
"""The state before the first."""
NOWHERE, SEVERAL = "-", "several"
"""The node of an order that no node has yet, and of one that several have."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A way from one state to another, as orders of a channel took it at a node."""

    channel: str
    node: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Step:
    """One order that took an edge: by which event, when, and after how long; no dwell where it was not anywhere before."""

    edge: Edge
    sequence: int
    at: datetime
    dwell_ms: int | None


def steps(events: Iterable[Event]) -> Iterator[Step]:
    """Every change of status in an order's events, which come in order from the first."""
    order: Order | None = None
    since: datetime | None = None
    for event in events:
        before = order.status if order is not None else NEW
        order = fold(order, event)
        if order.status == before:
            continue
        dwell = None if since is None else max(0, round((event.time - since).total_seconds() * 1000))
        since = event.time
        yield Step(Edge(order.received.channel, node_of(order), before, order.status), event.sequence, event.time, dwell)


def node_of(order: Order) -> str:
    """Where the order is worked on: the one node that has it, or that it is to be picked up at."""
    nodes = {shipment.node_id for shipment in order.shipments.values()} or {part.node_id for part in order.allocations}
    if len(nodes) > 1:
        return SEVERAL
    return next(iter(nodes), order.destination.delivery.node_id or NOWHERE)
