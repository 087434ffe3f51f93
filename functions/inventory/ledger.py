"""Counters and immutable movements in DynamoDB: a movement and its counter change in one transaction.

Keys (pk / sk): `SKU#sku` / `NODE#node` a counter; `MOV#sku#node` / time`#`id a movement. Stock that is spread has
further buckets under `SKU#sku#bucket` and `MOV#sku#node#bucket`, so that they lie in partitions of their own. A
movement's time and id are derived from what it is for, so doing it again is found out by its own condition.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from edge.event_store import busy_or
from inventory.buckets import own_bucket
from inventory.domain import Counter, Delta, MovementType, Policy, Stock
from inventory.table import Table, number, text
from kernel.clock import parse_rfc3339
from kernel.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    from inventory.table import Item

    Kept = str | int | Mapping[str, int] | None

CHUNK = 24
"""Changes in one transaction: up to four items each, and one for the reservation, within DynamoDB's hundred."""
TRIES = 10
_KEYS = 100
"""Keys that one BatchGetItem takes (DynamoDB quota)."""
_UNTIL = "until#"


@dataclass(frozen=True, slots=True)
class Change:
    """One movement: what it does to which bucket of a counter, and what that has to have for it."""

    sku: str
    node_id: str
    movement_id: str
    type: MovementType
    quantity: int
    delta: Delta
    reference: str
    order_id: str | None = None
    needs_available: int = 0
    at_version: int | None = None
    bucket: int = 0
    at: str | None = None
    """When it was, for a movement that may have been made before; else when it is applied."""
    expires_at: str | None = None
    """When the reservation ends whose units these are."""
    forget: tuple[int, ...] = ()
    """Minutes that are over and hold nothing, which the counter need not remember."""
    buckets: tuple[int, int] | None = None
    """How many buckets the stock consists of before and after; of a home only."""
    keeps: Mapping[str, Kept] = field(default_factory=dict)
    """What else the home keeps from now on; None for what it forgets."""
    channel: str | None = None
    """The channel that it was sold in."""


class AlreadyDone(Exception):
    """All of these movements were made before."""


class PartlyDone(Exception):
    """Some of these movements were made before; they have to be made one by one."""


