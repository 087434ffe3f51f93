"""Declared inbound supply in DynamoDB. Keys (pk / sk): `INBOUND#sku` / `node#reference`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from edge.event_store import busy_or
from inventory.promises import Inbound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb import DynamoDBClient


class SupplyStore:
    """The inbound items of the inventory table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def declare(self, parts: Iterable[Inbound]) -> None:
        """Keep each as declared now, in place of an earlier declaration under its SKU, node and reference. Raises Busy."""
        for part in parts:
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        "pk": {"S": f"INBOUND#{part.sku}"},
                        "sk": {"S": f"{part.node_id}#{part.reference}"},
                        "quantity": {"N": str(part.quantity)},
                        "expected_on": {"S": part.expected_on.isoformat()},
                    },
                )
            except ClientError as error:
                raise busy_or(error) from error

    def inbound(self, skus: Iterable[str]) -> list[Inbound]:
        """What is declared for these SKUs, soonest first. Raises Busy."""
        found: list[Inbound] = []
        for sku in dict.fromkeys(skus):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"INBOUND#{sku}"}},
            )
            try:
                for page in pages:
                    for item in page["Items"]:
                        node_id, _, reference = item["sk"]["S"].partition("#")
                        expected_on = date.fromisoformat(item["expected_on"]["S"])
                        found.append(Inbound(sku, node_id, reference, int(item["quantity"]["N"]), expected_on))
            except ClientError as error:
                raise busy_or(error) from error
        return sorted((part for part in found if part.quantity > 0), key=lambda part: (part.expected_on, part.node_id))
