"""Deliveries: one record an endpoint and event, made once, and one body an event.

Key: `pk` is the endpoint, `sk` the delivery, whose id begins with the event's time, so that deliveries list by time
without an index. What waits to be tried again is in the index `by_due` under its endpoint; what has not failed yet
costs no entry there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from botocore.exceptions import ClientError

from kernel.clock import parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, QueryInputTypeDef

Status = Literal["pending", "delivered", "failed"]
LOGGED = 20
"""Attempts that a record keeps, the newest."""
LEASE_S = 30
"""How long an attempt has before somebody else may make one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to an endpoint: when, how it was answered if at all, how long it took, and what went wrong."""

    at: str
    status_code: int | None
    ms: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint."""

    endpoint_id: str
    id: str
    event_id: str
    event_type: str
    subject: str
    sequence: int
    event_time: str
    created_at: str
    give_up_at: datetime
    status: Status = "pending"
    attempts: int = 0
    next_at: str | None = None
    delivered_at: str | None = None
    log: tuple[Attempt, ...] = field(default=())


def delivery_id(endpoint_id: str, event_id: str, time: datetime) -> str:
    """The id of the delivery of an event to an endpoint: always the same, and sorted by the event's time."""
    digest = hashlib.sha256(f"{endpoint_id}\x1f{event_id}".encode()).hexdigest()[:20]
    return f"{first_of(time)}{digest}"


def first_of(time: datetime) -> str:
    """What the ids of deliveries of events of this millisecond begin with."""
    return f"dlv_{int(time.timestamp() * 1000):012x}"


