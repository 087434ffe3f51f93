"""The event store: an aggregate is a partition of commits, and committing is one conditional put.

Key: `pk` is the aggregate's id and `sk` the sequence of the commit's first event. Two writers that decided on the
same version write the same key, so one wins and the other learns of it: optimistic concurrency, outbox, history
and audit in a single write.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Busy
from kernel.events import Actor, Cause, Event, from_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

THROTTLES = frozenset(
    {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "TransactionConflictException"}
)


class VersionTaken(Exception):
    """Another commit took this place in the stream first."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What one command decided: its events in order, why, and the idempotency key it came with."""

    aggregate_id: str
    events: tuple[Event, ...]
    command: str
    at: datetime
    cause: Cause
    key: str | None = None
    fingerprint: str | None = None
    """A hash of the request's body, so that a reused key with another body is found out."""

    @property
    def first(self) -> int:
        """The sequence of the first event, which is the commit's place in the stream."""
        return self.events[0].sequence

    @property
    def version(self) -> int:
        """The aggregate's version after this commit: the sequence of its last event."""
        return self.events[-1].sequence


def to_item(commit: Commit) -> dict[str, AttributeValueTypeDef]:
    """The commit as it is stored."""
    records = [
        {"id": e.id, "type": e.type, "v": type(e.data).event_version, "data": e.data.model_dump(mode="json", exclude_none=True)}
        for e in commit.events
    ]
    item: dict[str, AttributeValueTypeDef] = {
        "pk": {"S": commit.aggregate_id},
        "sk": {"N": str(commit.first)},
        "events": {"S": json.dumps(records, separators=(",", ":"), ensure_ascii=False)},
        "command": {"S": commit.command},
        "at": {"S": rfc3339(commit.at)},
        "actor": {"S": f"{commit.cause.actor.kind}:{commit.cause.actor.id}"},
        "correlation": {"S": commit.cause.correlation_id},
    }
    for name, value in (
        ("causation", commit.cause.causation_id),
        ("traceparent", commit.cause.traceparent),
        ("key", commit.key),
        ("fingerprint", commit.fingerprint),
    ):
        if value:
            item[name] = {"S": value}
    return item


def from_item(item: Mapping[str, AttributeValueTypeDef]) -> Commit:
    """A stored commit, its events read through the upcasters."""

    def text(name: str) -> str | None:
        value = item.get(name)
        return value.get("S") if value else None

    aggregate_id, at = item["pk"]["S"], item["at"]["S"]
    kind, _, who = item["actor"]["S"].partition(":")
    cause = Cause(Actor(kind, who), item["correlation"]["S"], text("causation"), text("traceparent"))  # type: ignore[arg-type]
    first = int(item["sk"]["N"])
    events = tuple(
        from_record(
            event_id=record["id"],
            subject=aggregate_id,
            sequence=first + place,
            time=at,
            type_=record["type"],
            version=record["v"],
            data=record["data"],
            cause=cause,
        )
        for place, record in enumerate(json.loads(item["events"]["S"]))
    )
    return Commit(aggregate_id, events, item["command"]["S"], parse_rfc3339(at), cause, text("key"), text("fingerprint"))


class EventStore:
    """Commits of all aggregates in one DynamoDB table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def commits(self, aggregate_id: str) -> Sequence[Commit]:
        """Every commit of an aggregate, in order, consistent; none where there is no such aggregate. Raises Busy."""
        found: list[Commit] = []
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :id",
            ExpressionAttributeValues={":id": {"S": aggregate_id}},
            ConsistentRead=True,
        )
        try:
            for page in pages:
                found.extend(from_item(item) for item in page["Items"])
        except ClientError as error:
            raise busy_or(error) from error
        return found

    def last(self, aggregate_id: str) -> Commit | None:
        """The newest commit of an aggregate, consistent, at the price of one item however long its stream is. Raises Busy."""
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :id",
                ExpressionAttributeValues={":id": {"S": aggregate_id}},
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=1,
            )
        except ClientError as error:
            raise busy_or(error) from error
        return from_item(answer["Items"][0]) if answer["Items"] else None

    def exists(self, aggregate_id: str) -> bool:
        """Whether there is such an aggregate; its events are not read, so nobody has to know them. Raises Busy."""
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :id",
                ExpressionAttributeValues={":id": {"S": aggregate_id}},
                ConsistentRead=True,
                Select="COUNT",
                Limit=1,
            )
        except ClientError as error:
            raise busy_or(error) from error
        return answer["Count"] > 0

    def append_together(self, commits: Sequence[Commit]) -> None:
        """Record commits of several aggregates, all or none; at most a hundred (DynamoDB quota).

        Raises VersionTaken where another has the place of one of them, Busy where the table is throttled or contended.
        """
        puts: list[TransactWriteItemTypeDef] = [
            {"Put": {"TableName": self._table, "Item": to_item(commit), "ConditionExpression": "attribute_not_exists(pk)"}}
            for commit in commits
        ]
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as error:
            codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            for commit, code in zip(commits, codes, strict=True):
                if code in ("ConditionalCheckFailed", "TransactionConflict"):
                    raise VersionTaken(commit.aggregate_id) from error
            raise Busy("store_busy", "The store is busy; try again in a moment.") from error
        except ClientError as error:
            raise busy_or(error) from error

    def append(self, commit: Commit) -> None:
        """Record a commit. Raises VersionTaken where another has its place, Busy where the table is throttled."""
        try:
            self._client.put_item(TableName=self._table, Item=to_item(commit), ConditionExpression="attribute_not_exists(pk)")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise VersionTaken(commit.aggregate_id) from error
            raise busy_or(error) from error


def busy_or(error: ClientError) -> Exception:
    """Busy for a throttled table, else the error itself."""
    if error.response["Error"]["Code"] in THROTTLES:
        return Busy("store_busy", "The store is busy; try again in a moment.")
    return error
