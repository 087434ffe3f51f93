"""What each function of the hub may do: the table that the templates are held to."""

from __future__ import annotations

STORE = {
    "dynamodb:Query orders",
    "dynamodb:PutItem orders",
    "dynamodb:PutItem told",
    "events:PutEvents bus",
}
STOCK = {
    *(
        f"dynamodb:{action} inventory"
        for action in ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem")
    ),
    "dynamodb:Query inventory/index/by_expiry",
}
START_SELLING = {f"states:StartExecution {saga}" for saga in ("fulfilment", "settlement", "cancellation", "returns")}
PLACE = {
    "dynamodb:PutItem claims",
    "dynamodb:PutItem vault",
    "dynamodb:DeleteItem vault",
    "kms:GenerateDataKey ContactKey",
    "kms:GenerateDataKey Last4Key",
}
READ_CURSOR_KEY = "secretsmanager:GetSecretValue CursorKey"

FORGET_CONNECTIONS = ("Query", "BatchWriteItem", "DeleteItem")
PUSH = "execute-api:ManageConnections arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:live/live/*/@connections/*"


def stream(table: str, relay: str) -> set[str]:
    """What a relay behind a table's stream needs."""
    reads = {f"dynamodb:{action} {table}.StreamArn" for action in ("DescribeStream", "GetRecords", "GetShardIterator")}
    # CDK grants what a destination needs to be found as well as to be sent to.
    return reads | {f"sqs:{action} {relay}-dlq" for action in ("SendMessage", "GetQueueAttributes", "GetQueueUrl")}


