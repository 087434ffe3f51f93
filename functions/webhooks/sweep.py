"""The sweep: every minute it queues the deliveries whose time has come and which nobody looked at.

Long waits are its ordinary work, since SQS holds a message back for a quarter of an hour at most. For short ones it is
the safety net under a message that got lost.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from webhooks.outbox import BATCH, Due

if TYPE_CHECKING:
    from datetime import datetime

    from webhooks.deliveries import Deliveries
    from webhooks.outbox import Outbox
    from webhooks.registry import Registry

AT_ONCE = 500
"""Deliveries of one endpoint that one run queues: a backlog comes back over minutes, behind what is new."""
LOOKS_AGAIN = timedelta(minutes=10)


class Sweep:
    """Finds what is due."""

    def __init__(self, registry: Registry, deliveries: Deliveries, outbox: Outbox) -> None:
        self._registry = registry
        self._deliveries = deliveries
        self._outbox = outbox

    def sweep(self, now: datetime) -> int:
        """Queue what is due for the endpoints that are sent to; answers how many."""
        found = 0
        for registered in self._registry.enabled():
            if registered.health.rests(now):
                continue
            # While an endpoint is being tried out, more than a few would only be turned away.
            most = BATCH if registered.health.tripped else AT_ONCE
            due = self._deliveries.due(registered.endpoint.id, now, most)
            ours = [delivery for delivery, mark in due if self._deliveries.look_again(delivery, mark, now + LOOKS_AGAIN)]
            self._outbox.put([Due(delivery.endpoint_id, delivery.id) for delivery in ours])
            found += len(ours)
        return found
