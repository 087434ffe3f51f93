"""Sends deliveries: claims each, signs it, posts it, and decides by the answer what becomes of it.

The messages of a batch are sent at the same time, a few for each endpoint, so that a slow endpoint keeps nobody waiting
who happens to be in the same batch; and an endpoint that has used up its time in a batch gets its other messages back
later.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from edge.aggregates import Command
from edge.logs import logger
from kernel.clock import rfc3339
from kernel.events import Actor, Cause
from kernel.ids import new_id
from webhooks import circuit, post, signing
from webhooks.deliveries import LEASE_S, Attempt, Deliveries, Delivery
from webhooks.outbox import LONGEST_DELAY_S, Due, Outbox
from webhooks.schedule import next_attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import httpx

    from kernel.clock import Clock
    from webhooks.circuit import Health
    from webhooks.guard import Guard
    from webhooks.post import Outcome
    from webhooks.registry import Registered, Registry
    from webhooks.service import Endpoints

AT_ONCE = 4
"""Requests that one batch makes to one endpoint at the same time."""
BUDGET_S = 2.0
"""How long an endpoint may occupy a batch before its other messages are put back."""
SLOW_MS = 2000
RESTED = timedelta(minutes=15)
"""How long deliveries to a disabled endpoint are left alone."""
SWEEP_GRACE = timedelta(seconds=60)
"""How long after a message was due the sweep looks whether anybody looked."""
GONE = 410


class Opener(Protocol):
    """Opens signing secrets."""

    def open(self, ciphertext: str, subject: str) -> str:
        """The secret of an endpoint."""
        ...


class Sender:
    """Makes attempts."""

    def __init__(
        self,
        registry: Registry,
        deliveries: Deliveries,
        outbox: Outbox,
        opener: Opener,
        guard: Guard,
        endpoints: Endpoints,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._deliveries = deliveries
        self._outbox = outbox
        self._opener = opener
        self._guard = guard
        self._endpoints = endpoints
        self._clock = clock
        self._random = random

    async def send(self, batch: Mapping[str, Due]) -> list[str]:
        """Attempt the deliveries of a batch, by the ids of their messages; answers those ids that have to come again."""
        by_endpoint: dict[str, dict[str, Due]] = {}
        for message_id, due in batch.items():
            by_endpoint.setdefault(due.endpoint_id, {})[message_id] = due
        failed = await asyncio.gather(*(self._to_endpoint(found) for found in by_endpoint.values()))
        return [message_id for some in failed for message_id in some]

    async def _to_endpoint(self, batch: Mapping[str, Due]) -> list[str]:
        began = time.monotonic()
        places = asyncio.Semaphore(AT_ONCE)
        async with post.session() as client:

            async def one(message_id: str, due: Due) -> str | None:
                async with places:
                    try:
                        if time.monotonic() - began > BUDGET_S:
                            await asyncio.to_thread(
                                self._outbox.put, [Due(due.endpoint_id, due.delivery_id, 1 + 4 * self._random())]
                            )
                        else:
                            await self._attempt(client, due)
                    except Exception:  # noqa: BLE001  # one bad message must not hold up the others; the queue shows it again
                        logger.exception("not attempted", endpoint=due.endpoint_id, delivery=due.delivery_id)
                        return message_id
                    return None

            done = await asyncio.gather(*(one(message_id, due) for message_id, due in batch.items()))
        return [message_id for message_id in done if message_id is not None]

    async def _attempt(self, client: httpx.AsyncClient, due: Due) -> None:
        registered = await asyncio.to_thread(self._lookup, due.endpoint_id)
        if registered is None:
            return
        now = self._clock.now()
        until = await asyncio.to_thread(self._rests_until, registered, now)
        if until is not None:
            await asyncio.to_thread(self._put_off, due, until, now)
            return
        delivery = await asyncio.to_thread(
            self._deliveries.claim, due.endpoint_id, due.delivery_id, now, now + timedelta(seconds=LEASE_S)
        )
        if delivery is None:
            return
        body = await asyncio.to_thread(self._deliveries.body, delivery.event_id, delivery.event_type)
        if body is None:
            self._deliveries.failed(delivery, Attempt(rfc3339(now), None, 0, "not sent: the body is no longer kept"))
            return
        secrets = [self._opener.open(secret.sealed, due.endpoint_id) for secret in registered.signing(now)]
        headers = {
            **signing.headers(secrets, delivery.event_id, now, body),
            "content-type": "application/json",
            "user-agent": "OrderHub-Webhooks/1",
        }
        outcome = await post.post(client, self._guard, registered.endpoint.url, headers, body.encode())
        logger.info(
            "webhook sent" if outcome.ok else "webhook not taken",
            endpoint=due.endpoint_id,
            event_id=delivery.event_id,
            attempt=delivery.attempts,
            status=outcome.status_code,
            ms=outcome.ms,
            reason=outcome.error,
        )
        await asyncio.to_thread(self._conclude, registered, delivery, outcome, now)

    def _lookup(self, endpoint_id: str) -> Registered | None:
        # An endpoint newer than what is known here is looked up; one that is nowhere was removed.
        return self._registry.known(endpoint_id) or self._registry.find(endpoint_id)

    def _rests_until(self, registered: Registered, now: datetime) -> datetime | None:
        """Until when nothing is sent to the endpoint; None where this message may be."""
        health = registered.health
        if registered.endpoint.status != "enabled":
            return now + RESTED
        if health.rests(now):
            assert health.open_until is not None  # what resting means
            return health.open_until + timedelta(seconds=30 * self._random())
        if health.tripped and not self._registry.may_probe(registered.endpoint.id, health, now, circuit.PROBE):
            return now + circuit.PROBE * (1 + self._random())
        return None

    def _put_off(self, due: Due, until: datetime, now: datetime) -> None:
        delivery = self._deliveries.find(due.endpoint_id, due.delivery_id)
        if delivery is not None and delivery.status == "pending":
            self._postpone(delivery, until, now, None)

    def _conclude(self, registered: Registered, delivery: Delivery, outcome: Outcome, began: datetime) -> None:
        attempt = Attempt(rfc3339(began), outcome.status_code, outcome.ms, outcome.error)
        now, slow = self._clock.now(), outcome.ms > SLOW_MS
        if outcome.ok:
            self._deliveries.delivered(delivery, attempt)
            self._registry.succeeded(delivery.endpoint_id, registered.health, slow=slow)
            return
        health = self._registry.failed(delivery.endpoint_id, now, slow=slow)
        at = next_attempt(delivery.attempts, now, delivery.give_up_at, outcome.wait_s, self._random)
        if at is None:
            self._deliveries.failed(delivery, attempt)
        else:
            self._postpone(delivery, at, now, attempt)
        self._disable_where_nobody_is(delivery, outcome, health, now)

    def _postpone(self, delivery: Delivery, at: datetime, now: datetime, attempt: Attempt | None) -> None:
        delay_s = (at - now).total_seconds()
        if delay_s > LONGEST_DELAY_S:
            self._deliveries.postpone(delivery, at, at, attempt)
            return
        self._deliveries.postpone(delivery, at, at + SWEEP_GRACE, attempt)
        self._outbox.put([Due(delivery.endpoint_id, delivery.id, max(delay_s, 0))])

    def _disable_where_nobody_is(self, delivery: Delivery, outcome: Outcome, health: Health, now: datetime) -> None:
        gone = outcome.status_code == GONE
        if not gone and not health.given_up(now):
            return
        cause = Cause(Actor("rule", "webhook-sender"), new_id("req"), delivery.event_id)
        logger.warning("endpoint disabled", endpoint=delivery.endpoint_id, gone=gone)
        self._endpoints.disable(
            delivery.endpoint_id, Command("disable-webhook", cause), "gone" if gone else "failing", health.failing_since
        )
