"""Puts the stacks of a stage together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks.api import ApiStack
from stacks.archive import ArchiveStack
from stacks.data import DataStack
from stacks.fulfilment import FulfilmentStack
from stacks.hub import HubStack
from stacks.identity import IdentityStack
from stacks.operations import OperationsStack
from stacks.stage import stage_of
from stacks.subscribers import SubscribersStack

if TYPE_CHECKING:
    from stacks.stage import Stage


def build(app: cdk.App) -> Stage:
    """Add the stacks of the stage that the context names. Raises ValueError for one that is not there."""
    stage = stage_of(app.node)
    data = DataStack(app, stage)
    identity = IdentityStack(app, stage)
    fulfilment = FulfilmentStack(app, stage, data)
    hub = HubStack(app, stage, data, fulfilment)
    api = ApiStack(app, stage, data, identity, fulfilment)
    subscribers = SubscribersStack(app, stage, data, identity)
    OperationsStack(app, stage, data, fulfilment, hub, subscribers, api)
    if not stage.is_local:
        ArchiveStack(app, stage, data)
    cdk.Tags.of(app).add("project", "orderhub")
    cdk.Tags.of(app).add("stage", stage.name)
    if not stage.is_local:
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stage
