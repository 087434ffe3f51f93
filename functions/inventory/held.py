"""Reservations in DynamoDB: one item an order, whose state is the fence for the movements that belong to it.

Keys (pk / sk): `ORD#order` / `RESERVATION`. What can run out, or was begun and may be left unfinished, is in the index
`by_expiry`, in shards by order: all of a shop's reservations under one key would be one partition's load.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from inventory.domain import Source
from inventory.table import Table, lost, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    from inventory.ledger import Change
    from inventory.table import Item

SHARDS = 16
State = Literal["pending", "held", "allocating", "allocated", "releasing", "released", "expiring", "expired", "failing", "failed"]
_ENDED = ("allocating", "allocated", "released", "expired", "failed")
"""States that no sweep looks at: what is sold does not run out."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an order holds, and how far that is."""

    order_id: str
    attempt: int
    state: State
    sources: tuple[Source, ...]
    expires_at: str
    begun_at: str
    """When its units were reserved, as their movements say."""
    turned_at: str = ""
    """When what is under way, or was the last thing to be done with it, was begun; as the movements of that say."""
    allocated_at: str = ""
    """When its units were allocated, as their movements say."""
    settled: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Units of the allocation that were shipped or written off, by (sku, node)."""
    settlements: frozenset[str] = frozenset()
    """What those were settled for."""
    expiries: int = 0
    """How often a reservation of this order ran out."""
    why: str | None = None
    """Why from these nodes, as JSON for the order's timeline."""
    revision: int = 0
    """The revision of the order's lines that it was last made to fit."""
    since: Literal["begun", "held", "allocated"] = "begun"
    """What all its units already were when this attempt began: one that revises another takes its units over."""


