"""Pages of view items under one key of an index, with a signed cursor to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, QueryInputTypeDef

    from edge.cursors import Cursors


class Pages:
    """Reads an index of the views table, whose keys are `gsi_x_pk` and `gsi_x_sk` for the index `by_x`."""

    def __init__(self, client: DynamoDBClient, table: str, cursors: Cursors) -> None:
        self._client = client
        self._table = table
        self._cursors = cursors

    def read(
        self, index: str, key: str, limit: int, cursor: str | None, *, newest_first: bool
    ) -> tuple[list[Mapping[str, AttributeValueTypeDef]], str | None]:
        """A page, and the cursor to the next. Raises Malformed for a cursor of another list."""
        bound: dict[str, str | None] = {"index": index, "key": key}
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": "#pk = :key",
            "ExpressionAttributeNames": {"#pk": f"gsi_{index.removeprefix('by_')}_pk"},
            "ExpressionAttributeValues": {":key": {"S": key}},
            "ScanIndexForward": not newest_first,
            "Limit": limit,
        }
        if cursor:
            request["ExclusiveStartKey"] = {name: {"S": value} for name, value in self._cursors.open(cursor, bound).items()}
        answer = self._client.query(**request)
        last = answer.get("LastEvaluatedKey")
        following = self._cursors.seal({name: value["S"] for name, value in last.items()}, bound) if last else None
        return list(answer["Items"]), following
