"""The vault: personal data as ciphertexts by field and purpose, in a table of its own.

Key: `pk` is the order, `sk` the fingerprint of the request that brought the data. An order's events name the entry
(`vault_entry`); an entry that no event names is the leftover of a request that lost, and is removed by it or erased
with the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


class Vault:
    """Ciphertexts in DynamoDB; sealing and opening is the field cipher's work."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, subject: str, entry: str, ciphertexts: Mapping[str, str]) -> None:
        """Keep an entry's ciphertexts, named `field:purpose`; the same entry again changes nothing that matters."""
        fields = {name: {"S": value} for name, value in ciphertexts.items()}
        self._client.put_item(TableName=self._table, Item={"pk": {"S": subject}, "sk": {"S": entry}, **fields})

    def get(self, subject: str, entry: str, name: str) -> str | None:
        """One ciphertext, or None where the person has been erased."""
        answer = self._client.get_item(
            TableName=self._table,
            Key={"pk": {"S": subject}, "sk": {"S": entry}},
            ProjectionExpression="#n",
            ExpressionAttributeNames={"#n": name},
        )
        found = answer.get("Item", {}).get(name)
        return found["S"] if found else None

    def remove(self, subject: str, entry: str) -> None:
        """Forget an entry."""
        self._client.delete_item(TableName=self._table, Key={"pk": {"S": subject}, "sk": {"S": entry}})