class Deliveries:
    """Records and bodies in DynamoDB, kept for a while."""

    def __init__(self, client: DynamoDBClient, table: str, kept_for: timedelta) -> None:
        self._client = client
        self._table = table
        self._kept_for = kept_for

    def keep_body(self, event_id: str, event_type: str, body: str, now: datetime) -> None:
        """Keep what is sent of an event."""
        item: dict[str, AttributeValueTypeDef] = {
            **_body_key(event_id, event_type),
            "body": {"S": body},
            "expires_at": self._expiry(now),
        }
        self._client.put_item(TableName=self._table, Item=item)

    def body(self, event_id: str, event_type: str) -> str | None:
        """What is sent of an event; None where it was kept for long enough."""
        item = self._client.get_item(TableName=self._table, Key=_body_key(event_id, event_type)).get("Item")
        return item["body"]["S"] if item else None

    def begin(self, delivery: Delivery, now: datetime) -> bool:
        """Record a delivery that is to be; whether it still has to be sent for the first time.

        The same event for the same endpoint is one record, however often the bus tells it.
        """
        item: dict[str, AttributeValueTypeDef] = {
            **_key(delivery.endpoint_id, delivery.id),
            "event_id": {"S": delivery.event_id},
            "event_type": {"S": delivery.event_type},
            "subject": {"S": delivery.subject},
            "sequence": {"N": str(delivery.sequence)},
            "event_time": {"S": delivery.event_time},
            "created_at": {"S": delivery.created_at},
            "give_up_at": {"S": rfc3339(delivery.give_up_at)},
            "status": {"S": "pending"},
            "attempts": {"N": "0"},
            "expires_at": self._expiry(now),
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # Whoever recorded it may have died before it sent the message.
            held = error.response["Item"]  # type: ignore[typeddict-item]  # there on a failed condition, as asked for
            return bool(held["status"]["S"] == "pending" and held["attempts"]["N"] == "0")
        return True

    def _expiry(self, now: datetime) -> AttributeValueTypeDef:
        return {"N": str(int((now + self._kept_for).timestamp()))}

    def find(self, endpoint_id: str, delivery_id: str) -> Delivery | None:
        """A delivery as it is now."""
        item = self._client.get_item(TableName=self._table, Key=_key(endpoint_id, delivery_id), ConsistentRead=True).get("Item")
        return _from_item(item) if item else None

    def claim(self, endpoint_id: str, delivery_id: str, now: datetime, until: datetime) -> Delivery | None:
        """Begin an attempt; None where the delivery is done, not due yet, or being attempted by somebody else."""
        return self._update(
            endpoint_id,
            delivery_id,
            "SET lease_until = :until, attempts = attempts + :one",
            "#status = :pending AND (attribute_not_exists(next_at) OR next_at <= :now)"
            " AND (attribute_not_exists(lease_until) OR lease_until < :now)",
            {":until": {"S": rfc3339(until)}, ":one": {"N": "1"}, ":now": {"S": rfc3339(now)}, ":pending": {"S": "pending"}},
        )

    def delivered(self, delivery: Delivery, attempt: Attempt) -> None:
        """The endpoint took it."""
        self._update(
            delivery.endpoint_id,
            delivery.id,
            "SET #status = :status, delivered_at = :at, #log = :log REMOVE lease_until, next_at, gsi_due_pk, gsi_due_sk",
            "attribute_exists(pk)",
            {":status": {"S": "delivered"}, ":at": {"S": attempt.at}, ":log": _logged(delivery, attempt)},
        )

    def failed(self, delivery: Delivery, attempt: Attempt) -> None:
        """No attempt is left."""
        self._update(
            delivery.endpoint_id,
            delivery.id,
            "SET #status = :status, #log = :log REMOVE lease_until, next_at, gsi_due_pk, gsi_due_sk",
            "#status = :pending",
            {":status": {"S": "failed"}, ":pending": {"S": "pending"}, ":log": _logged(delivery, attempt)},
        )

    def postpone(self, delivery: Delivery, at: datetime, due: datetime, attempt: Attempt | None) -> None:
        """Try again at a time; `due` is when the sweep looks after it. An attempt that was never made leaves no entry."""
        log = ", #log = :log" if attempt else ""
        values: dict[str, AttributeValueTypeDef] = {
            ":at": {"S": rfc3339(at)},
            ":pk": {"S": delivery.endpoint_id},
            ":due": {"S": f"{rfc3339(due)}#{delivery.id}"},
            ":pending": {"S": "pending"},
        }
        if attempt:
            values[":log"] = _logged(delivery, attempt)
        self._update(
            delivery.endpoint_id,
            delivery.id,
            f"SET next_at = :at, gsi_due_pk = :pk, gsi_due_sk = :due{log} REMOVE lease_until",
            "#status = :pending",
            values,
        )

    def again(self, endpoint_id: str, delivery_id: str, now: datetime, give_up_at: datetime) -> Delivery | None:
        """Begin anew, as if it had never been tried; None where there is no such delivery any more."""
        return self._update(
            endpoint_id,
            delivery_id,
            "SET #status = :pending, attempts = :none, next_at = :now, give_up_at = :until, gsi_due_pk = :pk, gsi_due_sk = :due"
            " REMOVE lease_until, delivered_at",
            "attribute_exists(pk)",
            {
                ":pending": {"S": "pending"},
                ":none": {"N": "0"},
                ":now": {"S": rfc3339(now)},
                ":until": {"S": rfc3339(give_up_at)},
                ":pk": {"S": endpoint_id},
                ":due": {"S": f"{rfc3339(now)}#{delivery_id}"},
            },
        )

    def _update(
        self, endpoint_id: str, delivery_id: str, update: str, condition: str, values: dict[str, AttributeValueTypeDef]
    ) -> Delivery | None:
        names = {f"#{name}": name for name in ("status", "log") if f"#{name}" in update + condition}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(endpoint_id, delivery_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ExpressionAttributeNames=names,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None
        return _from_item(answer["Attributes"])

    def due(self, endpoint_id: str, now: datetime, most: int) -> list[tuple[Delivery, str]]:
        """What should have been tried by now, with the mark under which it was found; the longest overdue first."""
        answer = self._client.query(
            TableName=self._table,
            IndexName="by_due",
            KeyConditionExpression="gsi_due_pk = :pk AND gsi_due_sk < :now",
            ExpressionAttributeValues={":pk": {"S": endpoint_id}, ":now": {"S": rfc3339(now)}},
            Limit=most,
        )
        return [(_from_item(item), item["gsi_due_sk"]["S"]) for item in answer["Items"]]

    def look_again(self, delivery: Delivery, mark: str, at: datetime) -> bool:
        """Let the sweep look after a delivery again later; False where somebody was faster."""
        done = self._update(
            delivery.endpoint_id,
            delivery.id,
            "SET gsi_due_sk = :due",
            "#status = :pending AND gsi_due_sk = :mark",
            {":due": {"S": f"{rfc3339(at)}#{delivery.id}"}, ":mark": {"S": mark}, ":pending": {"S": "pending"}},
        )
        return done is not None

    def page(self, endpoint_id: str, limit: int, after: str | None, status: Status | None) -> tuple[list[Delivery], str | None]:
        """Deliveries of an endpoint, newest first, and the id to go on after. With a status a page may be short."""
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": endpoint_id}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if after:
            request["ExclusiveStartKey"] = _key(endpoint_id, after)
        if status:
            request["FilterExpression"] = "#status = :status"
            request["ExpressionAttributeNames"] = {"#status": "status"}
            request["ExpressionAttributeValues"] = {":pk": {"S": endpoint_id}, ":status": {"S": status}}
        answer = self._client.query(**request)
        last = answer.get("LastEvaluatedKey")
        return [_from_item(item) for item in answer["Items"]], last["sk"]["S"] if last else None

    def between(self, endpoint_id: str, start: datetime, end: datetime, after: str | None) -> Iterator[Delivery]:
        """Deliveries of events from `start` to before `end`, oldest first, past `after` where it is given."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": {"S": endpoint_id},
                ":first": {"S": f"{after}~" if after else first_of(start)},
                ":last": {"S": first_of(end)},
            },
        )
        for page in pages:
            yield from (_from_item(item) for item in page["Items"])


def _key(endpoint_id: str, delivery_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": endpoint_id}, "sk": {"S": delivery_id}}


def _body_key(event_id: str, event_type: str) -> dict[str, AttributeValueTypeDef]:
    # An event may go out in two versions, under one id.
    return {"pk": {"S": event_id}, "sk": {"S": f"BODY#{event_type}"}}


def _logged(delivery: Delivery, attempt: Attempt) -> AttributeValueTypeDef:
    kept = [*delivery.log, attempt][-LOGGED:]
    entries = [{"at": a.at, "status_code": a.status_code, "ms": a.ms, "error": a.error} for a in kept]
    return {"S": json.dumps(entries, separators=(",", ":"))}


def _from_item(item: Mapping[str, AttributeValueTypeDef]) -> Delivery:
    def text(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    return Delivery(
        endpoint_id=item["pk"]["S"],
        id=item["sk"]["S"],
        event_id=item["event_id"]["S"],
        event_type=item["event_type"]["S"],
        subject=item["subject"]["S"],
        sequence=int(item["sequence"]["N"]),
        event_time=item["event_time"]["S"],
        created_at=item["created_at"]["S"],
        give_up_at=parse_rfc3339(item["give_up_at"]["S"]),
        status=cast("Status", item["status"]["S"]),
        attempts=int(item["attempts"]["N"]),
        next_at=text("next_at"),
        delivered_at=text("delivered_at"),
        log=tuple(Attempt(**entry) for entry in json.loads(text("log") or "[]")),
    )
