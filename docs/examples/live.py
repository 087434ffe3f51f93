"""Follows OrderHub's live feed: every event once, across broken connections, an order's events in sequence.

    python live.py WS_URL TOKEN orders order:ord_…

Needs `websockets`. `follow` is what a program of yours would take over.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

SEEN = 10_000
PING_S = 240


class Feed:
    """What has come so far of some topics: where to go on, and what is not new."""

    def __init__(self, topics: list[str]) -> None:
        self.topics = topics
        self._since: dict[str, int | str] = {topic: 0 for topic in topics if topic.startswith("order:")}
        self._seen: OrderedDict[str, None] = OrderedDict()

    def subscription(self) -> str:
        """The message that takes up where this one stopped."""
        return json.dumps({"action": "subscribe", "topics": self.topics, "since": self._since})

    def takes(self, event: dict[str, Any]) -> bool:
        """Whether this event is new; it counts as seen from now on."""
        if event["id"] in self._seen:
            return False
        self._seen[event["id"]] = None
        if len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        for topic in self.topics:
            if topic == f"order:{event['subject']}":
                self._since[topic] = max(int(self._since[topic]), event["sequence"])
            elif not topic.startswith("order:") and "position" in event:
                self._since[topic] = max(str(self._since.get(topic, "")), event["position"])
        return True


async def follow(url: str, token: Callable[[], str], topics: list[str]) -> AsyncIterator[dict[str, Any]]:
    """Every event of the topics once. A connection that breaks, or ends with its token, is taken up where it was."""
    feed, pause_s = Feed(topics), 0.1
    while True:
        try:
            async with connect(f"{url}?token={token()}", max_size=None) as socket:
                await socket.send(feed.subscription())
                pause_s = 0.1
                while True:
                    try:
                        text = await asyncio.wait_for(socket.recv(), PING_S)
                    except TimeoutError:
                        await socket.send('{"action": "ping"}')
                        continue
                    message = json.loads(text)
                    if message.get("action") == "error":
                        raise SystemExit(f"{message['code']}: {message['detail']}")
                    if "specversion" in message and feed.takes(message):
                        yield message
        except (ConnectionClosed, OSError):
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 30)


async def main(url: str, token: str, *topics: str) -> None:
    """Print what comes."""
    async for event in follow(url, lambda: token, list(topics) or ["orders"]):
        print(event["time"], event["subject"], event["sequence"], event["type"], flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
