"""A Python function: one asset for all of them, the common layer, a role and log group of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stacks.stage import Stage

MEMORY_MB = 512
TIMEOUT_S = 29


class Bundle(Construct):
    """What a stack's functions run: everything under functions/ as one asset, and the layers beneath it."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Bundle")
        self.code = lambda_.Code.from_asset(str(ROOT / "functions"), exclude=["**/__pycache__", "**/*.pyc"])
        self.common = self._layer(stage, "layer", "What every function imports")
        self.payments = self._layer(stage, "payments", "The payment provider's library")

    def _layer(self, stage: Stage, name: str, description: str) -> list[lambda_.ILayerVersion]:
        path = stage.layer_path(name)
        if path is None:
            return []
        layer = lambda_.LayerVersion(
            self,
            name.title(),
            code=lambda_.Code.from_asset(path),
            description=description,
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[stage.architecture],
            removal_policy=stage.removal,
        )
        return [layer]


class ServiceFunction(Construct):
    """A function with exactly the grants that it is given."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        handler: str,
        bundle: Bundle,
        pays: bool = False,
        environment: Mapping[str, str],
        grants: Sequence[iam.PolicyStatement],
        timeout_s: int = TIMEOUT_S,
    ) -> None:
        super().__init__(scope, name)
        physical = f"orderhub-{stage.name}-{name}"
        log_group = logs.LogGroup(
            self, "Logs", log_group_name=f"/aws/lambda/{physical}", retention=stage.log_retention, removal_policy=stage.removal
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), description=f"What {name} may do")
        # The name is known, so the statement needs no reference to the group, which would tie role and group in a circle.
        stack = Stack.of(self)
        group_arn = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:/aws/lambda/{physical}"
        role.add_to_policy(iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[f"{group_arn}:*"]))
        for grant in grants:
            role.add_to_policy(grant)
        acknowledge(role, "AwsSolutions-IAM5", "Log streams and table indexes have names that only appear at run time; each statement names its own group or table.")
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=physical,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=stage.architecture,
            handler=handler,
            code=bundle.code,
            layers=[*bundle.common, *bundle.payments] if pays else bundle.common,
            role=role,
            memory_size=MEMORY_MB,
            timeout=Duration.seconds(timeout_s),
            log_group=log_group,
            environment={
                "STAGE": stage.name,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **environment,
            },
        )
        acknowledge(self.function, "AwsSolutions-L1", "Python 3.13 is the newest runtime that every library of the layer has wheels for.")
        self.name = name
        self.role = role
