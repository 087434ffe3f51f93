"""Event entry point of remediation: a short pick opens an incident, once, and starts its saga."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge.aggregates import Aggregates, Command
from edge.event_store import VersionTaken
from edge.logs import logger
from edge.wiring import aggregates
from kernel.events import Actor, Cause
from kernel.ids import derived_id
from remediation.domain import Incident, fold
from remediation.events import IncidentOpened, MissingLine
from remediation.starting import remediations

if TYPE_CHECKING:
    from collections.abc import Mapping


@lru_cache(maxsize=1)
def incidents() -> Aggregates[Incident]:
    """All incidents."""
    return aggregates(fold, "incident", "inc")


def open_incident(detail: Mapping[str, Any]) -> None:
    """Open the incident of a short pick and start its saga; both are done once, however often the event comes."""
    data = detail["data"]
    incident_id = derived_id("inc", detail["subject"], str(detail["sequence"]))
    cause = Cause(Actor("rule", "short-pick"), detail["correlationid"], detail["id"], detail.get("traceparent"))
    opened = IncidentOpened(
        kind="short_pick",
        order_id=data["order_id"],
        shipment_id=detail["subject"],
        node_id=data["node_id"],
        missing=tuple(MissingLine.model_validate(line) for line in data["missing"]),
    )
    try:
        incident = incidents().create(incident_id, Command("open-incident", cause), [opened]).state
    except VersionTaken:
        incident = incidents().load(incident_id).state
    remediations().start(incident, f"{data['order_id']}-{incident_id[4:12]}", cause.correlation_id, cause.traceparent)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer a batch of events, message by message."""
    failed = []
    for record in event["Records"]:
        try:
            open_incident(json.loads(record["body"])["detail"])
        except Exception:  # noqa: BLE001  # one bad message must not hold up the others; the queue shows it again
            logger.exception("short pick not handled", message=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
