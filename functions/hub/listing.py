"""Lists of orders from the board: newest first, filtered, in pages whose cost does not grow with the table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, QueryInputTypeDef

    from edge.cursors import Cursors

ROUNDS = 20
"""Pages that one call may read from the table when a filter leaves out most of what it finds."""


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """What to list: all given filters have to match; times are of placing, from inclusive, to exclusive."""

    status: str | None = None
    channel: str | None = None
    customer_id: str | None = None
    external_id: str | None = None
    placed_from: str | None = None
    placed_to: str | None = None

    def bound(self) -> dict[str, str | None]:
        """What a cursor of this query is bound to."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class _Index:
    name: str
    pk: str
    sk: str
    value: str
    covers: str | None


def _index(query: OrderQuery) -> _Index:
    """The index that leaves the least to filter."""
    if query.customer_id is not None:
        return _Index("by_customer", "gsi_customer_pk", "gsi_customer_sk", f"customer#{query.customer_id}", "customer_id")
    if query.status is not None:
        return _Index("by_status", "gsi_status_pk", "gsi_status_sk", f"order#{query.status}", "status")
    if query.channel is not None:
        return _Index("by_channel", "gsi_channel_pk", "gsi_channel_sk", f"channel#{query.channel}", "channel")
    return _Index("by_placed", "gsi_placed_pk", "gsi_placed_sk", "orders", None)


class OrderList:
    """Reads the board."""

    def __init__(self, client: DynamoDBClient, table: str, cursors: Cursors) -> None:
        self._client = client
        self._table = table
        self._cursors = cursors

    def page(self, query: OrderQuery, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """One page, newest first, and the cursor to the next. Raises Malformed for a cursor of another query."""
        start = self._cursors.open(cursor, query.bound()) if cursor else None
        if query.external_id is not None and query.channel is not None:
            # The id is derived from these two, so this is one read.
            return self._one(derived_id("ord", query.channel, query.external_id), query), None
        found: list[dict[str, Any]] = []
        position: Mapping[str, Any] | None = {name: {"S": value} for name, value in start.items()} if start else None
        for _ in range(ROUNDS):
            answer = self._client.query(**self._request(query, limit - len(found), position))
            found += [_shown(item) for item in answer["Items"]]
            position = answer.get("LastEvaluatedKey")
            if position is None or len(found) >= limit:
                break
        if position is None:
            return found, None
        return found, self._cursors.seal({name: value["S"] for name, value in position.items()}, query.bound())

    def _request(self, query: OrderQuery, limit: int, position: Mapping[str, Any] | None) -> QueryInputTypeDef:
        index = _index(query)
        names = {"#pk": index.pk, "#sk": index.sk}
        values: dict[str, AttributeValueTypeDef] = {
            ":pk": {"S": index.value},
            # `#` sorts before every digit and letter, so a bound without an id is before all ids of its instant.
            ":from": {"S": query.placed_from or "0"},
            ":to": {"S": query.placed_to or "9"},
        }
        filters = []
        for name in ("status", "channel", "customer_id", "external_id"):
            value = getattr(query, name)
            if value is not None and name != index.covers:
                names[f"#{name}"], values[f":{name}"] = name, {"S": value}
                filters.append(f"#{name} = :{name}")
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "IndexName": index.name,
            "KeyConditionExpression": "#pk = :pk AND #sk BETWEEN :from AND :to",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
            "Limit": max(limit, 1),
        }
        if filters:
            request["FilterExpression"] = " AND ".join(filters)
        if position:
            request["ExclusiveStartKey"] = position
        return request

    def _one(self, order_id: str, query: OrderQuery) -> list[dict[str, Any]]:
        answer = self._client.get_item(TableName=self._table, Key={"pk": {"S": order_id}, "sk": {"S": "BOARD"}})
        item = answer.get("Item")
        if item is None or "order" not in item:
            return []
        matches = (
            query.status in (None, item["status"]["S"])
            and query.customer_id in (None, item["customer_id"]["S"])
            and (query.placed_from or "0") <= item["placed_at"]["S"] < (query.placed_to or "9")
        )
        return [_shown(item)] if matches else []


def _shown(item: Mapping[str, AttributeValueTypeDef]) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(item["order"]["S"])
    return {**order, "payment_status": item.get("payment_status", {"S": "none"})["S"]}
