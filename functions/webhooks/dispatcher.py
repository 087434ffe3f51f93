"""Which endpoints an event goes to: a delivery is recorded for each, and queued for the sender."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kernel.clock import rfc3339
from kernel.contracts import superseded
from webhooks.deliveries import Deliveries, Delivery, delivery_id
from webhooks.outbox import Due, Outbox
from webhooks.patterns import asked_for
from webhooks.schedule import GIVES_UP_AFTER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge.queue_events import Message
    from webhooks.registry import Registered, Registry

THREADS = 8


class Dispatcher:
    """Matches events with endpoints."""

    def __init__(self, registry: Registry, deliveries: Deliveries, outbox: Outbox) -> None:
        self._registry = registry
        self._deliveries = deliveries
        self._outbox = outbox
        self._threads = ThreadPoolExecutor(THREADS)

    def dispatch(self, messages: Sequence[Message], now: datetime) -> int:
        """Record and queue the deliveries of a batch of events; answers how many. Again is as good as once."""
        endpoints = self._registry.enabled()
        if not endpoints:
            return 0
        wanted = [(message, found) for message in messages if (found := _takers(endpoints, message))]
        # A body before its deliveries: whoever finds a delivery finds what to send.
        list(self._threads.map(lambda one: self._deliveries.keep_body(one.id, one.type, body_of(one), now), [m for m, _ in wanted]))
        deliveries = [delivery_of(endpoint.endpoint.id, message, now) for message, takers in wanted for endpoint in takers]
        fresh = list(self._threads.map(lambda one: self._deliveries.begin(one, now), deliveries))
        self._outbox.put([Due(one.endpoint_id, one.id) for one, is_fresh in zip(deliveries, fresh, strict=True) if is_fresh])
        return len(deliveries)


def _takers(endpoints: Sequence[Registered], message: Message) -> list[Registered]:
    older = superseded(message.type)
    return [found for found in endpoints if asked_for(found.endpoint.event_types, message.type, superseded=older)]


def body_of(message: Message) -> str:
    """What is sent of an event: its envelope, without the lane on which it came to the bus."""
    told = {name: value for name, value in message.envelope.items() if name != "lane"}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def delivery_of(endpoint_id: str, message: Message, now: datetime) -> Delivery:
    """The delivery of an event to an endpoint."""
    return Delivery(
        endpoint_id=endpoint_id,
        id=delivery_id(endpoint_id, message.id, message.time),
        event_id=message.id,
        event_type=message.type,
        subject=message.subject,
        sequence=message.sequence,
        event_time=rfc3339(message.time),
        created_at=rfc3339(now),
        give_up_at=now + GIVES_UP_AFTER,
    )
