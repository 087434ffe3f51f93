"""Entry point: the queue of deliveries."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from edge.logs import logger
from webhooks import outbox, wiring


@lru_cache(maxsize=1)
def _runner() -> asyncio.Runner:
    # One loop for the life of the process: its threads stay, and a look-up that hangs in one holds up no answer.
    return asyncio.Runner()


def send(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Attempt a batch of deliveries; what could not even be looked at comes again."""
    batch: dict[str, outbox.Due] = {}
    failed: list[str] = []
    for record in event["Records"]:
        try:
            batch[record["messageId"]] = outbox.read(record)
        except (LookupError, ValueError) as error:
            logger.error("no delivery", message=record["messageId"], reason=type(error).__name__)
            failed.append(record["messageId"])
    failed += _runner().run(wiring.sender().send(batch))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
