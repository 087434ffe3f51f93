"""Stock in DynamoDB: counters, immutable movements, reservations and nodes in one table.

Keys (pk / sk): `NODE` / node id; `SKU#sku` / `NODE#node` a counter; `MOV#sku#node` / movement id; `ORD#order` /
`RESERVATION`; `BATCH#id` / `BATCH`. A movement and its counter change in one transaction; the movement's id is derived
from what it is for, so doing it again is found out by its own condition.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from edge.event_store import busy_or
from inventory.domain import Counter, Delta, MovementType, Node, Source
from kernel.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

CHUNK = 49
"""Changes in one transaction: two items each, and one for the reservation, within DynamoDB's hundred."""
TRIES = 10
State = Literal["pending", "held", "allocating", "allocated", "releasing", "released", "expiring", "expired", "failing", "failed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One movement: what it does to which counter, and what the counter has to have for it."""

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


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an order holds, and how far that is."""

    order_id: str
    attempt: int
    state: State
    sources: tuple[Source, ...]
    expires_at: str
    settled: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Units of the allocation that were shipped or written off, by (sku, node)."""


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


class InventoryStore:
    """The inventory table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    # --- nodes -------------------------------------------------------------------------------------------------

    def put_node(self, node: Node) -> Node:
        """Keep a node; answers it with its new version."""
        names = {"#n": "name", "#k": "kind", "#c": "capabilities", "#r": "cost_rank", "#la": "lat", "#lo": "lon", "#v": "version"}
        values: dict[str, AttributeValueTypeDef] = {
            ":n": {"S": node.name},
            ":k": {"S": node.kind},
            ":c": {"L": [{"S": capability} for capability in node.capabilities]},
            ":r": {"N": str(node.cost_rank)},
            ":la": {"N": str(node.lat)},
            ":lo": {"N": str(node.lon)},
            ":one": {"N": "1"},
        }
        answer = self._client.update_item(
            TableName=self._table,
            Key={"pk": {"S": "NODE"}, "sk": {"S": node.node_id}},
            UpdateExpression="SET #n = :n, #k = :k, #c = :c, #r = :r, #la = :la, #lo = :lo ADD #v :one",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        return _node(answer["Attributes"])

    def node(self, node_id: str) -> Node | None:
        """A node, or None."""
        item = self._get("NODE", node_id)
        return _node(item) if item else None

    def nodes(self) -> list[Node]:
        """All nodes."""
        return [_node(item) for item in self._query("NODE")]

    # --- counters ----------------------------------------------------------------------------------------------

    def counters(self, sku: str) -> list[Counter]:
        """The counters of a SKU at every node, consistent."""
        return [_counter(item) for item in self._query(f"SKU#{sku}")]

    def counter(self, sku: str, node_id: str) -> Counter:
        """One counter; of zeros where there never was stock."""
        item = self._get(f"SKU#{sku}", f"NODE#{node_id}")
        return _counter(item) if item else Counter(sku, node_id)

    def available(self, skus: Iterable[str]) -> dict[tuple[str, str], int]:
        """What can be sold of each SKU at each node."""
        return {(c.sku, c.node_id): c.available for sku in dict.fromkeys(skus) for c in self.counters(sku)}

    def movements(self, sku: str, node_id: str) -> list[dict[str, AttributeValueTypeDef]]:
        """Every movement of a counter, for audits."""
        return list(self._query(f"MOV#{sku}#{node_id}"))

    # --- changes -----------------------------------------------------------------------------------------------

    def apply(self, changes: Sequence[Change], at: str, correlation_id: str, guard: TransactWriteItemTypeDef | None = None) -> None:
        """Make these movements, all or none; at most CHUNK, each of another counter.

        Raises AlreadyDone, PartlyDone, OutOfStock, ReservationMoved (the guard), Busy.
        """
        items = [part for change in changes for part in self._items(change, at, correlation_id)]
        if guard is not None:
            items.append(guard)
        for attempt in range(TRIES):
            try:
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as error:
                codes = [reason.get("Code", "None") for reason in error.response["CancellationReasons"]]
                self._explain(codes, changes, guarded=guard is not None)
            except ClientError as error:
                failure = busy_or(error)
                if not isinstance(failure, Busy):
                    raise
            else:
                return
            time.sleep(random.uniform(0, min(0.5, 0.01 * 2**attempt)))  # noqa: S311  # jitter
        raise Busy("store_busy", "The stock is contended; try again in a moment.")

    def _explain(self, codes: Sequence[str], changes: Sequence[Change], *, guarded: bool) -> None:
        """Raise what a cancelled transaction means; return where it only met another one."""
        made = [codes[2 * place + 1] == "ConditionalCheckFailed" for place in range(len(changes))]
        if all(made):
            raise AlreadyDone
        if guarded and codes[-1] == "ConditionalCheckFailed":
            raise ReservationMoved
        if any(made):
            raise PartlyDone
        short = [(c.sku, c.node_id) for place, c in enumerate(changes) if codes[2 * place] == "ConditionalCheckFailed"]
        if short:
            raise OutOfStock(short)

    def _items(self, change: Change, at: str, correlation_id: str) -> Iterator[TransactWriteItemTypeDef]:
        moved: dict[str, AttributeValueTypeDef] = {
            "type": {"S": change.type},
            "quantity": {"N": str(change.quantity)},
            "reference": {"S": change.reference},
            "at": {"S": at},
            "correlation": {"S": correlation_id},
        }
        if change.order_id is not None:
            moved["order_id"] = {"S": change.order_id}
        values: dict[str, AttributeValueTypeDef] = {
            ":h": {"N": str(change.delta.on_hand)},
            ":a": {"N": str(change.delta.allocated)},
            ":r": {"N": str(change.delta.reserved)},
            ":f": {"N": str(change.delta.available)},
            ":one": {"N": "1"},
            ":last": {"M": moved},
        }
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"pk": {"S": f"SKU#{change.sku}"}, "sk": {"S": f"NODE#{change.node_id}"}},
            "UpdateExpression": "SET #last = :last ADD on_hand :h, allocated :a, reserved :r, available :f, #v :one",
            "ExpressionAttributeNames": {"#last": "last", "#v": "version"},
            "ExpressionAttributeValues": values,
        }
        if change.needs_available > 0:
            update["ConditionExpression"] = "available >= :need"
            values[":need"] = {"N": str(change.needs_available)}
        elif change.at_version is not None:
            update["ConditionExpression"] = "attribute_not_exists(#v) OR #v = :at" if change.at_version == 0 else "#v = :at"
            values[":at"] = {"N": str(change.at_version)}
        yield {"Update": update}  # type: ignore[typeddict-item]  # built by parts, checked by the tests
        key = {"pk": {"S": f"MOV#{change.sku}#{change.node_id}"}, "sk": {"S": change.movement_id}}
        delta = {name: {"N": str(getattr(change.delta, name))} for name in ("on_hand", "allocated", "reserved")}
        yield {
            "Put": {
                "TableName": self._table,
                "Item": {**key, **moved, "delta": {"M": delta}},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def was_made(self, change: Change) -> bool:
        """Whether this movement was made."""
        return self._get(f"MOV#{change.sku}#{change.node_id}", change.movement_id) is not None

    # --- reservations ------------------------------------------------------------------------------------------

    def reservation(self, order_id: str) -> Reservation | None:
        """What an order holds, consistent."""
        item = self._get(f"ORD#{order_id}", "RESERVATION")
        return _reservation(item) if item else None

    def begin(self, reservation: Reservation, instead_of: Reservation | None) -> bool:
        """Write a reservation in place of an ended one, or of none; False where another was faster."""
        item: dict[str, AttributeValueTypeDef] = {
            **_key(reservation.order_id),
            "attempt": {"N": str(reservation.attempt)},
            "state": {"S": reservation.state},
            "expires_at": {"S": reservation.expires_at},
            "sources": {
                "L": [
                    {"M": {"l": {"S": s.line_id}, "s": {"S": s.sku}, "n": {"S": s.node_id}, "q": {"N": str(s.quantity)}}}
                    for s in reservation.sources
                ]
            },
        }
        put: dict[str, Any] = {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        if instead_of is not None:
            put["ConditionExpression"] = "attempt = :n AND #s = :s"
            put["ExpressionAttributeNames"] = {"#s": "state"}
            put["ExpressionAttributeValues"] = {":n": {"N": str(instead_of.attempt)}, ":s": {"S": instead_of.state}}
        try:
            self._client.put_item(**put)
        except ClientError as error:
            return _lost(error)
        return True

    def advance(self, reservation: Reservation, to: State) -> bool:
        """Move a reservation on to another state; False where it is no longer as it was."""
        held = to == "held"
        expression = (
            "SET #s = :to, gsi_expiry_pk = :held, gsi_expiry_sk = :when"
            if held
            else "SET #s = :to REMOVE gsi_expiry_pk, gsi_expiry_sk"
        )
        values: dict[str, AttributeValueTypeDef] = {
            ":to": {"S": to},
            ":n": {"N": str(reservation.attempt)},
            ":s": {"S": reservation.state},
        }
        if held:
            values |= {":held": {"S": "held"}, ":when": {"S": f"{reservation.expires_at}#{reservation.order_id}"}}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(reservation.order_id),
                UpdateExpression=expression,
                ConditionExpression="attempt = :n AND #s = :s",
                ExpressionAttributeNames={"#s": "state"},
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            return _lost(error)
        return True

    def guard(self, reservation: Reservation) -> TransactWriteItemTypeDef:
        """The condition that the reservation is still as it is now, for a transaction."""
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _key(reservation.order_id),
                "ConditionExpression": "attempt = :n AND #s = :s",
                "ExpressionAttributeNames": {"#s": "state"},
                "ExpressionAttributeValues": {":n": {"N": str(reservation.attempt)}, ":s": {"S": reservation.state}},
            }
        }

    def settle(self, reservation: Reservation, changes: Sequence[Change]) -> TransactWriteItemTypeDef:
        """The note, for a transaction, that these units of the allocation have left it."""
        names = {"#s": "state", **{f"#c{place}": f"settled#{c.sku}#{c.node_id}" for place, c in enumerate(changes)}}
        values: dict[str, AttributeValueTypeDef] = {":s": {"S": reservation.state}}
        values |= {f":c{place}": {"N": str(-c.delta.allocated)} for place, c in enumerate(changes)}
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key(reservation.order_id),
                "UpdateExpression": "ADD " + ", ".join(f"#c{place} :c{place}" for place in range(len(changes))),
                "ConditionExpression": "#s = :s",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }

    def expired(self, now: str) -> Iterator[Reservation]:
        """Reservations that are held past their time, oldest first."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by_expiry",
            KeyConditionExpression="gsi_expiry_pk = :held AND gsi_expiry_sk < :now",
            ExpressionAttributeValues={":held": {"S": "held"}, ":now": {"S": now}},
        )
        for page in pages:
            yield from (_reservation(item) for item in page["Items"])

    # --- batches of movements ----------------------------------------------------------------------------------

    def claim_batch(self, batch_id: str, fingerprint: str) -> tuple[bool, str]:
        """Claim a batch: whether it is new, and the fingerprint that it was first claimed with."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={"pk": {"S": f"BATCH#{batch_id}"}, "sk": {"S": "BATCH"}, "fingerprint": {"S": fingerprint}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            _lost(error)
            item = self._get(f"BATCH#{batch_id}", "BATCH")
            return False, item["fingerprint"]["S"] if item else fingerprint
        return True, fingerprint

    def _get(self, pk: str, sk: str) -> dict[str, AttributeValueTypeDef] | None:
        try:
            answer = self._client.get_item(TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True)
        except ClientError as error:
            raise busy_or(error) from error
        return answer.get("Item")

    def _query(self, pk: str) -> Iterator[dict[str, AttributeValueTypeDef]]:
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


def _key(order_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"ORD#{order_id}"}, "sk": {"S": "RESERVATION"}}


def _lost(error: ClientError) -> Literal[False]:
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise busy_or(error) from error
    return False


def _number(item: Mapping[str, AttributeValueTypeDef], name: str) -> int:
    value = item.get(name)
    return int(value["N"]) if value else 0


def _counter(item: Mapping[str, AttributeValueTypeDef]) -> Counter:
    return Counter(
        item["pk"]["S"].removeprefix("SKU#"),
        item["sk"]["S"].removeprefix("NODE#"),
        *(_number(item, name) for name in ("on_hand", "allocated", "reserved", "safety", "available", "version")),
    )


def _node(item: Mapping[str, AttributeValueTypeDef]) -> Node:
    return Node(
        item["sk"]["S"],
        item["name"]["S"],
        item["kind"]["S"],  # type: ignore[arg-type]
        float(item["lat"]["N"]),
        float(item["lon"]["N"]),
        tuple(capability["S"] for capability in item["capabilities"]["L"]),
        _number(item, "cost_rank"),
        _number(item, "version"),
    )


def _reservation(item: Mapping[str, AttributeValueTypeDef]) -> Reservation:
    sources = tuple(
        Source(part["M"]["l"]["S"], part["M"]["s"]["S"], part["M"]["n"]["S"], int(part["M"]["q"]["N"]))
        for part in item["sources"]["L"]
    )
    settled = {}
    for name, value in item.items():
        if name.startswith("settled#"):
            _, sku, node_id = name.split("#", 2)
            settled[sku, node_id] = int(value["N"])
    return Reservation(
        item["pk"]["S"].removeprefix("ORD#"),
        _number(item, "attempt"),
        item["state"]["S"],  # type: ignore[arg-type]
        sources,
        item["expires_at"]["S"],
        settled,
    )
