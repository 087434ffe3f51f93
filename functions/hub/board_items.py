"""The board's items by the ids of their orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kernel.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        KeysAndAttributesOutputTypeDef,
        KeysAndAttributesTypeDef,
    )

Item: TypeAlias = "Mapping[str, AttributeValueTypeDef]"
BATCH = 100
"""Items that DynamoDB reads at once."""
TRIES = 5


class BoardItems:
    """Reads items of the board; an order that is not on it has none."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def one(self, order_id: str) -> Item | None:
        """An order's item."""
        item = self._client.get_item(TableName=self._table, Key=_key(order_id)).get("Item")
        return item if item and "order" in item else None

    def many(self, order_ids: Iterable[str]) -> dict[str, Item]:
        """The items of these orders, by id. Raises Busy where the table does not give them all."""
        wanted, found = list(dict.fromkeys(order_ids)), dict[str, Item]()
        for start in range(0, len(wanted), BATCH):
            found |= self._batch(wanted[start : start + BATCH])
        # An item that only a payment has written so far is no order yet.
        return {order_id: item for order_id, item in found.items() if "order" in item}

    def _batch(self, order_ids: list[str]) -> dict[str, Item]:
        found: dict[str, Item] = {}
        wanted: Mapping[str, KeysAndAttributesTypeDef | KeysAndAttributesOutputTypeDef]
        wanted = {self._table: {"Keys": [_key(order_id) for order_id in order_ids]}}
        for _ in range(TRIES):
            answer = self._client.batch_get_item(RequestItems=wanted)
            found |= {item["pk"]["S"]: item for item in answer["Responses"].get(self._table, [])}
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return found
        raise Busy("store_busy", "The store is busy; try again in a moment.")


def _key(order_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": order_id}, "sk": {"S": "BOARD"}}
