"""Tells stored events again: to one consumer's queue, or to the bus and so to everybody.

The events are those that aggregates committed, under their own ids, with `"lane": "replay"`: whoever has them already
passes over them. Stock's events are versions of counters, which are not kept, so there is nothing of them to tell again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from edge.bus import ENTRIES, Bus
from edge.event_store import from_item
from hub import contexts
from kernel.clock import rfc3339
from kernel.events import envelope
from local.aws import client
from local.hubfile import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from kernel.events import Event
    from local.instance import Instance

BUS = "bus"
"""The target that reaches everybody."""


class NoSuchTarget(Exception):
    """There is no consumer of this name."""


class NotTaken(Exception):
    """The bus or queue did not take an event."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which events: committed from `since` on and before `until`, of types that match one of the patterns; all by default."""

    since: datetime
    until: datetime
    types: tuple[str, ...] = ("*",)

    def has(self, event: Event) -> bool:
        """Whether the event is meant."""
        return self.since <= event.time < self.until and any(fnmatchcase(event.detail_type, pattern) for pattern in self.types)


def found(instance: Instance, window: Window) -> list[Event]:
    """The events of a window, in the order of their commits; of one subject in the order of their sequence."""
    contexts.declare()
    pages = (
        client(instance, "dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=read(instance)["orders_table"],
            FilterExpression="#at BETWEEN :since AND :until",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":since": {"S": rfc3339(window.since)}, ":until": {"S": rfc3339(window.until)}},
        )
    )
    events = [event for page in pages for item in page["Items"] for event in from_item(item).events if window.has(event)]
    return sorted(events, key=lambda event: (event.time, event.subject, event.sequence))


def tell(instance: Instance, events: Sequence[Event], target: str) -> Iterator[int]:
    """Tell them to `bus` or to a consumer, in order; yields how many are told so far. Raises NoSuchTarget, NotTaken."""
    send = _to_bus(instance) if target == BUS else _to_queue(instance, target)
    for start in range(0, len(events), ENTRIES):
        batch = events[start : start + ENTRIES]
        send(batch)
        yield start + len(batch)


def _to_bus(instance: Instance) -> Any:  # a function of a batch
    bus = Bus(client(instance, "events"), read(instance)["event_bus"], "replay")

    def send(batch: Sequence[Event]) -> None:
        refused = bus.publish(batch)
        if refused:
            raise NotTaken(f"The bus did not take {refused[0].id}; the same command tells everything again, which is harmless.")

    return send


def _to_queue(instance: Instance, consumer: str) -> Any:  # a function of a batch
    queues = client(instance, "sqs")
    url = queue_of(queues, consumer)

    def send(batch: Sequence[Event]) -> None:
        entries = [{"Id": str(place), "MessageBody": message(event)} for place, event in enumerate(batch)]
        failed = queues.send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
        if failed:
            raise NotTaken(f"{consumer}'s queue did not take {batch[int(failed[0]['Id'])].id}.")

    return send


def queue_of(queues: Any, consumer: str) -> str:  # a boto3 client
    """The address of a consumer's queue. Raises NoSuchTarget."""
    try:
        return str(queues.get_queue_url(QueueName=f"orderhub-local-{consumer}")["QueueUrl"])
    except ClientError:
        names = [url.rsplit("orderhub-local-", 1)[-1] for url in queues.list_queues().get("QueueUrls", [])]
        consumers = ", ".join(sorted(name for name in names if not name.endswith("-dlq")))
        raise NoSuchTarget(f"there is no consumer {consumer}; there are bus, {consumers}") from None


def message(event: Event) -> str:
    """The event as EventBridge puts it into a queue."""
    body = {**envelope(event), "lane": "replay"}
    return json.dumps({"source": body["source"], "detail-type": event.detail_type, "detail": body}, ensure_ascii=False)
