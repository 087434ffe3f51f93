"""How often a customer orders: one counter a rule, customer and window of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from edge.event_store import busy_or

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mypy_boto3_dynamodb import DynamoDBClient


class OrderCounters:
    """Counters in DynamoDB beside the claims, gone a window after their own is over."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def count(self, rule_id: str, customer_id: str, order_id: str, at: datetime, window: timedelta) -> int:
        """Count an order into its customer's window; answers how many the window has, this one included. Raises Busy.

        One write, whatever the number. The order that was counted last is not counted again, so that a step that is
        retried counts once; should another order come in between, the customer's count is one too high.
        """
        width = int(window.total_seconds())
        place = int(at.timestamp()) // width
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"velocity#{rule_id}#{customer_id}#{place}"}},
                UpdateExpression="ADD orders :one SET last_order = :order, expires_at = :expires",
                ConditionExpression="attribute_not_exists(last_order) OR last_order <> :order",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":order": {"S": order_id},
                    ":expires": {"N": str((place + 2) * width)},
                },
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise busy_or(error) from error
            held = error.response["Item"]  # type: ignore[typeddict-item]  # there on a failed condition, as asked for
            return int(held["orders"]["N"])
        return int(answer["Attributes"]["orders"]["N"])
