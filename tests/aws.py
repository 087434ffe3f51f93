"""The tables of the stacks, made in moto, for tests of what touches AWS."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.dynamodb import models

from edge import clients

TABLES: dict[str, tuple[str, ...]] = {
    "orders": ("pk", "sk:N"),
    "told": ("pk",),
    "claims": ("pk",),
    "vault": ("pk", "sk"),
    "inventory": ("pk", "sk"),
    "views": ("pk", "sk"),
    "insights": ("pk", "sk"),
    "webhooks": ("pk", "sk"),
    "live": ("pk", "sk"),
    "imports": ("pk", "sk"),
}
KEY_INDEXES = {"views": ["placed", "customer", "external", "channel", "state", "channel_state", "due"]}
INDEXES = {"inventory": ["expiry"], "views": ["status", *KEY_INDEXES["views"]], "webhooks": ["due"], "live": ["until"]}


@contextmanager
def aws() -> Iterator[Any]:
    """DynamoDB, EventBridge and KMS of one test; the process's clients are made anew inside."""
    with mock_aws(), _one_backup_a_transaction():
        forget_clients()
        database = boto3.client("dynamodb")
        for name, keys in TABLES.items():
            _table(database, name, keys)
        boto3.client("events").create_event_bus(Name="bus")
        yield database
    forget_clients()


@contextmanager
def _one_backup_a_transaction() -> Iterator[None]:
    """moto backs the whole table up for every item of a transaction, to restore it where one fails; once is enough."""
    transact = models.DynamoDBBackend.transact_write_items
    backups: dict[int, Any] = {}

    class Copy:
        @staticmethod
        def deepcopy(thing: Any) -> Any:
            if not isinstance(thing, models.Table):
                return copy.deepcopy(thing)
            if id(thing) not in backups:
                backups[id(thing)] = copy.deepcopy(thing)
            return backups[id(thing)]

    def transact_once(self: Any, items: Any) -> None:
        backups.clear()
        transact(self, items)

    with patch.object(models, "copy", Copy), patch.object(models.DynamoDBBackend, "transact_write_items", transact_once):
        yield


def forget_clients() -> None:
    for made in (
        clients.s3,
        clients.dynamodb,
        clients.events,
        clients.hasty_events,
        clients.kms,
        clients.secrets,
        clients.step_functions,
    ):
        made.cache_clear()


def _table(database: Any, name: str, keys: tuple[str, ...]) -> None:
    attributes = [key.partition(":") for key in keys]
    extra = [f"gsi_{index}_{part}" for index in INDEXES.get(name, []) for part in ("pk", "sk")]
    definitions = [{"AttributeName": key, "AttributeType": kind or "S"} for key, _, kind in attributes]
    definitions += [{"AttributeName": key, "AttributeType": "S"} for key in extra]
    arguments: dict[str, Any] = {}
    if name in INDEXES:
        arguments["GlobalSecondaryIndexes"] = [
            {
                "IndexName": f"by_{index}",
                "KeySchema": [
                    {"AttributeName": f"gsi_{index}_pk", "KeyType": "HASH"},
                    {"AttributeName": f"gsi_{index}_sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY" if index in KEY_INDEXES.get(name, []) else "ALL"},
            }
            for index in INDEXES[name]
        ]
    database.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": key, "KeyType": kind} for (key, _, _), kind in zip(attributes, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=definitions,
        **arguments,
    )
