"""Marks of what the fast lane already told, so that the relay does not tell it again.

A mark is a hint, never a guarantee: it is written after the bus took the events, and a missing mark only means
that the relay tells them once more, under the same event ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb import DynamoDBClient

LIFETIME_S = 2 * 24 * 3600
"""Marks outlive the stream's own retention of 24 hours, and go."""
_KEYS_A_CALL = 100


class Told:
    """The table of marks, one a commit."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def mark(self, aggregate_id: str, first: int, now_s: int) -> None:
        """Note that the commit's events are on the bus."""
        self._client.put_item(
            TableName=self._table,
            Item={"pk": {"S": _key(aggregate_id, first)}, "expires_at": {"N": str(now_s + LIFETIME_S)}},
        )

    def marked(self, commits: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
        """Those of these commits (aggregate id, first sequence) that are marked."""
        wanted = {_key(*commit): commit for commit in commits}
        found: set[tuple[str, int]] = set()
        keys = list(wanted)
        for start in range(0, len(keys), _KEYS_A_CALL):
            pending = [{"pk": {"S": key}} for key in keys[start : start + _KEYS_A_CALL]]
            answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": pending, "ConsistentRead": True}})
            # What DynamoDB left unprocessed counts as not marked: the relay tells it once more, which is harmless.
            found |= {wanted[item["pk"]["S"]] for item in answer["Responses"].get(self._table, [])}
        return found


def _key(aggregate_id: str, first: int) -> str:
    return f"{aggregate_id}#{first}"
