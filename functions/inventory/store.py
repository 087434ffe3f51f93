"""Stock in DynamoDB, all of it in one table: counters and movements, reservations, nodes, and what is spread or claimed.

Keys (pk / sk): `NODE` / node id; `SPREAD` / sku`#`node; `BATCH#id` / `BATCH`; the others are with the classes that
this one is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from inventory.domain import Node
from inventory.held import Held
from inventory.ledger import Ledger
from inventory.table import lost, number

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    from inventory.table import Item


@dataclass(frozen=True, slots=True)
class Spread:
    """That a SKU's stock at a node is spread, and how often it had moved when that was looked at."""

    sku: str
    node_id: str
    version: int
    at: str


class InventoryStore(Ledger, Held):
    """The inventory table."""

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

    def spread(self) -> list[Spread]:
        """All stock that is spread over several buckets."""
        found = []
        for item in self._query("SPREAD"):
            sku, _, node_id = item["sk"]["S"].partition("#")
            found.append(Spread(sku, node_id, number(item, "version"), item["at"]["S"]))
        return found

    def look(self, spread: Spread) -> None:
        """Keep when spread stock was looked at, and how often it had moved."""
        self._client.put_item(**self._look(spread))

    def looking(self, spread: Spread) -> TransactWriteItemTypeDef:
        """The same, for a transaction."""
        return {"Put": self._look(spread)}  # type: ignore[typeddict-item]  # built by parts, checked by the tests

    def _look(self, spread: Spread) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": {
                "pk": {"S": "SPREAD"},
                "sk": {"S": f"{spread.sku}#{spread.node_id}"},
                "version": {"N": str(spread.version)},
                "at": {"S": spread.at},
            },
        }

    def forget(self, spread: Spread) -> None:
        """Keep no longer that stock is spread, unless it was spread again since."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key={"pk": {"S": "SPREAD"}, "sk": {"S": f"{spread.sku}#{spread.node_id}"}},
                ConditionExpression="#at = :at",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":at": {"S": spread.at}},
            )
        except ClientError as error:
            lost(error)

    def claim_batch(self, batch_id: str, fingerprint: str, at: str) -> tuple[bool, str, str]:
        """Claim a batch: whether it is new, and the fingerprint and the time that it was first claimed with."""
        item: dict[str, AttributeValueTypeDef] = {
            "pk": {"S": f"BATCH#{batch_id}"},
            "sk": {"S": "BATCH"},
            "fingerprint": {"S": fingerprint},
            "at": {"S": at},
        }
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except ClientError as error:
            lost(error)
            first = self._get(f"BATCH#{batch_id}", "BATCH") or item
            return False, first["fingerprint"]["S"], first["at"]["S"]
        return True, fingerprint, at


def _node(item: Item) -> Node:
    return Node(
        item["sk"]["S"],
        item["name"]["S"],
        item["kind"]["S"],  # type: ignore[arg-type]
        float(item["lat"]["N"]),
        float(item["lon"]["N"]),
        tuple(capability["S"] for capability in item["capabilities"]["L"]),
        number(item, "cost_rank"),
        number(item, "version"),
    )
