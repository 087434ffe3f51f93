"""A projection whose items are a function of one aggregate: each is kept unless a newer version of it is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


class VersionedItems:
    """Items of the views table, in partitions of their own, each with the `version` of its aggregate."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        name: str,
        *,
        reads: tuple[str, ...],
        partitions: frozenset[str],
        items: Callable[[str], Iterable[dict[str, AttributeValueTypeDef]]],
    ) -> None:
        self._client = client
        self._table = table
        self._partitions = partitions
        self._items = items
        self.name = name
        self.reads = reads

    def show(self, subject: str) -> None:
        """Keep the items of an aggregate as it is now. Raises ClientError."""
        for item in self._items(subject):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(pk) OR #v < :v",
                    ExpressionAttributeNames={"#v": "version"},
                    ExpressionAttributeValues={":v": item["version"]},
                )
            except ClientError as error:
                unless_newer(error)

    def owns(self, key: tuple[str, str]) -> bool:
        """Whether the item at this key of the views table is one of these."""
        return key[0] in self._partitions


def unless_newer(error: ClientError) -> None:
    """Raises the error unless it says that something newer is there already."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