class OutOfStock(Exception):
    """Counters that do not have what a change needs, by (sku, node)."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{len(pairs)} counters are short")
        self.pairs = pairs


class ReservationMoved(Exception):
    """The reservation is no longer in the state that this work belongs to."""


def minute_of(expires_at: str) -> int:
    """The minute, since 1970, in which a reservation ends."""
    return int(parse_rfc3339(expires_at).timestamp()) // 60


class Ledger(Table):
    """Counters and movements."""

    def stocks(self, sku: str) -> list[Stock]:
        """The stock of a SKU at every node, consistent bucket by bucket."""
        homes = [_counter(item) for item in self._query(f"SKU#{sku}")]
        keys = [_key(sku, home.node_id, bucket) for home in homes for bucket in range(1, home.buckets)]
        found = {(part.node_id, part.bucket): part for part in self._batch(keys)} if keys else {}
        return [
            Stock((home, *(found.get((home.node_id, n), Counter(sku, home.node_id, bucket=n)) for n in range(1, home.buckets))))
            for home in homes
        ]

    def glance(self, sku: str, units: int, order_id: str) -> list[Stock]:
        """The stock of a SKU at every node, as far as an order for so many units needs to know it, consistent.

        Of spread stock it is the home and the order's own bucket, where that one has enough; else all buckets.
        """
        seen: list[Stock] = []
        for item in self._query(f"SKU#{sku}"):
            home = _counter(item)
            own = own_bucket(order_id, home.buckets)
            if own == 0:
                part = home
            else:
                found = self._get(*_names(sku, home.node_id, own))
                part = _counter(found) if found else Counter(sku, home.node_id, bucket=own)
            if home.buckets > 1 and part.available < units + home.kept_back_most():
                return self.stocks(sku)
            seen.append(Stock((home,) if own == 0 else (home, part)))
        return seen

    def stock(self, sku: str, node_id: str) -> Stock:
        """The stock of a SKU at a node, all its buckets as of one instant; of zeros where there never was any. Raises Busy."""
        item = self._get(*_names(sku, node_id, 0))
        home = _counter(item) if item else Counter(sku, node_id)
        while home.buckets > 1:
            parts = self._at_once(sku, node_id, home.buckets)
            if parts[0].buckets == home.buckets:
                return Stock(parts)
            home = parts[0]
        return Stock((home,))

    def available(self, skus: Iterable[str], now: datetime, channel: str | None = None) -> dict[tuple[str, str], int]:
        """What a channel can be promised of each SKU at each node; what is held past its time is free, swept or not."""
        return {
            (stock.sku, stock.node_id): stock.available_to(channel) + stock.past_time(now)
            for sku in dict.fromkeys(skus)
            for stock in self.stocks(sku)
        }

    def movements(self, sku: str, node_id: str) -> list[Item]:
        """Every movement of a counter, bucket by bucket, for audits."""
        widest = self.stock(sku, node_id).home.widest
        return [item for bucket in range(widest) for item in self._query(_movements(sku, node_id, bucket))]

    def moved_since(self, stock: Stock, at: str) -> int:
        """Units that came and went after an instant, by the movements' own times.

        What a count found is not among them: nothing came or went by it.
        """
        after = {"S": f"{at}#~"}
        moved = 0
        for bucket in range(stock.home.widest):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk > :after",
                ExpressionAttributeValues={":pk": {"S": _movements(stock.sku, stock.node_id, bucket)}, ":after": after},
                ConsistentRead=True,
            )
            items = (item for page in pages for item in page["Items"])
            moved += sum(number(item["delta"]["M"], "on_hand") for item in items if text(item, "type") != "counted")
        return moved

    def history(self, stock: Stock, limit: int, before: tuple[str, int] | None) -> list[Item]:
        """The latest movements of all buckets before a place in them, newest first."""
        found: list[Item] = []
        for bucket in range(stock.home.widest):
            values: dict[str, AttributeValueTypeDef] = {":pk": {"S": _movements(stock.sku, stock.node_id, bucket)}}
            condition = "pk = :pk"
            if before is not None:
                condition += " AND sk <= :before" if bucket < before[1] else " AND sk < :before"
                values[":before"] = {"S": before[0]}
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=limit,
            )
            found += answer["Items"]
        return sorted(found, key=lambda item: (item["sk"]["S"], number(item, "bucket")), reverse=True)[:limit]

    def apply(
        self,
        changes: Sequence[Change],
        at: str,
        correlation_id: str,
        guard: TransactWriteItemTypeDef | None = None,
        checks: Sequence[TransactWriteItemTypeDef] = (),
    ) -> int:
        """Make these movements, all or none; at most CHUNK, each of another counter. Answers how many others it met.

        Raises AlreadyDone, PartlyDone, OutOfStock (a check that is not met included), ReservationMoved (the guard), Busy.
        """
        items = [part for change in changes for part in self._items(change, at, correlation_id)]
        items += [*([guard] if guard is not None else []), *checks]
        for attempt in range(TRIES):
            try:
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as error:
                codes = [reason.get("Code", "None") for reason in error.response["CancellationReasons"]]
                _explain(codes, changes, guarded=guard is not None)
            except ClientError as error:
                failure = busy_or(error)
                if not isinstance(failure, Busy):
                    raise
            else:
                return attempt
            _wait(attempt)
        raise Busy("store_busy", "The stock is contended; try again in a moment.")

    def was_made(self, change: Change) -> bool:
        """Whether this movement, which has its time, was made."""
        assert change.at is not None  # a caller's mistake: it cannot be found again without
        return self._get(_movements(change.sku, change.node_id, change.bucket), f"{change.at}#{change.movement_id}") is not None

    def unmoved(self, counter: Counter) -> TransactWriteItemTypeDef:
        """The condition that a bucket is as it was read, for a transaction."""
        fresh = counter.version == 0
        check: dict[str, Any] = {
            "TableName": self._table,
            "Key": _key(counter.sku, counter.node_id, counter.bucket),
            "ConditionExpression": "attribute_not_exists(#v)" if fresh else "#v = :at",
            "ExpressionAttributeNames": {"#v": "version"},
        }
        if not fresh:
            check["ExpressionAttributeValues"] = {":at": {"N": str(counter.version)}}
        return {"ConditionCheck": check}  # type: ignore[typeddict-item]  # built by parts, checked by the tests

    def _batch(self, keys: Sequence[dict[str, AttributeValueTypeDef]]) -> Iterator[Counter]:
        left = list(keys)
        for attempt in range(TRIES):
            asked, left = left[:_KEYS], left[_KEYS:]
            try:
                answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": asked, "ConsistentRead": True}})
            except ClientError as error:
                raise busy_or(error) from error
            yield from (_counter(item) for item in answer["Responses"].get(self._table, []))
            unprocessed = answer.get("UnprocessedKeys") or {}
            refused = list(unprocessed[self._table]["Keys"]) if self._table in unprocessed else []
            left += refused
            if not left:
                return
            if refused:
                _wait(attempt)
        raise Busy("store_busy", "The store is busy; try again in a moment.")

    def _at_once(self, sku: str, node_id: str, buckets: int) -> tuple[Counter, ...]:
        """The buckets as of one instant."""
        keys = [_key(sku, node_id, bucket) for bucket in range(buckets)]
        for attempt in range(TRIES):
            try:
                answer = self._client.transact_get_items(
                    TransactItems=[{"Get": {"TableName": self._table, "Key": key}} for key in keys]
                )
            except ClientError as error:
                failure = busy_or(error)
                if error.response["Error"]["Code"] != "TransactionCanceledException" and not isinstance(failure, Busy):
                    raise
            else:
                items = [found.get("Item") for found in answer["Responses"]]
                return tuple(_counter(item) if item else Counter(sku, node_id, bucket=n) for n, item in enumerate(items))
            _wait(attempt)
        raise Busy("store_busy", "The stock is contended; try again in a moment.")

    def _items(self, change: Change, at: str, correlation_id: str) -> Iterator[TransactWriteItemTypeDef]:
        moved: dict[str, AttributeValueTypeDef] = {
            "type": {"S": change.type},
            "quantity": {"N": str(change.quantity)},
            "reference": {"S": change.reference},
            "at": {"S": change.at or at},
            "correlation": {"S": correlation_id},
        }
        if change.order_id is not None:
            moved["order_id"] = {"S": change.order_id}
        if change.channel is not None:
            moved["channel"] = {"S": change.channel}
        yield {"Update": self._moving(change, moved)}  # type: ignore[typeddict-item]  # built by parts, checked by the tests
        pk = _movements(change.sku, change.node_id, change.bucket)
        delta = {name: {"N": str(value)} for name in _COUNTS if (value := getattr(change.delta, name))}
        yield {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "pk": {"S": pk},
                    "sk": {"S": f"{change.at or at}#{change.movement_id}"},
                    **moved,
                    "bucket": {"N": str(change.bucket)},
                    "delta": {"M": delta},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _moving(self, change: Change, moved: dict[str, AttributeValueTypeDef]) -> dict[str, Any]:
        adds, sets = ["on_hand :h", "allocated :a", "reserved :r", "safety :s", "available :f", "#v :one"], ["#last = :last"]
        names = {"#last": "last", "#v": "version"}
        values: dict[str, AttributeValueTypeDef] = {
            ":h": {"N": str(change.delta.on_hand)},
            ":a": {"N": str(change.delta.allocated)},
            ":r": {"N": str(change.delta.reserved)},
            ":s": {"N": str(change.delta.safety)},
            ":f": {"N": str(change.delta.available)},
            ":one": {"N": "1"},
            ":last": {"M": moved},
        }
        conditions: list[str] = []
        if change.needs_available > 0:
            conditions.append("available >= :need")
            values[":need"] = {"N": str(change.needs_available)}
        if change.at_version is not None:
            conditions.append("attribute_not_exists(#v)" if change.at_version == 0 else "#v = :at")
            values |= {":at": {"N": str(change.at_version)}} if change.at_version else {}
        if change.expires_at is not None and change.delta.reserved:
            adds.append("#until :r")
            names["#until"] = f"{_UNTIL}{minute_of(change.expires_at)}"
        if change.buckets is not None:
            before, after = change.buckets
            conditions.append("attribute_not_exists(buckets)" if before == 1 else "buckets = :before")
            values |= {":before": {"N": str(before)}} if before > 1 else {}
            values |= {":buckets": {"N": str(after)}} if after > 1 else {}
            sets += ["buckets = :buckets", "widest = :buckets"] if after > 1 else []
        gone = [f"#gone{place}" for place in range(len(change.forget))]
        gone += ["buckets"] if change.buckets and change.buckets[1] == 1 else []
        for place, (name, kept) in enumerate(change.keeps.items()):
            names[f"#keep{place}"] = name
            if kept is None:
                gone.append(f"#keep{place}")
            else:
                sets.append(f"#keep{place} = :keep{place}")
                values[f":keep{place}"] = _kept(kept)
        names |= {f"#gone{place}": f"{_UNTIL}{minute}" for place, minute in enumerate(change.forget)}
        expression = f"SET {', '.join(sets)} ADD {', '.join(adds)}" + (f" REMOVE {', '.join(gone)}" if gone else "")
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": _key(change.sku, change.node_id, change.bucket),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        if conditions:
            update["ConditionExpression"] = " AND ".join(conditions)
        return update


_COUNTS = ("on_hand", "allocated", "reserved", "safety")


def _explain(codes: Sequence[str], changes: Sequence[Change], *, guarded: bool) -> None:
    """Raise what a cancelled transaction means; return where it only met another one."""
    made = [codes[2 * place + 1] == "ConditionalCheckFailed" for place in range(len(changes))]
    if made and all(made):
        raise AlreadyDone
    if guarded and codes[2 * len(changes)] == "ConditionalCheckFailed":
        raise ReservationMoved
    if any(made):
        raise PartlyDone
    short = [(c.sku, c.node_id) for place, c in enumerate(changes) if codes[2 * place] == "ConditionalCheckFailed"]
    if short or "ConditionalCheckFailed" in codes:
        raise OutOfStock(short)


def _kept(kept: str | int | Mapping[str, int]) -> AttributeValueTypeDef:
    if isinstance(kept, str):
        return {"S": kept}
    if isinstance(kept, int):
        return {"N": str(kept)}
    return {"M": {name: {"N": str(units)} for name, units in kept.items()}}


def _wait(attempt: int) -> None:
    time.sleep(random.uniform(0, min(0.5, 0.01 * 2**attempt)))  # noqa: S311  # jitter


def _names(sku: str, node_id: str, bucket: int) -> tuple[str, str]:
    return (f"SKU#{sku}#{bucket}" if bucket else f"SKU#{sku}"), f"NODE#{node_id}"


def _key(sku: str, node_id: str, bucket: int) -> dict[str, AttributeValueTypeDef]:
    pk, sk = _names(sku, node_id, bucket)
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _movements(sku: str, node_id: str, bucket: int) -> str:
    return f"MOV#{sku}#{node_id}#{bucket}" if bucket else f"MOV#{sku}#{node_id}"


def _counter(item: Item) -> Counter:
    _, sku, *bucket = item["pk"]["S"].split("#")
    return Counter(
        sku,
        item["sk"]["S"].removeprefix("NODE#"),
        on_hand=number(item, "on_hand"),
        allocated=number(item, "allocated"),
        reserved=number(item, "reserved"),
        safety=number(item, "safety"),
        available=number(item, "available"),
        version=number(item, "version"),
        bucket=int(bucket[0]) if bucket else 0,
        moved_at=item["last"]["M"]["at"]["S"] if "last" in item else "",
        held_until={int(name.removeprefix(_UNTIL)): int(value["N"]) for name, value in item.items() if name.startswith(_UNTIL)},
        buckets=number(item, "buckets") or 1,
        widest=number(item, "widest") or 1,
        policy=Policy(
            safety=number(item, "safety"),
            low_threshold=number(item, "low_threshold") if "low_threshold" in item else None,
            reorder_up_to=number(item, "reorder_up_to") if "reorder_up_to" in item else None,
            buffers={channel: int(units["N"]) for channel, units in item["buffers"]["M"].items()} if "buffers" in item else {},
        ),
        counted_at=text(item, "counted_at"),
        level=text(item, "level") or "ok",  # type: ignore[arg-type]  # one of its three words
    )
