"""The registry: every endpoint in one partition, as dispatcher and sender read it, with its secrets and its health.

What an endpoint asks for is a copy of its aggregate, held by version. Secrets and health live only here: the secrets
because no event may carry them, the health because it changes with every failure.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kernel.clock import parse_rfc3339, rfc3339
from webhooks.circuit import Health, rest
from webhooks.domain import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

PARTITION = "ENDPOINTS"
FRESH_S = 2.0
"""For how long a process goes by what it read last: a new endpoint is told of everything after at most that long."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret as ciphertext."""

    generation: int
    sealed: str


@dataclass(frozen=True, slots=True)
class Registered:
    """An endpoint with what is needed to send to it."""

    endpoint: Endpoint
    version: int
    secret: Secret
    previous: Secret | None
    health: Health

    def signing(self, now: datetime) -> list[Secret]:
        """The secrets that sign now: the current one, and during an overlap the one before it."""
        until = self.endpoint.overlap_until
        return [self.secret, self.previous] if self.previous and until and now < until else [self.secret]


class Registry:
    """The endpoints in DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._table = table
        self._monotonic = monotonic
        self._known: dict[str, Registered] = {}
        self._read_at = float("-inf")

    def enabled(self) -> list[Registered]:
        """The endpoints that are sent to, as of at most two seconds ago."""
        self._refresh()
        return [found for found in self._known.values() if found.endpoint.status == "enabled"]

    def known(self, endpoint_id: str) -> Registered | None:
        """One endpoint, as of at most two seconds ago."""
        self._refresh()
        return self._known.get(endpoint_id)

    def _refresh(self) -> None:
        if self._monotonic() - self._read_at < FRESH_S:
            return
        self._read_at = self._monotonic()
        self._known = {found.endpoint.id: found for found in self.all()}

    def all(self) -> list[Registered]:
        """Every endpoint as it is now."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": PARTITION}}
        )
        return [_from_item(item) for page in pages for item in page["Items"]]

    def find(self, endpoint_id: str) -> Registered | None:
        """One endpoint as it is now."""
        item = self._client.get_item(TableName=self._table, Key=_key(endpoint_id), ConsistentRead=True).get("Item")
        return _from_item(item) if item else None

    def register(self, endpoint: Endpoint, version: int, secret: Secret) -> None:
        """Enter an endpoint, unless it is there already."""
        item: dict[str, AttributeValueTypeDef] = {
            **_key(endpoint.id),
            "version": {"N": str(version)},
            "endpoint": {"S": _dumped(endpoint)},
            "secret": {"S": secret.sealed},
            "generation": {"N": str(secret.generation)},
        }
        self._conditionally(
            lambda: self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        )

    def show(self, endpoint: Endpoint, version: int) -> None:
        """Bring the copy up to date, unless it is newer; what asks for something else is taken for healthy again."""
        if endpoint.status == "removed":
            self._client.delete_item(TableName=self._table, Key=_key(endpoint.id))
            return
        self._conditionally(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=_key(endpoint.id),
                UpdateExpression="SET endpoint = :endpoint, version = :version, failures = :none REMOVE failing_since, open_until",
                ConditionExpression="attribute_exists(pk) AND version < :version",
                ExpressionAttributeValues={
                    ":endpoint": {"S": _dumped(endpoint)},
                    ":version": {"N": str(version)},
                    ":none": {"N": "0"},
                },
            )
        )

    def renew(self, endpoint_id: str, secret: Secret) -> None:
        """Put a new secret in the place of the one before it, which is kept beside it; a generation is put once."""
        self._conditionally(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=_key(endpoint_id),
                UpdateExpression="SET previous = secret, secret = :sealed, generation = :generation",
                ConditionExpression="generation < :generation",
                ExpressionAttributeValues={":sealed": {"S": secret.sealed}, ":generation": {"N": str(secret.generation)}},
            )
        )

    def failed(self, endpoint_id: str, now: datetime, *, slow: bool) -> Health:
        """Count a failure, and open the circuit after too many in a row; answers the health that is left."""
        answer = self._client.update_item(
            TableName=self._table,
            Key=_key(endpoint_id),
            UpdateExpression="SET failing_since = if_not_exists(failing_since, :now), slow = :slow ADD failures :one",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":now": {"S": rfc3339(now)}, ":one": {"N": "1"}, ":slow": {"BOOL": slow}},
            ReturnValues="ALL_NEW",
        )
        health = _health(answer["Attributes"])
        pause = rest(health.failures)
        if pause is not None:
            health = self._open(endpoint_id, health, now + pause)
        self._learn(endpoint_id, health)
        return health

    def _open(self, endpoint_id: str, health: Health, until: datetime) -> Health:
        self._client.update_item(
            TableName=self._table,
            Key=_key(endpoint_id),
            UpdateExpression="SET open_until = :until",
            ExpressionAttributeValues={":until": {"S": rfc3339(until)}},
        )
        return Health(health.failures, health.failing_since, until, health.slow)

    def succeeded(self, endpoint_id: str, health: Health, *, slow: bool) -> None:
        """Note a success; steady health costs no write."""
        if health.failures == 0 and health.slow == slow:
            return
        self._conditionally(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=_key(endpoint_id),
                UpdateExpression="SET failures = :none, slow = :slow REMOVE failing_since, open_until",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":none": {"N": "0"}, ":slow": {"BOOL": slow}},
            )
        )
        self._learn(endpoint_id, Health(slow=slow))

    def may_probe(self, endpoint_id: str, health: Health, now: datetime, lasts: timedelta) -> bool:
        """Take the right to try out an endpoint whose rest is over; one request gets it."""
        seen = rfc3339(health.open_until) if health.open_until else ""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(endpoint_id),
                UpdateExpression="SET open_until = :until",
                ConditionExpression="open_until = :seen",
                ExpressionAttributeValues={":until": {"S": rfc3339(now + lasts)}, ":seen": {"S": seen}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _learn(self, endpoint_id: str, health: Health) -> None:
        known = self._known.get(endpoint_id)
        if known is not None:
            self._known[endpoint_id] = Registered(known.endpoint, known.version, known.secret, known.previous, health)

    @staticmethod
    def _conditionally(write: Callable[[], object]) -> None:
        try:
            write()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def _key(endpoint_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": PARTITION}, "sk": {"S": endpoint_id}}


def _dumped(endpoint: Endpoint) -> str:
    return json.dumps(
        {
            "url": endpoint.url,
            "event_types": list(endpoint.event_types),
            "description": endpoint.description,
            "status": endpoint.status,
            "created_at": rfc3339(endpoint.created_at),
            "active_since": rfc3339(endpoint.active_since),
            "generation": endpoint.generation,
            "overlap_until": rfc3339(endpoint.overlap_until) if endpoint.overlap_until else None,
            "disabled_because": endpoint.disabled_because,
        },
        separators=(",", ":"),
    )


def _from_item(item: Mapping[str, AttributeValueTypeDef]) -> Registered:
    known = json.loads(item["endpoint"]["S"])
    endpoint = Endpoint(
        id=item["sk"]["S"],
        url=known["url"],
        event_types=tuple(known["event_types"]),
        description=known["description"],
        status=known["status"],
        created_at=parse_rfc3339(known["created_at"]),
        active_since=parse_rfc3339(known["active_since"]),
        generation=known["generation"],
        overlap_until=parse_rfc3339(known["overlap_until"]) if known["overlap_until"] else None,
        disabled_because=known["disabled_because"],
    )
    generation = int(item["generation"]["N"])
    previous = Secret(generation - 1, item["previous"]["S"]) if "previous" in item else None
    return Registered(endpoint, int(item["version"]["N"]), Secret(generation, item["secret"]["S"]), previous, _health(item))


def _health(item: Mapping[str, AttributeValueTypeDef]) -> Health:
    def instant(name: str) -> datetime | None:
        return parse_rfc3339(item[name]["S"]) if name in item else None

    return Health(
        failures=int(item["failures"]["N"]) if "failures" in item else 0,
        failing_since=instant("failing_since"),
        open_until=instant("open_until"),
        slow=item["slow"]["BOOL"] if "slow" in item else False,
    )
