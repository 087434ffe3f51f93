"""What was told on a topic of many subjects in the last quarter of an hour, so that a connection that broke misses nothing.

A message's `position` says when it was logged. Several processes log at the same time, so that a later position may be
seen before an earlier one is written: whoever goes on after a position gets a little of what came before it once more,
and tells it apart by the event's id.
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(minutes=15)
SHARDS = 4
BUCKET_S = 300
OVERLAP = timedelta(seconds=30)
"""Twice the time that a consumer has for a batch: by then every process has written what it began to log before."""


class Log:
    """The log in DynamoDB, in buckets of five minutes."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def append(self, topic: str, message: Mapping[str, Any], now: datetime) -> None:
        """Log a message under its position."""
        shard = zlib.crc32(str(message["subject"]).encode()) % SHARDS
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": _bucket(topic, now, shard)},
                "sk": {"S": message["position"]},
                "message": {"S": json.dumps(message, separators=(",", ":"), ensure_ascii=False)},
                "expires_at": {"N": str(int((now + KEPT * 2).timestamp()))},
            },
        )

    def after(self, topic: str, position: str, now: datetime) -> list[str]:
        """The messages after a position, and some from just before it, in the order of their positions."""
        start = max(_time(position) - OVERLAP, now - KEPT)
        buckets = range(int(start.timestamp()) // BUCKET_S, int(now.timestamp()) // BUCKET_S + 1)
        found: list[tuple[str, str]] = []
        for number in buckets:
            at = datetime.fromtimestamp(number * BUCKET_S, UTC)
            for shard in range(SHARDS):
                pages = self._client.get_paginator("query").paginate(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk AND sk >= :start",
                    ExpressionAttributeValues={":pk": {"S": _bucket(topic, at, shard)}, ":start": {"S": _stamp(start)}},
                    ConsistentRead=True,
                )
                found += [(item["sk"]["S"], item["message"]["S"]) for page in pages for item in page["Items"]]
        return [message for _, message in sorted(found)]


def position(event_id: str, now: datetime, place: int) -> str:
    """Where an event that is logged now, at this place in its batch, comes in a topic's log."""
    return f"{_stamp(now)}-{place:02d}-{event_id}"


def is_position(text: str) -> bool:
    """Whether the text has the form of a position."""
    stamp, _, event_id = text.partition("-")
    return len(stamp) == 13 and stamp.isdecimal() and bool(event_id)  # milliseconds since 1970


def _stamp(at: datetime) -> str:
    return f"{int(at.timestamp() * 1000):013d}"


def _time(position: str) -> datetime:
    return datetime.fromtimestamp(int(position.partition("-")[0]) / 1000, UTC)


def _bucket(topic: str, at: datetime, shard: int) -> str:
    return f"LOG#{topic}#{int(at.timestamp()) // BUCKET_S}#{shard}"
