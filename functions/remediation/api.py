"""HTTP entry point of remediation: incidents, approvals, and decisions about them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, StringConstraints

from edge import clients
from edge.aggregates import Aggregates
from edge.auth import Rights
from edge.cursors import Cursors
from edge.http import HttpFunction, IdempotencyKey, etag, problems
from edge.logs import logger
from edge.pages import Pages
from edge.settings import ClaimSettings, CursorSettings, ViewSettings, read
from edge.wiring import aggregates
from kernel.clock import rfc3339
from kernel.errors import NotFound
from remediation import domain
from remediation.domain import Incident, fold
from remediation.starting import remediations
from remediation.tokens import Tokens, Waiting

LOOK = Rights.of("orders/read", "operations", "approvers", "auditors")
DECIDE = Rights.of(None, "approvers")
handler = HttpFunction()
app = handler.app
DEAD = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
"""What Step Functions says of a token whose execution is gone."""


@lru_cache(maxsize=1)
def incidents() -> Aggregates[Incident]:
    """All incidents."""
    return aggregates(fold, "incident", "inc")


@lru_cache(maxsize=1)
def tokens() -> Tokens:
    """The tokens of waiting executions."""
    return Tokens(clients.dynamodb(), read(ClaimSettings).claims_table)


@lru_cache(maxsize=1)
def pages() -> Pages:
    """The lists."""
    cursors = Cursors(clients.secret(read(CursorSettings).cursor_key_secret))
    return Pages(clients.dynamodb(), read(ViewSettings).views_table, cursors)


class Page(BaseModel):
    """A page, newest first."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class IncidentOut(BaseModel):
    """An incident with everything that is known of it."""

    incident_id: str
    kind: str
    state: str
    order_id: str
    shipment_id: str
    opened_at: str
    missing: list[dict[str, Any]]
    adviser: str | None
    root_cause: str | None
    confidence: float | None
    evidence: list[str]
    plans: list[dict[str, Any]]
    approval_id: str | None
    decision: dict[str, Any] | None
    outcome: str | None


class Decision(BaseModel):
    """What somebody decides, and why; approving names the plan."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject"]
    plan_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    comment: Annotated[str, StringConstraints(min_length=1, max_length=500)]


def _page(status: str, limit: int, cursor: str | None) -> Page:
    items, following = pages().read("by_status", status, limit, cursor, newest_first=True)
    return Page(items=[json.loads(item["shown"]["S"]) for item in items], next_cursor=following)


Cursor = Annotated[str | None, Query(min_length=1, max_length=1024)]
Limit = Annotated[int, Query(ge=1, le=200)]


@app.get("/v1/incidents", summary="Incidents", tags=["autopilot"], responses={200: {"description": "A page"}, **problems()})
@handler.needs(LOOK)
def list_incidents(
    state: Annotated[Literal["open", "resolved"], Query()] = "open", cursor: Cursor = None, limit: Limit = 50
) -> Response[Page]:
    """Incidents, newest first."""
    return Response(200, "application/json", _page(f"incident#{state}", limit, cursor))


@app.get(
    "/v1/incidents/<incident_id>",
    summary="An incident",
    tags=["autopilot"],
    responses={200: {"description": "The incident"}, **problems(404)},
)
@handler.needs(LOOK)
def get_incident(incident_id: Annotated[str, Path(min_length=1, max_length=64)]) -> Response[IncidentOut]:
    """An incident with its evidence, root cause, plans, decision and outcome."""
    loaded = incidents().load(incident_id)
    return Response(200, "application/json", _out(loaded.state), {"ETag": etag(loaded.version)})


@app.get(
    "/v1/approvals",
    summary="Questions to people",
    tags=["autopilot"],
    responses={200: {"description": "A page"}, **problems()},
)
@handler.needs(LOOK)
def list_approvals(
    state: Annotated[Literal["pending", "approved", "rejected", "expired"], Query()] = "pending",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Page]:
    """Approvals, newest first."""
    return Response(200, "application/json", _page(f"approval#{state}", limit, cursor))


@app.post(
    "/v1/approvals/<approval_id>/decision",
    summary="Decide",
    tags=["autopilot"],
    responses={200: {"description": "The incident after the decision"}, **problems(404, 409, 413, 415, 422)},
)
@handler.needs(DECIDE)
def decide(
    approval_id: Annotated[str, Path(min_length=1, max_length=64)],
    decision: Annotated[Decision, Body()],
    idempotency_key: IdempotencyKey,
) -> Response[IncidentOut]:
    """Approve one of the plans, or reject them all. The saga that waits goes on; one that did not survive is started again."""
    request = handler.request()
    waiting = tokens().find(approval_id)
    if waiting is None:
        raise NotFound("approval_not_found", "There is no such approval.")
    command = request.command("decide-approval", key=idempotency_key)
    now = rfc3339(datetime.now(UTC))
    done = incidents().execute(
        waiting.incident_id,
        command,
        lambda incident: domain.decide(incident, decision.decision, decision.plan_id, decision.comment, now),
    )
    _wake(waiting, done.state, done.version, request.cause.correlation_id, request.cause.traceparent)
    headers: dict[str, str | list[str]] = {"ETag": etag(done.version)}
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(200, "application/json", _out(done.state), headers)


def _wake(waiting: Waiting, incident: Incident, version: int, correlation_id: str, traceparent: str | None) -> None:
    """Let the saga go on. The decision is recorded by now: whoever finds no execution to wake starts one that reads it."""
    try:
        clients.step_functions().send_task_success(taskToken=waiting.token, output=json.dumps({"outcome": "decided"}))
    except ClientError as error:
        if error.response["Error"]["Code"] not in DEAD:
            raise
        logger.info("the execution that waited is gone; starting another", incident=incident.id)
        name = f"{incident.opened.order_id}-{incident.id[4:12]}-{version}"
        remediations().start(incident, name, correlation_id, traceparent)


def _out(incident: Incident) -> IncidentOut:
    opened, proposed, approval = incident.opened, incident.proposed, incident.approval
    decided = None
    if approval is not None and approval.decided_by is not None:
        decided = {
            "decision": approval.state,
            "plan_id": approval.plan_id,
            "comment": approval.comment,
            "by": {"kind": approval.decided_by.kind, "id": approval.decided_by.id},
        }
    return IncidentOut(
        incident_id=incident.id,
        kind=opened.kind,
        state=incident.state,
        order_id=opened.order_id,
        shipment_id=opened.shipment_id,
        opened_at=rfc3339(incident.opened_at),
        missing=[line.model_dump() for line in opened.missing],
        adviser=proposed.adviser if proposed else None,
        root_cause=proposed.root_cause if proposed else None,
        confidence=proposed.confidence if proposed else None,
        evidence=list(proposed.evidence) if proposed else [],
        plans=[plan.model_dump() for plan in proposed.plans] if proposed else [],
        approval_id=approval.id if approval else None,
        decision=decided,
        outcome=incident.resolved.outcome if incident.resolved else None,
    )
