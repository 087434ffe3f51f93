"""Topics: which events belong to one, and who may hear it."""

from __future__ import annotations

from edge.auth import Rights
from kernel.ids import is_id

ONE_ORDER = "order:"
BROAD: dict[str, Rights] = {
    "orders": Rights.of("orders/read", "operations", "finance", "logistics", "auditors"),
    "approvals": Rights.of(None, "approvers", "operations", "auditors"),
    "floor": Rights.of("fulfilment/write", "operations", "logistics"),
}
"""Topics of many subjects, by the right to hear them."""
FAMILIES: dict[str, tuple[str, ...]] = {
    "orders": ("order.",),
    "approvals": ("approval.", "incident."),
    "floor": ("floor.", "telemetry."),
}
"""What the types of a broad topic's events begin with."""


def topics_of(type_: str, subject: str) -> list[str]:
    """The topics that an event belongs to; none for most."""
    found = [topic for topic, families in FAMILIES.items() if type_.startswith(families)]
    return [*found, f"{ONE_ORDER}{subject}"] if "orders" in found else found


def right_to(topic: str) -> Rights | None:
    """The right to hear a topic; None where there is no such topic."""
    if topic.startswith(ONE_ORDER):
        return BROAD["orders"] if is_id(topic.removeprefix(ONE_ORDER), "ord") else None
    return BROAD.get(topic)
