"""A stack of the hub: one concern of one stage, deployed the way its stage is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, CliCredentialsStackSynthesizer, Environment, Stack

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.stage import Stage


class Concern(Stack):
    """A stack named after its stage and concern, in the account and Region that the context names, if it names any."""

    def __init__(self, scope: Construct, concern: str, stage: Stage) -> None:
        account = scope.node.try_get_context("account")
        region = scope.node.try_get_context("region")
        super().__init__(
            scope,
            f"OrderHub-{stage.name}-{concern}",
            description=f"OrderHub ({stage.name}): {concern.lower()}",
            env=Environment(account=account, region=region or "us-east-1") if account else None,
            termination_protection=stage.deletion_protection,
            # On the emulator, with IAM enforced, the bootstrap roles cannot read the staging bucket.
            synthesizer=CliCredentialsStackSynthesizer() if stage.is_local else None,
        )


def tell(scope: Construct, key: str, value: str) -> None:
    """Put a value into the outputs of the construct's stack, under exactly this key."""
    CfnOutput(Stack.of(scope), key, value=value)
