"""Webhooks with a clock of the test's own: messages wait for their time, minutes are swept, and no second is slept through."""

from __future__ import annotations

import asyncio
import heapq
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import boto3

from edge.aggregates import Aggregates, Command
from edge.cipher import FieldCipher
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from edge.queue_events import Message
from kernel.clock import rfc3339
from kernel.events import Actor, Cause
from kernel.ids import derived_id
from webhooks.deliveries import Deliveries, Delivery
from webhooks.dispatcher import Dispatcher
from webhooks.domain import fold
from webhooks.events import EndpointRegistered
from webhooks.guard import Guard
from webhooks.outbox import Due
from webhooks.registry import Registered, Registry
from webhooks.sender import Sender
from webhooks.service import Endpoints
from webhooks.signing import new_secret
from webhooks.sweep import Sweep

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
CAUSE = Cause(Actor("machine", "shop"), "req_test")
LOCAL = Guard(("http",), ("127.0.0.0/8",))


@dataclass
class Clock:
    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def seconds(self) -> float:
        return self.time.timestamp()


@dataclass
class Queue:
    """Messages by the time from which they are seen, each at least once."""

    clock: Clock
    waiting: list[tuple[datetime, int, Due]] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def put(self, due: Sequence[Due]) -> None:
        for one in due:
            heapq.heappush(self.waiting, (self.clock.time + timedelta(seconds=one.delay_s), next(self.numbers), one))

    def take(self) -> list[Due]:
        """Up to ten messages whose time has come."""
        found: list[Due] = []
        while self.waiting and self.waiting[0][0] <= self.clock.time and len(found) < 10:
            found.append(heapq.heappop(self.waiting)[2])
        return found


class OneAtATime:
    """A client whose calls wait for each other: moto checks a condition and writes in two steps, unlike DynamoDB."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def locked(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return call(*args, **kwargs)

        return locked


class PostOffice:
    """Dispatcher, queue, sender and sweep on moto's tables."""

    def __init__(self, database: Any, guard: Guard = LOCAL) -> None:
        database = OneAtATime(database)
        key = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        self.clock = Clock()
        self.queue = Queue(self.clock)
        self.cipher = FieldCipher(boto3.client("kms"), key, "webhooks")
        self.registry = Registry(database, "webhooks", self.clock.seconds)
        self.deliveries = Deliveries(database, "webhooks", timedelta(days=7))
        aggregates = Aggregates(EventStore(database, "orders"), RelayOnly(), self.clock, fold, "webhook", "whk")
        self.endpoints = Endpoints(aggregates, self.registry, self.cipher, guard, self.clock, new_secret)
        self.dispatcher = Dispatcher(self.registry, self.deliveries, self.queue)  # type: ignore[arg-type]  # as much of an outbox as it needs
        self.sender = Sender(
            self.registry,
            self.deliveries,
            self.queue,
            self.cipher,
            guard,
            self.endpoints,
            self.clock,
            lambda: 0.5,  # type: ignore[arg-type]
        )
        self.sweeper = Sweep(self.registry, self.deliveries, self.queue)  # type: ignore[arg-type]

    def register(self, url: str, *patterns: str, key: str = "key") -> tuple[str, str]:
        """An endpoint's id and secret."""
        wanted = EndpointRegistered(url=url, event_types=patterns or ("*",), description="")
        done, secret = self.endpoints.register(wanted, Command("register-webhook", CAUSE, key, "print"), "shop")
        self.clock.time += timedelta(seconds=3)
        return done.id, secret

    def tell(self, *messages: Message) -> int:
        return self.dispatcher.dispatch(messages, self.clock.time)

    def work(self) -> None:
        """Send whatever can be sent now."""
        while batch := self.queue.take():
            failed = asyncio.run(self.sender.send({str(place): due for place, due in enumerate(batch)}))
            assert failed == []

    def pass_time(self, span: timedelta) -> None:
        """Let time go by: from one message to the next, with a sweep a minute."""
        end = self.clock.time + span
        minute = self.clock.time + timedelta(minutes=1)
        self.work()
        while True:
            following = min(self.queue.waiting[0][0] if self.queue.waiting else end, minute, end)
            self.clock.time = max(following, self.clock.time)
            self.work()
            if self.clock.time >= minute:
                # Nothing happens in most minutes of a day; the test need not look at each of them.
                self.sweeper.sweep(self.clock.time)
                minute = self.clock.time + timedelta(minutes=1 if self.queue.waiting else 15)
            if self.clock.time >= end:
                return

    def listed(self, endpoint_id: str) -> list[Delivery]:
        return self.deliveries.page(endpoint_id, 200, None, None)[0]

    def endpoint(self, endpoint_id: str) -> Registered:
        found = self.registry.find(endpoint_id)
        assert found is not None
        return found


def told(clock: Clock, type_: str = "order.confirmed.v1", sequence: int = 1, subject: str = "ord_" + "0" * 32) -> Message:
    """An event as the bus tells it."""
    event_id = derived_id("evt", subject, str(sequence))
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "type": type_,
        "source": "orderhub.orders",
        "subject": subject,
        "time": rfc3339(clock.time),
        "sequence": sequence,
        "correlationid": "req_test",
        "lane": "fast",
        "data": {"n": sequence},
    }
    return Message("m", event_id, type_, subject, sequence, clock.time, "fast", "req_test", None, {"n": sequence}, envelope)
