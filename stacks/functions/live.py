"""Functions of the live feed, and those through which every event goes to other systems, however they listen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.functions.spec import CONSUMER_TIMEOUT_S, Spec, store_env
from stacks.functions.webhooks import registry_env
from stacks.grants import on_table, push, query, send_many

if TYPE_CHECKING:
    from aws_cdk import aws_apigatewayv2 as apigw
    from aws_cdk import aws_cognito as cognito
    from aws_cdk.aws_iam import PolicyStatement

    from stacks.data import DataStack
    from stacks.stage import Stage

STAGE_NAME = "live"
FORGET = ("Query", "BatchWriteItem", "DeleteItem")
"""What it takes to forget a connection."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The WebSocket API, and whose tokens it takes."""

    api: apigw.WebSocketApi
    pool: cognito.IUserPool

    def environment(self, data: DataStack) -> dict[str, str]:
        """Where connections are kept and pushed to."""
        return {"LIVE_TABLE": data.live.table_name, "LIVE_API_ID": self.api.api_id, "LIVE_STAGE": STAGE_NAME}

    def push(self) -> PolicyStatement:
        """Push to connections."""
        return push(self.api, STAGE_NAME)


def listeners(stage: Stage, data: DataStack, feed: Feed) -> dict[str, Spec]:
    """What every event goes through, what looks after it every minute, and what answers connections."""
    webhooks = {**registry_env(stage, data), "DELIVERIES_QUEUE": data.deliveries.queue_url}
    return {
        "subscribers": Spec(
            "hub.subscribers.handler",
            {**webhooks, **feed.environment(data)},
            [
                on_table(data.webhooks, "Query", "PutItem"),
                send_many(data.deliveries, stage),
                on_table(data.live, "GetItem", "PutItem", *FORGET),
                feed.push(),
            ],
            CONSUMER_TIMEOUT_S,
        ),
        "subscribers-sweep": Spec(
            "hub.subscribers.sweep",
            {**webhooks, **feed.environment(data)},
            [
                on_table(data.webhooks, "Query", "UpdateItem"),
                query(data.webhooks, "by_due"),
                send_many(data.deliveries, stage),
                on_table(data.live, *FORGET),
                query(data.live, "by_until"),
                feed.push(),
            ],
        ),
        "live-socket": Spec(
            "hub.live_socket.handler",
            {**store_env(stage, data), **feed.environment(data), "USER_POOL_ID": feed.pool.user_pool_id},
            [
                on_table(data.orders, "Query"),
                on_table(data.live, "GetItem", "PutItem", "UpdateItem", *FORGET),
                feed.push(),
            ],
        ),
    }
