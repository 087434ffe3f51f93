"""Publishing events to the bus: batches of ten, every entry's answer read, order per aggregate kept.

An event whose type has an older version that is not retired yet goes out in both, under the same id.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from kernel.contracts import forms
from kernel.events import Event, envelope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

ENTRIES = 10
"""Entries that one PutEvents call takes (EventBridge quota)."""
BYTES = 256 * 1024
"""Bytes that one PutEvents call takes, all entries together (EventBridge quota)."""


class Bus:
    """An EventBridge bus, and the lane on which events come to it: a CloudEvents extension that lags are measured by."""

    def __init__(self, client: EventBridgeClient, name: str, lane: Literal["fast", "relay", "replay"]) -> None:
        self._client = client
        self._name = name
        self._lane = lane

    def publish(self, events: Sequence[Event]) -> list[Event]:
        """Publish in order, and answer those events that the bus did not take.

        After an event that was refused, later events of the same aggregate are not offered, and count as not taken,
        so that nobody sees an aggregate's events out of order because of us.
        """
        refused: list[Event] = []
        for batch in _batches([form for event in events for form in _forms(event)]):
            stuck = {event.subject for event in refused}
            refused += [event for event in batch if event.subject in stuck]
            offered = [event for event in batch if event.subject not in stuck]
            if not offered:
                continue
            answer = self._client.put_events(Entries=[self._entry(event) for event in offered])
            if answer["FailedEntryCount"]:
                failed: set[str] = set()
                for event, entry in zip(offered, answer["Entries"], strict=True):
                    if entry.get("ErrorCode") or event.subject in failed:
                        failed.add(event.subject)
                        refused.append(event)
        # An event that went out in one version and not in another has to go out again.
        missing = {event.id for event in refused}
        return [event for event in events if event.id in missing]

    def _entry(self, event: Event) -> PutEventsRequestEntryTypeDef:
        body = {**envelope(event), "lane": self._lane}
        return {
            "EventBusName": self._name,
            "Source": str(body["source"]),
            "DetailType": event.detail_type,
            "Detail": json.dumps(body, separators=(",", ":"), ensure_ascii=False),
            "Time": event.time,
        }


def _forms(event: Event) -> list[Event]:
    return [replace(event, data=data) for data in forms(event.data, event.time.date())]


def _batches(events: Sequence[Event]) -> Iterator[list[Event]]:
    batch: list[Event] = []
    size = 0
    for event in events:
        weight = len(json.dumps(envelope(event), ensure_ascii=False).encode()) + 256
        if batch and (len(batch) == ENTRIES or size + weight > BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += weight
    if batch:
        yield batch
