"""A secret that starts with a random value; whoever runs the hub puts the partner's own in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_secretsmanager as secretsmanager

from stacks.constructs.acknowledge import acknowledge

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.stage import Stage


class HubSecret(secretsmanager.Secret):
    """A secret of a stage."""

    def __init__(self, scope: Construct, name: str, stage: Stage, description: str) -> None:
        super().__init__(
            scope,
            name,
            secret_name=f"orderhub-{stage.name}-{name}",
            description=description,
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True, password_length=40),
            removal_policy=stage.removal,
        )
        acknowledge(
            self,
            "AwsSolutions-SMG4",
            "A partner's key is rotated with the partner, by hand; the cursor key lives as long as cursors do.",
        )

    @property
    def arn(self) -> str:
        """The secret's ARN, by its attribute: on the emulator a reference to a named secret is its name."""
        template = self.node.default_child
        assert isinstance(template, secretsmanager.CfnSecret)  # what a Secret is made of
        return template.attr_id
