"""Puts the stacks of a stage together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks.api import ApiStack
from stacks.data import DataStack
from stacks.fulfilment import FulfilmentStack
from stacks.hub import HubStack
from stacks.identity import IdentityStack
from stacks.operations import OperationsStack
from stacks.stage import stage_of

if TYPE_CHECKING:
    from stacks.stage import Stage


def build(app: cdk.App) -> Stage:
    """Add the stacks of the stage that the context names. Raises ValueError for one that is not there."""
    stage = stage_of(app.node)
    account, region = app.node.try_get_context("account"), app.node.try_get_context("region")
    environment = cdk.Environment(account=account, region=region or "us-east-1") if account else None

    def props(concern: str) -> dict[str, object]:
        return {
            "stack_name": f"OrderHub-{stage.name}-{concern}",
            "env": environment,
            "termination_protection": stage.deletion_protection,
            # On the emulator, with IAM enforced, the bootstrap roles cannot read the staging bucket.
            "synthesizer": cdk.CliCredentialsStackSynthesizer() if stage.is_local else None,
            "description": f"OrderHub ({stage.name}): {concern.lower()}",
        }

    data = DataStack(app, f"OrderHub-{stage.name}-Data", stage=stage, **props("Data"))  # type: ignore[arg-type]
    identity = IdentityStack(app, f"OrderHub-{stage.name}-Identity", stage=stage, **props("Identity"))  # type: ignore[arg-type]
    fulfilment = FulfilmentStack(app, f"OrderHub-{stage.name}-Fulfilment", stage=stage, data=data, **props("Fulfilment"))  # type: ignore[arg-type]
    hub = HubStack(app, f"OrderHub-{stage.name}-Hub", stage=stage, data=data, fulfilment=fulfilment, **props("Hub"))  # type: ignore[arg-type]
    api = ApiStack(
        app, f"OrderHub-{stage.name}-Api", stage=stage, data=data, identity=identity, fulfilment=fulfilment, **props("Api")  # type: ignore[arg-type]
    )
    OperationsStack(
        app, f"OrderHub-{stage.name}-Operations", stage=stage, data=data, fulfilment=fulfilment, hub=hub, api=api, **props("Operations")  # type: ignore[arg-type]
    )
    cdk.Tags.of(app).add("project", "orderhub")
    cdk.Tags.of(app).add("stage", stage.name)
    if not stage.is_local:
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stage
