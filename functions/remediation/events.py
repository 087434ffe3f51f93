"""The events of an incident. Costs are minor units, lead times hours."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from kernel.contracts import EventData, contract

Action = Literal["ship_the_rest", "pick_again", "cancel_order", "wait_for_people"]
"""Everything that a plan may do. A plan with another action is no plan."""

_BOARD = ("board", "console")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MissingLine(_Part):
    """Units that were not found."""

    line_id: str
    sku: str
    quantity: int


class Plan(_Part):
    """What could be done, what it costs and how long it takes; figures are computed by code, never by a model."""

    plan_id: str
    action: Action
    summary: str
    cost: int
    currency: str
    lead_time_h: int


@contract("incident.opened", 1, context="remediation", trigger="a short pick", consumers=_BOARD)
class IncidentOpened(EventData):
    """Something went wrong that needs a decision."""

    kind: Literal["short_pick"]
    order_id: str
    shipment_id: str
    node_id: str
    missing: tuple[MissingLine, ...]


@contract("incident.plans_proposed", 1, context="remediation", trigger="the remediation saga", consumers=_BOARD)
class PlansProposed(EventData):
    """Three plans, and who thought of them: a model, or the playbook."""

    adviser: Literal["bedrock", "playbook"]
    model_id: str | None = None
    root_cause: str
    confidence: float
    evidence: tuple[str, ...]
    plans: tuple[Plan, ...]


@contract("approval.requested", 1, context="remediation", trigger="the remediation saga", consumers=("approvers", *_BOARD))
class ApprovalRequested(EventData):
    """Somebody has to decide, before it expires."""

    approval_id: str
    order_id: str
    expires_at: str


@contract("approval.decided", 1, context="remediation", trigger="POST /v1/approvals/{id}/decision", consumers=_BOARD)
class ApprovalDecided(EventData):
    """Somebody decided."""

    approval_id: str
    decision: Literal["approve", "reject"]
    plan_id: str | None = None
    comment: str


@contract("approval.expired", 1, context="remediation", trigger="nobody decided in time", consumers=_BOARD)
class ApprovalExpired(EventData):
    """Nobody decided in time, which means no."""

    approval_id: str


@contract("incident.resolved", 1, context="remediation", trigger="the remediation saga ends", consumers=_BOARD)
class IncidentResolved(EventData):
    """How it ended."""

    outcome: Literal["executed", "rejected", "expired", "overtaken", "failed"]
    detail: str
