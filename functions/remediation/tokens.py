"""Task tokens: kept beside the idempotency claims, found by approval, and shown to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Waiting:
    """The execution that waits for an approval."""

    incident_id: str
    token: str


class Tokens:
    """Task tokens in DynamoDB; a saga that is started again replaces the one that its predecessor left."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def keep(self, approval_id: str, waiting: Waiting, expires_at_s: int) -> None:
        """Keep the token of the execution that waits now."""
        item = {
            "pk": {"S": f"token#{approval_id}"},
            "incident_id": {"S": waiting.incident_id},
            "token": {"S": waiting.token},
            "expires_at": {"N": str(expires_at_s)},
        }
        self._client.put_item(TableName=self._table, Item=item)

    def find(self, approval_id: str) -> Waiting | None:
        """The execution that waits for an approval, or None."""
        answer = self._client.get_item(TableName=self._table, Key={"pk": {"S": f"token#{approval_id}"}}, ConsistentRead=True)
        item = answer.get("Item")
        return Waiting(item["incident_id"]["S"], item["token"]["S"]) if item else None
