"""Connections and what they listen to, found by topic without looking at any other connection.

Keys: `CONN#id` is a connection with its topics; `TOPIC#name#shard` is a topic with its connections. Every topic of many
subjects is spread over shards, so that no partition takes all the subscribing.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from edge.auth import Caller
from kernel.clock import parse_rfc3339, rfc3339
from live.topics import ONE_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, WriteRequestTypeDef

SHARDS = 4
BATCH = 25
"""Writes that one BatchWriteItem takes (DynamoDB quota)."""
LINGERS = timedelta(minutes=15)
"""For how long after the last connection is over events are still logged, so that it can be taken up again."""
_ANYBODY: Mapping[str, AttributeValueTypeDef] = {"pk": {"S": "ANYBODY"}, "sk": {"S": "ANYBODY"}}
_CLOSES_LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Connection:
    """Somebody who listens, until their token expires."""

    id: str
    caller: Caller
    until: datetime


class Connections:
    """Connections in DynamoDB. Items whose time is over go by themselves; nobody counts on it."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def open(self, connection: Connection) -> None:
        """Remember a connection."""
        caller, until = connection.caller, rfc3339(connection.until)
        who = {"id": caller.id, "name": caller.name, "groups": sorted(caller.groups), "scopes": sorted(caller.scopes)}
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": f"CONN#{connection.id}"},
                "sk": {"S": "CONN"},
                "caller": {"S": json.dumps(who)},
                "until": {"S": until},
                "gsi_until_pk": {"S": "CONN"},
                "gsi_until_sk": {"S": f"{until}#{connection.id}"},
                "expires_at": _expiry(connection.until),
            },
        )
        self._announce(connection.until + LINGERS)

    def _announce(self, until: datetime) -> None:
        # Whether anybody may be there is then one small read for who has events to tell.
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_ANYBODY,
                UpdateExpression="SET #until = :until, expires_at = :expiry",
                ConditionExpression="attribute_not_exists(#until) OR #until < :until",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":until": {"S": rfc3339(until)}, ":expiry": _expiry(until)},
            )
        except ClientError as error:
            # Somebody else stays longer.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def anybody(self, now: datetime) -> bool:
        """Whether there is a connection, or was one a short while ago."""
        item = self._client.get_item(TableName=self._table, Key=_ANYBODY, ConsistentRead=True).get("Item")
        return item is not None and parse_rfc3339(item["until"]["S"]) > now

    def find(self, connection_id: str) -> Connection | None:
        """A connection, or None where it is not known any more."""
        key: Mapping[str, AttributeValueTypeDef] = {"pk": {"S": f"CONN#{connection_id}"}, "sk": {"S": "CONN"}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return _from_item(item) if item else None

    def topics(self, connection_id: str) -> list[str]:
        """What a connection listens to."""
        return [sk.removeprefix("TOPIC#") for sk in self._entries(connection_id) if sk.startswith("TOPIC#")]

    def subscribe(self, connection: Connection, topics: Sequence[str]) -> None:
        """Let a connection listen to topics; again changes nothing."""
        expiry = _expiry(connection.until)
        until: AttributeValueTypeDef = {"S": rfc3339(connection.until)}
        places = [place for topic in topics for place in _places(connection.id, topic)]
        self._write(
            [
                {"PutRequest": {"Item": {"pk": {"S": pk}, "sk": {"S": sk}, "until": until, "expires_at": expiry}}}
                for pk, sk in places
            ]
        )

    def unsubscribe(self, connection_id: str, topics: Sequence[str]) -> None:
        """Let a connection listen to these no more."""
        places = [place for topic in topics for place in _places(connection_id, topic)]
        self._write([{"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in places])

    def close(self, connection_id: str) -> None:
        """Forget a connection and what it listened to."""
        self.unsubscribe(connection_id, self.topics(connection_id))
        self._client.delete_item(TableName=self._table, Key={"pk": {"S": f"CONN#{connection_id}"}, "sk": {"S": "CONN"}})

    def listening(self, topic: str, now: datetime) -> Iterator[str]:
        """The connections that listen to a topic, as of now."""
        for shard in range(1 if topic.startswith(ONE_ORDER) else SHARDS):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"TOPIC#{topic}#{shard}"}},
                ConsistentRead=True,
            )
            for page in pages:
                yield from (item["sk"]["S"] for item in page["Items"] if parse_rfc3339(item["until"]["S"]) > now)

    def over(self, now: datetime) -> list[str]:
        """Connections whose token has expired."""
        answer = self._client.query(
            TableName=self._table,
            IndexName="by_until",
            KeyConditionExpression="gsi_until_pk = :pk AND gsi_until_sk < :now",
            ExpressionAttributeValues={":pk": {"S": "CONN"}, ":now": {"S": rfc3339(now)}},
        )
        return [item["pk"]["S"].removeprefix("CONN#") for item in answer["Items"]]

    def _entries(self, connection_id: str) -> list[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"CONN#{connection_id}"}},
            ConsistentRead=True,
        )
        return [item["sk"]["S"] for page in pages for item in page["Items"]]

    def _write(self, requests: Sequence[WriteRequestTypeDef]) -> None:
        for start in range(0, len(requests), BATCH):
            pending = list(requests[start : start + BATCH])
            while pending:
                answer = self._client.batch_write_item(RequestItems={self._table: pending})
                pending = list(answer.get("UnprocessedItems", {}).get(self._table, []))  # type: ignore[arg-type]  # of what was sent


def _places(connection_id: str, topic: str) -> list[tuple[str, str]]:
    shard = 0 if topic.startswith(ONE_ORDER) else zlib.crc32(connection_id.encode()) % SHARDS
    return [(f"TOPIC#{topic}#{shard}", connection_id), (f"CONN#{connection_id}", f"TOPIC#{topic}")]


def _expiry(until: datetime) -> AttributeValueTypeDef:
    return {"N": str(int((until + _CLOSES_LATE).timestamp()))}


def _from_item(item: Mapping[str, AttributeValueTypeDef]) -> Connection:
    who = json.loads(item["caller"]["S"])
    caller = Caller(who["id"], who["name"], frozenset(who["groups"]), frozenset(who["scopes"]))
    return Connection(item["pk"]["S"].removeprefix("CONN#"), caller, parse_rfc3339(item["until"]["S"]))
