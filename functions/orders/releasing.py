"""What an order's nodes have yet to be handed: what they hold for it, and neither have with a shipment nor have sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.events import Allocation

if TYPE_CHECKING:
    from orders.state import Order


def to_release(order: Order) -> tuple[Allocation, ...]:
    """Units by line and node that no shipment has: all of a fresh order, none once they are handed over.

    A short pick leaves units allocated that nobody has; so a line's own counter has the last word on how many are wanted.
    """
    handed = _in_shipments(order)
    left = {line.line_id: line.open - line.released for line in order.lines.values()}
    found = []
    for part in order.allocations:
        free = part.quantity - handed.get((part.line_id, part.node_id), 0)
        taken = min(free, left.get(part.line_id, 0))
        if taken > 0:
            left[part.line_id] -= taken
            found.append(Allocation(line_id=part.line_id, node_id=part.node_id, quantity=taken))
    return tuple(found)


def _in_shipments(order: Order) -> dict[tuple[str, str], int]:
    """Units by (line, node) that shipments have."""
    units: dict[tuple[str, str], int] = {}
    for shipment in order.shipments.values():
        for part in shipment.lines:
            key = (part.line_id, shipment.node_id)
            units[key] = units.get(key, 0) + part.quantity
    return units


def rounds(order: Order) -> dict[str, int]:
    """How many shipments of each node were recalled: a shipment that follows a recalled one is another one."""
    counted: dict[str, int] = {}
    for node_id in order.recalled.values():
        counted[node_id] = counted.get(node_id, 0) + 1
    return counted
