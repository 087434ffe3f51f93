"""Events as consumers get them: EventBridge's message in an SQS record, answered message by message."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.logs import logger
from kernel.clock import parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One event from the bus, and the queue's id for it."""

    message_id: str
    id: str
    type: str
    subject: str
    sequence: int
    time: datetime
    lane: str
    correlation_id: str
    traceparent: str | None
    data: Mapping[str, Any]
    envelope: Mapping[str, Any] = field(default_factory=dict)
    """The event as it came, in full."""

    @property
    def order_id(self) -> str:
        """The order that the event is about, whichever aggregate's it is."""
        return self.subject if self.subject.startswith("ord_") else str(self.data.get("order_id", ""))


def messages(event: Mapping[str, Any]) -> Iterator[Message]:
    """The events of an SQS batch. Raises KeyError or ValueError for a body that is no envelope."""
    return (_message(record) for record in event["Records"])


def readable(event: Mapping[str, Any]) -> tuple[list[Message], list[str]]:
    """The events of an SQS batch, and the ids of those messages that are no envelopes: one bad one spoils no batch."""
    found: list[Message] = []
    failed: list[str] = []
    for record in event["Records"]:
        try:
            found.append(_message(record))
        except (LookupError, ValueError, TypeError) as error:
            logger.error("no envelope", message=record["messageId"], reason=type(error).__name__)
            failed.append(record["messageId"])
    return found, failed


def _message(record: Mapping[str, Any]) -> Message:
    detail = json.loads(record["body"])["detail"]
    return Message(
        record["messageId"],
        detail["id"],
        detail["type"],
        detail["subject"],
        int(detail["sequence"]),
        parse_rfc3339(detail["time"]),
        detail.get("lane", ""),
        detail["correlationid"],
        detail.get("traceparent"),
        detail["data"],
        detail,
    )


def answer_each(event: Mapping[str, Any], act: Callable[[Message], None]) -> dict[str, Any]:
    """Let `act` handle every message; the queue keeps those that failed and shows them again, then parks them."""
    failed = []
    for message in messages(event):
        try:
            act(message)
        except Exception:  # noqa: BLE001  # one bad message must not hold up the others; the queue shows it again
            logger.exception("event not handled", event_id=message.id, type=message.type, subject=message.subject)
            failed.append({"itemIdentifier": message.message_id})
    return {"batchItemFailures": failed}
