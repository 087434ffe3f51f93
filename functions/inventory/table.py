"""What all stores of inventory share: one table, read consistently, and how its items are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from edge.event_store import busy_or

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = Mapping[str, AttributeValueTypeDef]


class Table:
    """The inventory table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def _get(self, pk: str, sk: str) -> Item | None:
        try:
            answer = self._client.get_item(TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True)
        except ClientError as error:
            raise busy_or(error) from error
        return answer.get("Item")

    def _query(self, pk: str) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )
        try:
            for page in pages:
                yield from page["Items"]
        except ClientError as error:
            raise busy_or(error) from error


def lost(error: ClientError) -> Literal[False]:
    """False for a condition that was not met. Raises Busy, or the error itself."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise busy_or(error) from error
    return False


def number(item: Item, name: str) -> int:
    """A number of an item; zero where it has none of that name."""
    value = item.get(name)
    return int(value["N"]) if value else 0


def text(item: Item, name: str) -> str:
    """A text of an item; empty where it has none of that name."""
    value = item.get(name)
    return value["S"] if value else ""
