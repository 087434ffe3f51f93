"""The network in DynamoDB, beside the counters: its policy, and how many shipments each node has taken today.

Keys (pk / sk): `NETWORK` / `POLICY`; `LOAD#date` / node id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from edge.event_store import busy_or
from inventory.network import Policy
from inventory.plans import Network
from kernel.errors import StaleVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from inventory.domain import Node
    from kernel.clock import Clock

KEPT_S = 5.0
"""How long a process reckons with the nodes and rules that it read; what finds too little stock reads them again."""
_POLICY: dict[str, AttributeValueTypeDef] = {"pk": {"S": "NETWORK"}, "sk": {"S": "POLICY"}}


class NetworkStore:
    """The policy's and the loads' items of the inventory table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def policy(self) -> tuple[Policy, int]:
        """The policy and its version; the defaults at version 0 where none was ever written. Raises Busy."""
        try:
            item = self._client.get_item(TableName=self._table, Key=_POLICY, ConsistentRead=True).get("Item")
        except ClientError as error:
            raise busy_or(error) from error
        return (Policy.model_validate_json(item["policy"]["S"]), int(item["version"]["N"])) if item else (Policy(), 0)

    def put_policy(self, policy: Policy, at_version: int | None) -> int:
        """Replace the policy, at a version where one is given; answers the new version. Raises StaleVersion, Busy."""
        values: dict[str, AttributeValueTypeDef] = {":p": {"S": policy.model_dump_json()}, ":one": {"N": "1"}}
        condition = "attribute_exists(pk) OR attribute_not_exists(pk)"
        if at_version is not None:
            condition = "#v = :at" if at_version else "attribute_not_exists(#v)"
            values |= {":at": {"N": str(at_version)}} if at_version else {}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_POLICY,
                UpdateExpression="SET #p = :p ADD #v :one",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#p": "policy", "#v": "version"},
                ExpressionAttributeValues=values,
                ReturnValues="UPDATED_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise StaleVersion("stale_version", "The policy has changed since the version in If-Match.") from error
            raise busy_or(error) from error
        return int(answer["Attributes"]["version"]["N"])

    def load(self, day: date) -> dict[str, int]:
        """Shipments taken on a day, by node. Raises Busy."""
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"LOAD#{day.isoformat()}"}},
            )
        except ClientError as error:
            raise busy_or(error) from error
        return {item["sk"]["S"]: int(item["shipments"]["N"]) for item in answer["Items"]}

    def count(self, day: date, node_ids: Iterable[str]) -> None:
        """Count one more shipment for each of these nodes. Raises Busy."""
        for node_id in node_ids:
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": f"LOAD#{day.isoformat()}"}, "sk": {"S": node_id}},
                    UpdateExpression="ADD shipments :one",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )
            except ClientError as error:
                raise busy_or(error) from error


class Networks:
    """The network as sourcing needs it, kept for some seconds: an order costs no read of nodes and rules of its own.

    Loads are read and counted only where the policy names a node's capacity. They are a figure to spread work by, not a
    limit: a shipment that is undone is not taken back, and orders of the same moment may not see each other.
    """

    def __init__(self, nodes: Callable[[], list[Node]], kept: NetworkStore, clock: Clock) -> None:
        self._nodes = nodes
        self._kept = kept
        self._clock = clock
        self._read_at: datetime | None = None
        self._known: tuple[list[Node], Policy] = ([], Policy())

    def now(self, *, fresh: bool = False) -> Network:
        """The network; read `fresh` where asked to. Raises Busy."""
        at = self._clock.now()
        if fresh or self._read_at is None or (at - self._read_at).total_seconds() > KEPT_S:
            self._known, self._read_at = (self._nodes(), self._kept.policy()[0]), at
        nodes, policy = self._known
        return Network(nodes, policy, at, self._kept.load(at.date()) if policy.counts_load else {})

    def took(self, node_ids: Iterable[str]) -> None:
        """Count a shipment for each of these nodes that has a capacity. Raises Busy."""
        policy = self._known[1]
        if policy.counts_load:
            limited = [node_id for node_id in node_ids if policy.terms_of(node_id).shipments_a_day is not None]
            self._kept.count(self._clock.now().date(), limited)
