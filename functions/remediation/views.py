"""What lists show of incidents and approvals: view items that are a function of the incident."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge.aggregates import Aggregates
from kernel.clock import rfc3339
from remediation.domain import Incident, fold

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from edge.event_store import EventStore
    from edge.fast_lane import Lane
    from kernel.clock import Clock


PARTITIONS = frozenset({"INCIDENT", "APPROVAL"})
"""Where its items are in the views table."""


def aggregates(store: EventStore, lane: Lane, clock: Clock) -> Aggregates[Incident]:
    """All incidents."""
    return Aggregates(store, lane, clock, fold, "incident", "inc")


def items(incident: Incident, version: int) -> list[dict[str, AttributeValueTypeDef]]:
    """The incident's item, and its approval's where there is one."""
    opened_at = rfc3339(incident.opened_at)
    shown: dict[str, object] = {
        "incident_id": incident.id,
        "kind": incident.opened.kind,
        "state": incident.state,
        "order_id": incident.opened.order_id,
        "shipment_id": incident.opened.shipment_id,
        "opened_at": opened_at,
        "outcome": incident.resolved.outcome if incident.resolved else None,
    }
    found = [_item("INCIDENT", incident.id, f"incident#{incident.state}", opened_at, shown, version)]
    approval = incident.approval
    if approval is not None:
        asked: dict[str, object] = {
            "approval_id": approval.id,
            "incident_id": incident.id,
            "order_id": incident.opened.order_id,
            "state": approval.state,
            "requested_at": rfc3339(approval.requested_at),
            "expires_at": approval.expires_at,
            "plans": [plan.model_dump() for plan in incident.proposed.plans] if incident.proposed else [],
        }
        status = f"approval#{approval.state}"
        found.append(_item("APPROVAL", approval.id, status, rfc3339(approval.requested_at), asked, version))
    return found


def _item(pk: str, sk: str, status: str, at: str, shown: dict[str, object], version: int) -> dict[str, AttributeValueTypeDef]:
    return {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "version": {"N": str(version)},
        "shown": {"S": json.dumps(shown, separators=(",", ":"))},
        "gsi_status_pk": {"S": status},
        "gsi_status_sk": {"S": f"{at}#{sk}"},
    }