def queue(name: str) -> set[str]:
    """What a consumer of a queue needs."""
    return {f"sqs:{action} {name}" for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")}


RIGHTS: dict[str, set[str]] = {
    "orders-api": {
        *STORE,
        *PLACE,
    },
    "imports-api": {
        *(f"dynamodb:{action} imports" for action in ("GetItem", "PutItem", "Query")),
        "s3:PutObject importsinboxBucket/*",
        READ_CURSOR_KEY,
    },
    "importer": {
        "dynamodb:Query orders",
        "dynamodb:PutItem orders",
        *PLACE,
        *(f"dynamodb:{action} imports" for action in ("GetItem", "UpdateItem", "BatchWriteItem")),
        "s3:GetObject importsinboxBucket/*",
        "s3:DeleteObject importsinboxBucket/*",
        "sqs:SendMessage imports",
        *queue("imports"),
    },
    "orders-query": {
        "dynamodb:Query orders",
        "dynamodb:GetItem views",
        "dynamodb:BatchGetItem views",
        *(f"dynamodb:Query views/index/by_{by}" for by in ("placed", "customer", "external", "channel", "state", "channel_state")),
        READ_CURSOR_KEY,
    },
    "returns-api": STORE,
    "invoicing-api": {"dynamodb:Query orders", "s3:GetObject Documents/*", "s3:PutObject Documents/*"},
    "invoice-feed": {*STORE, *queue("invoice-feed")},
    "inventory-api": {*STOCK, READ_CURSOR_KEY},
    "promises-api": {f"dynamodb:{action} inventory" for action in ("GetItem", "BatchGetItem", "Query")},
    "fulfilment-api": STORE,
    "auctions-api": {*STORE, "kms:GenerateDataKey BidKey"},
    "auctions-tasks": {*STORE, "kms:Decrypt BidKey"},
    "payments-api": {*STORE, *(f"secretsmanager:GetSecretValue {secret}" for secret in ("PaymentKey", "PaymentWebhook"))},
    "remediation-api": {
        *STORE,
        "dynamodb:Query views/index/by_status",
        READ_CURSOR_KEY,
        "dynamodb:GetItem claims",
        "states:SendTaskSuccess remediation",
        "states:StartExecution remediation",
    },
    "webhooks-api": {
        *STORE,
        *(f"dynamodb:{action} webhooks" for action in ("Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem")),
        "kms:GenerateDataKey WebhookKey",
        "kms:Decrypt WebhookKey",
        "sqs:SendMessage webhook-deliveries",
        READ_CURSOR_KEY,
    },
    "subscribers": {
        "dynamodb:Query webhooks",
        "dynamodb:PutItem webhooks",
        "sqs:SendMessage webhook-deliveries",
        *(f"dynamodb:{action} live" for action in ("GetItem", "PutItem", *FORGET_CONNECTIONS)),
        PUSH,
        *queue("subscribers"),
    },
    "subscribers-sweep": {
        "dynamodb:Query webhooks",
        "dynamodb:UpdateItem webhooks",
        "dynamodb:Query webhooks/index/by_due",
        "sqs:SendMessage webhook-deliveries",
        *(f"dynamodb:{action} live" for action in FORGET_CONNECTIONS),
        "dynamodb:Query live/index/by_until",
        PUSH,
        *(f"sqs:{action} subscribers-sweep-dlq" for action in ("SendMessage", "GetQueueAttributes", "GetQueueUrl")),
    },
    "live-socket": {
        "dynamodb:Query orders",
        *(f"dynamodb:{action} live" for action in ("GetItem", "PutItem", "UpdateItem", *FORGET_CONNECTIONS)),
        PUSH,
    },
    "accuracy-api": {
        *STORE,
        *(f"dynamodb:{action} insights" for action in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")),
        READ_CURSOR_KEY,
    },
    "webhook-sender": {
        *STORE,
        *(f"dynamodb:{action} webhooks" for action in ("Query", "GetItem", "UpdateItem", "DeleteItem")),
        "kms:Decrypt WebhookKey",
        "sqs:SendMessage webhook-deliveries",
        *queue("webhook-deliveries"),
    },
    "hub-api": {
        "dynamodb:Query orders",
        "dynamodb:Query views/index/by_due",
        "dynamodb:BatchGetItem views",
        READ_CURSOR_KEY,
        *START_SELLING,
    },
    "flow": {"dynamodb:Query orders", "dynamodb:BatchGetItem insights", "dynamodb:UpdateItem insights", *queue("flow")},
    "insights-api": {"dynamodb:Query insights"},
    "docs-api": set(),
    "orders-tasks": {*STORE, "dynamodb:UpdateItem claims"},
    "returns-tasks": STORE,
    "inventory-tasks": STOCK,
    "payments-tasks": {*STORE, "secretsmanager:GetSecretValue PaymentKey"},
    "fulfilment-tasks": {
        *STORE,
        "dynamodb:GetItem vault",
        "kms:Decrypt Last4Key",
        "secretsmanager:GetSecretValue WarehouseKey",
    },
    "remediation-tasks": {
        *STORE,
        "dynamodb:PutItem claims",
        "bedrock:InvokeModel arn:aws:bedrock:<AWS::Region>::foundation-model/amazon.nova-lite-v1:0",
    },
    "relay": {
        "dynamodb:BatchGetItem told",
        "dynamodb:PutItem told",
        "events:PutEvents bus",
        *stream("orders", "relay"),
    },
    "inventory-relay": {
        *STOCK,
        "dynamodb:DeleteItem inventory",
        "events:PutEvents bus",
        *stream("inventory", "inventory-relay"),
        *(f"sqs:{action} inventory-sweep-dlq" for action in ("SendMessage", "GetQueueAttributes", "GetQueueUrl")),
    },
    "saga-starter": {*START_SELLING, *queue("saga-starter")},
    "remediation-starter": {*STORE, "states:StartExecution remediation", *queue("remediation-starter")},
    "board": {
        "dynamodb:Query orders",
        "dynamodb:PutItem views",
        "dynamodb:UpdateItem views",
        *queue("board"),
    },
    "projections": {
        "dynamodb:Query orders",
        "dynamodb:Scan orders",
        *(f"dynamodb:{action} views" for action in ("Scan", "DeleteItem", "PutItem", "UpdateItem")),
    },
    "watch": {
        *STORE,
        "dynamodb:Query views/index/by_due",
        *START_SELLING,
        *(f"sqs:{action} watch-dlq" for action in ("SendMessage", "GetQueueAttributes", "GetQueueUrl")),
    },
}
"""Rights by function, beside writing its own log."""
