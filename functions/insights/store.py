"""The walked state graph in DynamoDB: one item an edge and window, in which every bin of its distributions is a number.

Keys: `FLOW#<resolution>#<window>#<shard>` and the edge. A busy edge is written by many at once, so its item exists once a
shard, and reading adds the shards up. `SEEN#<order>` says up to which event an order is counted: it moves on in the same
transaction as the counts, so an event that comes twice, or late, counts once.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from insights.durations import bin_of
from insights.flow import Edge
from kernel.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    from insights.flow import Step

Resolution = Literal["hour", "day"]
SHARDS = 4
_TEXT: dict[Resolution, int] = {"hour": len("2026-11-23T10"), "day": len("2026-11-23")}
_KEPT: dict[Resolution, timedelta] = {"hour": timedelta(days=3), "day": timedelta(days=400)}
SEEN_FOR = timedelta(days=400)
"""An order that moves on after so long is counted from its beginning again."""
TRANSACTION = 100
"""Items that one transaction takes (DynamoDB quota)."""


class CountedElsewhere(Exception):
    """Somebody else counted one of these orders in this moment: look again at what is left to count."""


@dataclass(slots=True)
class Walked:
    """How an edge was walked: how often, and the bins of its dwell and lag."""

    count: int = 0
    dwell: Counter[int] = field(default_factory=Counter)
    lag: Counter[int] = field(default_factory=Counter)

    def add(self, other: Walked) -> None:
        """Add another part of the same."""
        self.count += other.count
        self.dwell.update(other.dwell)
        self.lag.update(other.lag)


@dataclass(frozen=True, slots=True)
class Found:
    """What an order has to be counted for: up to where it is counted, up to where it will be, and its steps between."""

    order_id: str
    counted: int
    upto: int
    steps: Sequence[tuple[Step, int]]
    """Each step with its lag in milliseconds."""


def windows(resolution: Resolution, since: datetime, until: datetime) -> list[str]:
    """The windows that a time touches, oldest first; `until` is exclusive."""
    step = timedelta(hours=1) if resolution == "hour" else timedelta(days=1)
    at = since.replace(minute=0, second=0, microsecond=0)
    if resolution == "day":
        at = at.replace(hour=0)
    found = []
    while at < until:
        found.append(window_of(resolution, at))
        at += step
    return found


def window_of(resolution: Resolution, at: datetime) -> str:
    """The window that an instant falls into, by its beginning, such as `2026-11-23T10`."""
    return rfc3339(at)[: _TEXT[resolution]]


class FlowStore:
    """The table of insights."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def counted(self, order_ids: Sequence[str]) -> dict[str, int]:
        """Up to which event each order is counted; 0 for one that is not yet. At most a hundred orders."""
        keys: list[dict[str, AttributeValueTypeDef]] = [_seen(order_id) for order_id in order_ids]
        answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
        if answer.get("UnprocessedKeys"):
            raise CountedElsewhere
        found = {item["pk"]["S"].removeprefix("SEEN#"): int(item["upto"]["N"]) for item in answer["Responses"][self._table]}
        return {order_id: found.get(order_id, 0) for order_id in order_ids}

    def count(self, orders: Sequence[Found], now: datetime) -> None:
        """Count the steps of these orders, all or none. Raises CountedElsewhere."""
        items = [*self._moved_on(orders, now), *self._walked(orders, now)]
        if len(items) > TRANSACTION and len(orders) > 1:
            half = len(orders) // 2
            self.count(orders[:half], now)
            self.count(orders[half:], now)
            return
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            if error.response["Error"]["Code"] == "TransactionCanceledException":
                raise CountedElsewhere from error
            raise

    def walked(self, resolution: Resolution, window: str) -> dict[Edge, Walked]:
        """How every edge was walked in a window."""
        total: dict[Edge, Walked] = {}
        for shard in range(SHARDS):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": _partition(resolution, window, shard)}},
            )
            for page in pages:
                for item in page["Items"]:
                    total.setdefault(_edge(item["sk"]["S"]), Walked()).add(_part(item))
        return total

    def _moved_on(self, orders: Iterable[Found], now: datetime) -> Iterable[TransactWriteItemTypeDef]:
        for order in orders:
            yield {
                "Update": {
                    "TableName": self._table,
                    "Key": _seen(order.order_id),
                    "UpdateExpression": "SET upto = :upto, expires_at = :gone",
                    "ConditionExpression": "attribute_not_exists(upto)" if order.counted == 0 else "upto = :counted",
                    "ExpressionAttributeValues": {
                        ":upto": {"N": str(order.upto)},
                        ":gone": {"N": str(int((now + SEEN_FOR).timestamp()))},
                        **({":counted": {"N": str(order.counted)}} if order.counted else {}),
                    },
                }
            }

    def _walked(self, orders: Iterable[Found], now: datetime) -> Iterable[TransactWriteItemTypeDef]:
        parts: dict[tuple[Resolution, str, Edge], Walked] = {}
        for order in orders:
            for step, lag_ms in order.steps:
                one = Walked(1, Counter() if step.dwell_ms is None else Counter([bin_of(step.dwell_ms)]), Counter([bin_of(lag_ms)]))
                for resolution in _TEXT:
                    parts.setdefault((resolution, window_of(resolution, step.at), step.edge), Walked()).add(one)
        shard = random.randrange(SHARDS)  # noqa: S311  # to spread writes
        for (resolution, window, edge), walked in parts.items():
            yield self._addition(_partition(resolution, window, shard), edge, walked, now + _KEPT[resolution])

    def _addition(self, partition: str, edge: Edge, walked: Walked, gone: datetime) -> TransactWriteItemTypeDef:
        bins = {f"d{key}": n for key, n in walked.dwell.items()} | {f"l{key}": n for key, n in walked.lag.items()}
        numbers = {"n": walked.count, **bins}
        names = {f"#{place}": name for place, name in enumerate(numbers)}
        values: dict[str, AttributeValueTypeDef] = {f":{place}": {"N": str(n)} for place, n in enumerate(numbers.values())}
        added = ", ".join(f"#{place} :{place}" for place in range(len(numbers)))
        return {
            "Update": {
                "TableName": self._table,
                "Key": {"pk": {"S": partition}, "sk": {"S": _text(edge)}},
                "UpdateExpression": f"SET expires_at = :gone ADD {added}",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": {**values, ":gone": {"N": str(int(gone.timestamp()))}},
            }
        }


def _partition(resolution: Resolution, window: str, shard: int) -> str:
    return f"FLOW#{resolution}#{window}#{shard}"


def _seen(order_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"SEEN#{order_id}"}, "sk": {"S": "FLOW"}}


def _text(edge: Edge) -> str:
    return f"{edge.channel}|{edge.node}|{edge.before}|{edge.after}"


def _edge(text: str) -> Edge:
    return Edge(*text.split("|"))


def _part(item: Mapping[str, AttributeValueTypeDef]) -> Walked:
    def bins(mark: str) -> Counter[int]:
        keys = (name for name in item if name[0] == mark and name[1:].lstrip("-").isdigit())
        return Counter({int(name[1:]): int(item[name]["N"]) for name in keys})

    return Walked(int(item["n"]["N"]), bins("d"), bins("l"))
