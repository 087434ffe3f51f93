"""What every event goes through on its way to other systems: one consumer for all of them, since each sees every event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from edge.logs import logger
from edge.queue_events import readable
from hub import contexts
from webhooks import wiring as webhooks

# Whether a type has a newer version is known by the contracts of all contexts.
contexts.declare()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Hand a batch of events to whoever asked for them."""
    found, failed = readable(event)
    try:
        webhooks.dispatcher().dispatch(found, datetime.now(UTC))
    except Exception:  # noqa: BLE001  # whatever it is, the queue shows the events again; dispatching twice is once
        logger.exception("not dispatched", events=len(found))
        failed += [message.message_id for message in found]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
