"""Lists of orders from the board: newest first, filtered, in pages whose cost does not grow with the table.

An index of the board holds keys only, in shards; a page merges the newest keys of every shard and then reads the orders
themselves. A cursor is the key where the page ended. Keys never change their place in time, so a walk over all pages shows
no order twice, and misses none that was on the board at its start and still matches when the walk comes by.
"""

from __future__ import annotations

import heapq
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from hub import indexes
from hub.board_items import BATCH, BoardItems
from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from edge.cursors import Cursors
    from hub.board_items import Item
    from hub.indexes import Lead

LOOKED_AT = 200
"""Orders that one page looks at, at most, or its limit where that is more: a page that finds fewer among them is short."""


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """What to list: all given filters have to match; times are of placing, from inclusive, to exclusive."""

    status: str | None = None
    channel: str | None = None
    customer_id: str | None = None
    external_id: str | None = None
    placed_from: str | None = None
    placed_to: str | None = None
    payment_status: str | None = None

    def bound(self) -> dict[str, str | None]:
        """What a cursor of this query is bound to."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def filters(self) -> dict[str, str]:
        """What an order's item has to say, by attribute."""
        names = ("status", "channel", "customer_id", "external_id", "payment_status")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True)
class _Keys:
    """Some keys of a partition, newest first, and where its next ones begin."""

    found: Sequence[str]
    rest: Mapping[str, Any] | None


class OrderList:
    """Reads the board."""

    def __init__(self, client: DynamoDBClient, table: str, cursors: Cursors) -> None:
        self._client = client
        self._table = table
        self._cursors = cursors
        self._items = BoardItems(client, table)

    def page(self, query: OrderQuery, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """One page, newest first, and the cursor to the next. Raises Malformed for a cursor of another query, Busy.

        A page may be short, even empty, and still have a cursor: it looked at as many orders as a page may.
        """
        after = self._cursors.open(cursor, query.bound())["after"] if cursor else None
        if query.external_id is not None and query.channel is not None:
            # The id is derived from these two, so this is one read.
            return self._one(derived_id("ord", query.channel, query.external_id), query), None
        lead = indexes.lead(query.external_id, query.customer_id, query.channel, query.status)
        exact = set(query.filters) <= lead.covers
        most = limit if exact else max(limit, LOOKED_AT)
        keys = self._newest(lead, query.placed_from or "0", after or query.placed_to or "9", after, most)
        found: list[dict[str, Any]] = []
        looked, last = 0, ""
        while len(found) < limit and looked < most:
            ahead = list(islice(keys, min(BATCH, most - looked)))
            if not ahead:
                return found, None
            items = self._items.many(key.rpartition("#")[2] for key in ahead)
            for last in ahead:
                looked += 1
                item = items.get(last.rpartition("#")[2])
                # The index follows the item within moments; the item itself is what counts.
                if item is not None and _matches(item, query):
                    found.append(_shown(item))
                    if len(found) == limit:
                        break
        more = last != ahead[-1] or next(keys, None) is not None
        return found, self._cursors.seal({"after": last}, query.bound()) if more else None

    def _newest(self, lead: Lead, first: str, last: str, after: str | None, most: int) -> Iterator[str]:
        """The keys of all partitions between two of them, newest first, and without the one that the cursor ended at."""
        shards = len(lead.partitions)
        # Half as much again as an even share, so that few partitions have to be asked twice; one more to look ahead.
        size = most + 2 if shards == 1 else -(-most * 3 // (2 * shards)) + 2

        def ask(partition: str, rest: Mapping[str, Any] | None = None) -> _Keys:
            return self._keys(lead.index, partition, first, last, size, rest)

        def all_of(partition: str, keys: _Keys) -> Iterator[str]:
            while True:
                yield from (key for key in keys.found if key != after)
                if keys.rest is None:
                    return
                keys = ask(partition, keys.rest)

        with ThreadPoolExecutor(shards) as pool:
            begun = list(pool.map(ask, lead.partitions))
        return heapq.merge(*map(all_of, lead.partitions, begun), reverse=True)

    def _keys(self, index: str, partition: str, first: str, last: str, size: int, rest: Mapping[str, Any] | None) -> _Keys:
        name = index.removeprefix("by_")
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": "#pk = :pk AND #sk BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#pk": f"gsi_{name}_pk", "#sk": f"gsi_{name}_sk"},
            # `#` sorts before every digit and letter, so a bound without an id is before all ids of its instant.
            "ExpressionAttributeValues": {":pk": {"S": partition}, ":first": {"S": first}, ":last": {"S": last}},
            "ScanIndexForward": False,
            "Limit": size,
        }
        if rest:
            request["ExclusiveStartKey"] = rest
        answer = self._client.query(**request)
        return _Keys([item[f"gsi_{name}_sk"]["S"] for item in answer["Items"]], answer.get("LastEvaluatedKey"))

    def _one(self, order_id: str, query: OrderQuery) -> list[dict[str, Any]]:
        item = self._items.one(order_id)
        if item is None or not _matches(item, query):
            return []
        placed_at = item["placed_at"]["S"]
        return [_shown(item)] if (query.placed_from or "0") <= placed_at < (query.placed_to or "9") else []


def _matches(item: Item, query: OrderQuery) -> bool:
    return all(_text(item, name) == value for name, value in query.filters.items())


def _text(item: Item, name: str) -> str:
    return item[name]["S"] if name in item else "none"


def _shown(item: Item) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(item["order"]["S"])
    return {**order, "payment_status": _text(item, "payment_status")}
