"""The playbook: what is always done about a short pick, with costs and lead times from a tariff. It always answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.ids import derived_id
from remediation.events import Action, MissingLine, Plan, PlansProposed

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAD_TIME_H: dict[Action, int] = {"ship_the_rest": 0, "pick_again": 4, "cancel_order": 0, "wait_for_people": 72}
"""Hours that a plan adds to the delivery: our own rule of thumb, to be replaced by what a warehouse measures."""
HANDLING: dict[Action, int] = {"ship_the_rest": 0, "pick_again": 350, "cancel_order": 200, "wait_for_people": 0}
"""Minor units that a plan costs in handling: our own rule of thumb, in the order's currency."""
SUMMARIES: dict[Action, str] = {
    "ship_the_rest": "Ship what was found, give up the missing units and charge only for what is shipped.",
    "pick_again": "Send a picker to count and pick all units again.",
    "cancel_order": "Cancel the whole order and give the money back.",
    "wait_for_people": "Leave it as it is until somebody has looked at the shelf.",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an adviser may know: units and ids, no text that anybody outside could have written."""

    incident_id: str
    order_id: str
    currency: str
    missing: tuple[MissingLine, ...]
    left: int
    """Units of the shipment that were found."""

    @property
    def references(self) -> tuple[str, ...]:
        """What an adviser may cite."""
        return (self.order_id, *(line.line_id for line in self.missing))


def actions(evidence: Evidence) -> tuple[Action, Action, Action]:
    """Three things that can be done; shipping the rest needs a rest."""
    if evidence.left:
        return ("ship_the_rest", "pick_again", "cancel_order")
    return ("pick_again", "cancel_order", "wait_for_people")


def estimated(evidence: Evidence, chosen: Sequence[Action]) -> tuple[Plan, ...]:
    """Plans of these actions, with their cost and lead time."""
    return tuple(
        Plan(
            plan_id=derived_id("pln", evidence.incident_id, action),
            action=action,
            summary=SUMMARIES[action],
            cost=HANDLING[action],
            currency=evidence.currency,
            lead_time_h=LEAD_TIME_H[action],
        )
        for action in chosen
    )


def advise(evidence: Evidence) -> PlansProposed:
    """Always the same advice for the same evidence."""
    units = sum(line.quantity for line in evidence.missing)
    return PlansProposed(
        adviser="playbook",
        root_cause=f"The node holds {units} unit(s) fewer than its books say.",
        confidence=0.5,
        evidence=evidence.references,
        plans=estimated(evidence, actions(evidence)),
    )
