"""Tells events to those who listen: logged first, then pushed to the connections of their topics.

Whoever subscribes is entered first and reads the log afterwards. So an event is in what they read, or finds them entered.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from edge.logs import logger
from kernel.contracts import superseded
from live.log import Log, position
from live.pushing import Gone, Push
from live.topics import BROAD, topics_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge.queue_events import Message
    from live.connections import Connections

THREADS = 32
LARGEST = 120_000
"""Characters of a message; API Gateway takes 128 KB."""


class FanOut:
    """Pushes batches of events."""

    def __init__(self, connections: Connections, log: Log, push: Push) -> None:
        self._connections = connections
        self._log = log
        self._push = push
        self._threads = ThreadPoolExecutor(THREADS)

    def tell(self, messages: Sequence[Message], now: datetime) -> int:
        """Tell a batch; answers how many messages were pushed. Again may push again, under the same ids."""
        by_topic: dict[str, list[dict[str, Any]]] = {}
        for place, message in enumerate(messages):
            if not superseded(message.type):
                for topic in topics_of(message.type, message.subject):
                    by_topic.setdefault(topic, []).append(told(message, now, place))
        if not by_topic or not self._connections.anybody(now):
            return 0
        logged = [(topic, one) for topic, found in by_topic.items() if topic in BROAD for one in found]
        list(self._threads.map(lambda entry: self._log.append(entry[0], entry[1], now), logged))
        pushes: dict[str, dict[str, str]] = {}
        listening_to = self._threads.map(lambda topic: list(self._connections.listening(topic, now)), by_topic)
        for topic, listening in zip(by_topic, listening_to, strict=True):
            texts = {one["id"]: text_of(one) for one in by_topic[topic]}
            for connection_id in listening:
                # Who listens to an order and to all orders hears of it once.
                pushes.setdefault(connection_id, {}).update(texts)
        return sum(self._threads.map(self._to_connection, pushes, pushes.values()))

    def _to_connection(self, connection_id: str, texts: dict[str, str]) -> int:
        try:
            for text in texts.values():
                self._push.send(connection_id, text)
        except Gone:
            logger.info("connection gone", connection=connection_id)
            self._connections.close(connection_id)
            return 0
        return len(texts)


def told(message: Message, now: datetime, place: int) -> dict[str, Any]:
    """An event as it is pushed: its envelope, with its position as an extension in the place of the lane."""
    envelope = {name: value for name, value in message.envelope.items() if name != "lane"}
    return {**envelope, "position": position(message.id, now, place)}


def text_of(envelope: dict[str, Any]) -> str:
    """A message's text. Data that is too large for a message stays away; `dataref` says where it is."""
    text = json.dumps(envelope, separators=(",", ":"), ensure_ascii=False)
    if len(text) <= LARGEST:
        return text
    small = {name: value for name, value in envelope.items() if name != "data"}
    return json.dumps({**small, "dataref": f"/v1/orders/{envelope['subject']}/timeline"}, separators=(",", ":"))
