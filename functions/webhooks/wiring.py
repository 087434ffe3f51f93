"""The composition root of webhooks: each part wired once for the life of a process."""

from __future__ import annotations

import random
from functools import lru_cache

from edge import clients
from edge.cipher import FieldCipher
from edge.settings import read
from edge.wiring import aggregates
from kernel.clock import SystemClock
from webhooks.deliveries import Deliveries
from webhooks.dispatcher import Dispatcher
from webhooks.domain import fold
from webhooks.outbox import Outbox
from webhooks.registry import Registry
from webhooks.sender import Sender
from webhooks.service import Endpoints
from webhooks.settings import PURPOSE, KeySettings, QueueSettings, RegistrySettings
from webhooks.signing import new_secret
from webhooks.sweep import Sweep


@lru_cache(maxsize=1)
def registry() -> Registry:
    """The endpoints."""
    return Registry(clients.dynamodb(), read(RegistrySettings).webhooks_table)


@lru_cache(maxsize=1)
def deliveries() -> Deliveries:
    """The deliveries."""
    settings = read(RegistrySettings)
    return Deliveries(clients.dynamodb(), settings.webhooks_table, settings.kept_for)


@lru_cache(maxsize=1)
def outbox() -> Outbox:
    """The queue of the sender."""
    return Outbox(clients.sqs(), read(QueueSettings).deliveries_queue)


@lru_cache(maxsize=1)
def cipher() -> FieldCipher:
    """What seals and opens signing secrets."""
    return FieldCipher(clients.kms(), read(KeySettings).webhook_key_id, PURPOSE)


@lru_cache(maxsize=1)
def endpoints() -> Endpoints:
    """The service."""
    guard = read(RegistrySettings).guard()
    return Endpoints(aggregates(fold, "webhook", "whk"), registry(), cipher(), guard, SystemClock(), new_secret)


@lru_cache(maxsize=1)
def dispatcher() -> Dispatcher:
    """What matches events with endpoints."""
    return Dispatcher(registry(), deliveries(), outbox())


@lru_cache(maxsize=1)
def sender() -> Sender:
    """What makes attempts."""
    guard = read(RegistrySettings).guard()
    return Sender(registry(), deliveries(), outbox(), cipher(), guard, endpoints(), SystemClock(), random.random)


@lru_cache(maxsize=1)
def sweep() -> Sweep:
    """What finds deliveries that are due."""
    return Sweep(registry(), deliveries(), outbox())
