"""Claims on idempotency keys: who used a key first, for what, with which body."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from edge.event_store import busy_or

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LIFETIME_S = 7 * 24 * 3600
"""A key is remembered for a week."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A key's first use: the id of what it creates and the fingerprint of its body."""

    resource: str
    fingerprint: str


class Claims:
    """Claims in DynamoDB, each made by one conditional put."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, caller: str, operation: str, key: str, claim: Claim, now_s: int) -> Claim:
        """Claim a caller's key for an operation; answers the claim that holds: this one, or the one that came first.

        Raises Busy. A claim says nothing about whether the work was done: whoever finds their own claim does the work,
        which is conditional itself, so that a retry after a crash completes it.
        """
        name = hashlib.sha256("\x1f".join((caller, operation, key)).encode()).hexdigest()
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": f"key#{name}"},
                    "resource": {"S": claim.resource},
                    "fingerprint": {"S": claim.fingerprint},
                    "expires_at": {"N": str(now_s + LIFETIME_S)},
                },
                ConditionExpression="attribute_not_exists(pk) OR expires_at < :now",
                ExpressionAttributeValues={":now": {"N": str(now_s)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise busy_or(error) from error
            held = error.response["Item"]  # type: ignore[typeddict-item]  # there on a failed condition, as asked for
            return Claim(held["resource"]["S"], held["fingerprint"]["S"])
        return claim
