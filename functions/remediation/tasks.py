"""Step Functions entry point of remediation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from edge import clients
from edge.settings import ClaimSettings, FromEnvironment, read
from edge.tasks import TaskFunction, TaskInput
from edge.wiring import aggregates
from kernel.clock import rfc3339
from kernel.ids import derived_id
from remediation import domain, playbook
from remediation.bedrock_adviser import BedrockAdviser
from remediation.domain import Incident, fold
from remediation.playbook import Evidence
from remediation.tokens import Tokens, Waiting

if TYPE_CHECKING:
    from edge.aggregates import Aggregates
    from edge.tasks import Result
    from remediation.events import PlansProposed

handler = TaskFunction()
PATIENCE = timedelta(hours=72)
"""How long people have to decide; silence means no."""


class AdviserSettings(FromEnvironment):
    """Who advises."""

    adviser: Literal["bedrock", "playbook"] = "playbook"
    model_id: str = ""


@lru_cache(maxsize=1)
def incidents() -> Aggregates[Incident]:
    """All incidents."""
    return aggregates(fold, "incident", "inc")


@lru_cache(maxsize=1)
def tokens() -> Tokens:
    """The tokens of waiting executions."""
    return Tokens(clients.dynamodb(), read(ClaimSettings).claims_table)


def _advise(evidence: Evidence) -> PlansProposed:
    settings = read(AdviserSettings)
    if settings.adviser == "playbook":
        return playbook.advise(evidence)
    return BedrockAdviser(clients.bedrock(), settings.model_id).advise(evidence)


class Quantity(BaseModel):
    """Units of a line."""

    line_id: str
    sku: str
    quantity: int


class ShipmentState(BaseModel):
    """The shipment as fulfilment knows it."""

    status: str
    node_id: str
    lines: list[Quantity]


class IncidentInput(TaskInput):
    """Which incident."""

    incident_id: str


class ProposeInput(IncidentInput):
    """The evidence."""

    currency: str
    shipment: ShipmentState


class AskInput(IncidentInput):
    """The token of the execution that waits."""

    task_token: str


class ResolveInput(IncidentInput):
    """How it ended."""

    outcome: Literal["executed", "rejected", "expired", "overtaken", "failed"]
    detail: str = ""


@handler.command("propose", ProposeInput)
def propose(task: ProposeInput) -> Result:
    """Put plans forward where there are none yet; answers what is to be done now, and with what.

    `ask`, `approved` (with the chosen action and what it works on), `rejected`, or `closed`.
    """
    incident = incidents().load(task.incident_id).state
    lines = [(line.line_id, line.quantity) for line in task.shipment.lines]
    left = domain.left_after(incident.opened.missing, lines)
    if incident.next_step == "propose":
        evidence = Evidence(task.incident_id, task.order_id, task.currency, incident.opened.missing, sum(left.values()))
        proposal = _advise(evidence)
        incident = incidents().execute(task.incident_id, task.request("propose-plans"), lambda i: domain.propose(i, proposal)).state
    waits = task.shipment.status == "short_picked"
    step = incident.next_step
    # After the picking was resumed, an approved plan is completed; anything else has been overtaken by events.
    outcome = step if waits or step == "approved" else "overtaken"
    plan = incident.plan(incident.approval.plan_id) if incident.approval else None
    node_id = task.shipment.node_id
    return {
        "outcome": outcome,
        "action": plan.action if plan else "",
        "all": dict(lines),
        "left": left,
        "missing": [{**line.model_dump(), "node_id": node_id} for line in incident.opened.missing],
    }


@handler.command("ask", AskInput)
def ask(task: AskInput) -> Result:
    """Keep the waiting execution's token, and ask people, once."""
    incident = incidents().load(task.incident_id).state
    now = datetime.now(UTC)
    approval_id = incident.approval.id if incident.approval else derived_id("apr", task.incident_id)
    expires = now + PATIENCE
    waiting = Waiting(task.incident_id, task.task_token)
    tokens().keep(approval_id, waiting, int((expires + timedelta(days=1)).timestamp()))
    incidents().execute(task.incident_id, task.request("request-approval"), lambda i: domain.ask(i, approval_id, rfc3339(expires)))
    return {"outcome": "asked"}


@handler.command("expire", IncidentInput)
def expire(task: IncidentInput) -> Result:
    """Nobody decided in time."""
    incidents().execute(task.incident_id, task.request("expire-approval"), domain.expire)
    return {"outcome": "expired"}


@handler.command("resolve", ResolveInput)
def resolve(task: ResolveInput) -> Result:
    """Close the incident."""
    incidents().execute(task.incident_id, task.request("resolve-incident"), lambda i: domain.resolve(i, task.outcome, task.detail))
    return {"outcome": task.outcome}
