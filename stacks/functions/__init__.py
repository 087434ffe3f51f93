"""Every function of the hub as data, a module for each context: handlers, settings, and exactly what each may do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stacks.functions import (
    accuracy,
    auctions,
    fulfilment,
    hub,
    insights,
    inventory,
    invoicing,
    orders,
    payments,
    remediation,
    returns,
    webhooks,
)

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas, Spec
    from stacks.stage import Stage


def task_functions(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the sagas call."""
    specs: dict[str, Spec] = {}
    for context in (orders, inventory, payments, fulfilment, remediation, returns, auctions):
        specs |= context.tasks(stage, data)
    return {name: replace(spec, concurrency=stage.tasks) for name, spec in specs.items()}


def listening_functions(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What listens to the streams and the bus, and the watch."""
    specs: dict[str, Spec] = {}
    for context in (hub, orders, inventory, invoicing, remediation, insights):
        specs |= context.listeners(stage, data, sagas)
    return specs


def api_functions(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP."""
    specs: dict[str, Spec] = {}
    selling = (orders, inventory, fulfilment, payments, remediation, returns, auctions, invoicing)
    for context in (*selling, webhooks, accuracy, hub, insights):
        specs |= context.api(stage, data, sagas)
    return specs