class Held(Table):
    """Reservations."""

    def reservation(self, order_id: str) -> Reservation | None:
        """What an order holds, consistent."""
        item = self._get(f"ORD#{order_id}", "RESERVATION")
        return _reservation(item) if item else None

    def begin(self, reservation: Reservation, instead_of: Reservation | None) -> bool:
        """Write a reservation in place of an ended one, or of none; False where another was faster."""
        try:
            self._client.put_item(**self._put(reservation, instead_of))
        except ClientError as error:
            return lost(error)
        return True

    def beginning(self, reservation: Reservation, instead_of: Reservation | None) -> TransactWriteItemTypeDef:
        """The same, for a transaction."""
        return {"Put": self._put(reservation, instead_of)}  # type: ignore[typeddict-item]  # built by parts, checked by the tests

    def advance(self, reservation: Reservation, to: State, at: str) -> bool:
        """Move a reservation on to another state; False where it is no longer as it was."""
        try:
            self._client.update_item(**self._update(reservation, to, at))
        except ClientError as error:
            return lost(error)
        return True

    def advancing(self, reservation: Reservation, to: State, at: str) -> TransactWriteItemTypeDef:
        """The same, for a transaction."""
        return {"Update": self._update(reservation, to, at)}  # type: ignore[typeddict-item]  # built by parts, checked by the tests

    def guard(self, reservation: Reservation) -> TransactWriteItemTypeDef:
        """The condition that the reservation is still as it is now, for a transaction."""
        condition, values = _unmoved(reservation)
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _key(reservation.order_id),
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#s": "state"},
                "ExpressionAttributeValues": values,
            }
        }

    def settle(self, reservation: Reservation, changes: Sequence[Change], mark: str) -> TransactWriteItemTypeDef:
        """The note, for a transaction, that these units of the allocation have left it, and for what."""
        condition, values = _unmoved(reservation)
        values |= {f":c{place}": {"N": str(-c.delta.allocated)} for place, c in enumerate(changes)}
        adds = ["settlements :mark", *(f"#c{place} :c{place}" for place in range(len(changes)))]
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key(reservation.order_id),
                "UpdateExpression": "ADD " + ", ".join(adds),
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {
                    "#s": "state",
                    **{f"#c{place}": f"settled#{c.sku}#{c.node_id}" for place, c in enumerate(changes)},
                },
                "ExpressionAttributeValues": {**values, ":mark": {"SS": [mark]}},
            }
        }

    def revising(self, reservation: Reservation, sources: Sequence[Source], revision: int) -> TransactWriteItemTypeDef:
        """The note, for a transaction, that a reservation is of these sources from now on, in an attempt of their own."""
        condition, values = _unmoved(reservation)
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key(reservation.order_id),
                "UpdateExpression": "SET attempt = :next, since = :s, sources = :sources, revision = :revision",
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#s": "state"},
                "ExpressionAttributeValues": {
                    **values,
                    ":next": {"N": str(reservation.attempt + 1)},
                    ":sources": {"L": [_source_item(source) for source in sources]},
                    ":revision": {"N": str(revision)},
                },
            }
        }

    def expired(self, now: str) -> Iterator[Reservation]:
        """Reservations that are over, or were begun and left unfinished for a while."""
        for shard in range(SHARDS):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName="by_expiry",
                KeyConditionExpression="gsi_expiry_pk = :held AND gsi_expiry_sk < :now",
                ExpressionAttributeValues={":held": {"S": f"held#{shard}"}, ":now": {"S": now}},
            )
            for page in pages:
                yield from (_reservation(item) for item in page["Items"])

    def _put(self, reservation: Reservation, instead_of: Reservation | None) -> dict[str, Any]:
        item: dict[str, AttributeValueTypeDef] = {
            **_key(reservation.order_id),
            "attempt": {"N": str(reservation.attempt)},
            "state": {"S": reservation.state},
            "expires_at": {"S": reservation.expires_at},
            "begun_at": {"S": reservation.begun_at},
            "expiries": {"N": str(reservation.expiries)},
            "sources": {"L": [_source_item(source) for source in reservation.sources]},
        }
        if reservation.why is not None:
            item["why"] = {"S": reservation.why}
        if reservation.state not in _ENDED:
            item |= _to_be_swept(reservation)
        put: dict[str, Any] = {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        if instead_of is not None:
            condition, values = _unmoved(instead_of)
            put |= {
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#s": "state"},
                "ExpressionAttributeValues": values,
            }
        return put

    def _update(self, reservation: Reservation, to: State, at: str) -> dict[str, Any]:
        condition, values = _unmoved(reservation)
        sets = ["#s = :to", "turned_at = :at"]
        values |= {":to": {"S": to}, ":at": {"S": at}}
        if to == "allocating" or (to == "allocated" and not reservation.allocated_at):
            sets.append("allocated_at = :at")
        expression = ""
        if to in _ENDED:
            expression = " REMOVE gsi_expiry_pk, gsi_expiry_sk"
        else:
            indexed = _to_be_swept(reservation)
            sets += [f"{name} = :{name}" for name in indexed]
            values |= {f":{name}": value for name, value in indexed.items()}
        if to == "expired":
            expression += " ADD expiries :one"
            values[":one"] = {"N": "1"}
        return {
            "TableName": self._table,
            "Key": _key(reservation.order_id),
            "UpdateExpression": f"SET {', '.join(sets)}{expression}",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#s": "state"},
            "ExpressionAttributeValues": values,
        }


def _unmoved(reservation: Reservation) -> tuple[str, dict[str, AttributeValueTypeDef]]:
    """The condition that nobody moved a reservation, nor settled of it, since it was read."""
    settled = len(reservation.settlements)
    values: dict[str, AttributeValueTypeDef] = {
        ":n": {"N": str(reservation.attempt)},
        ":s": {"S": reservation.state},
    }
    if not settled:
        return "attempt = :n AND #s = :s AND attribute_not_exists(settlements)", values
    return "attempt = :n AND #s = :s AND size(settlements) = :settled", {**values, ":settled": {"N": str(settled)}}


def _to_be_swept(reservation: Reservation) -> dict[str, AttributeValueTypeDef]:
    shard = zlib.crc32(reservation.order_id.encode()) % SHARDS
    return {
        "gsi_expiry_pk": {"S": f"held#{shard}"},
        "gsi_expiry_sk": {"S": f"{reservation.expires_at}#{reservation.order_id}"},
    }


def _key(order_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"ORD#{order_id}"}, "sk": {"S": "RESERVATION"}}


def _source_item(source: Source) -> AttributeValueTypeDef:
    return {
        "M": {
            "l": {"S": source.line_id},
            "s": {"S": source.sku},
            "n": {"S": source.node_id},
            "q": {"N": str(source.quantity)},
            "b": {"N": str(source.bucket)},
        }
    }


def _source(item: Item) -> Source:
    return Source(item["l"]["S"], item["s"]["S"], item["n"]["S"], number(item, "q"), number(item, "b"))


def _reservation(item: Item) -> Reservation:
    settled = {}
    for name, value in item.items():
        if name.startswith("settled#"):
            _, sku, node_id = name.split("#", 2)
            settled[sku, node_id] = int(value["N"])
    return Reservation(
        item["pk"]["S"].removeprefix("ORD#"),
        number(item, "attempt"),
        item["state"]["S"],  # type: ignore[arg-type]
        tuple(_source(part["M"]) for part in item["sources"]["L"]),
        item["expires_at"]["S"],
        item["begun_at"]["S"],
        text(item, "turned_at"),
        text(item, "allocated_at"),
        settled,
        frozenset(item["settlements"]["SS"]) if "settlements" in item else frozenset(),
        number(item, "expiries"),
        text(item, "why") or None,
        number(item, "revision"),
        item["since"]["S"] if "since" in item else "begun",  # type: ignore[arg-type]
    )
