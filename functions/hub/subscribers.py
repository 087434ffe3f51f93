"""What every event goes through on its way to other systems: one consumer for all of them, since each sees every event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from edge.logs import logger
from edge.queue_events import readable
from hub import contexts
from live import wiring as live
from webhooks import wiring as webhooks

# Whether a type has a newer version is known by the contracts of all contexts.
contexts.declare()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Hand a batch of events to whoever asked for them."""
    found, failed = readable(event)
    now = datetime.now(UTC)
    for name, tell in (("webhooks", webhooks.dispatcher().dispatch), ("live", live.fan_out().tell)):
        try:
            tell(found, now)
        except Exception:  # noqa: BLE001  # whatever it is, the queue shows the events again; told twice is told once
            logger.exception("not told", to=name, events=len(found))
            failed = [record["messageId"] for record in event["Records"]]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def sweep(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Every minute: queue the deliveries of webhooks that are due, and close connections whose tokens have expired."""
    now = datetime.now(UTC)
    due = webhooks.sweep().sweep(now)
    over = live.connections().over(now)
    for connection_id in over:
        live.push().close(connection_id)
        live.connections().close(connection_id)
    logger.info("swept", due=due, over=len(over))
    return {"due": due, "over": len(over)}
