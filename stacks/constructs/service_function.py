"""A Python function: one asset for all of them, the common layer, a role and log group of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, Duration, IgnoreMode
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.functions.spec import Library, Spec
    from stacks.stage import Stage

MEMORY_MB = 512
LIBRARIES: dict[Library, str] = {"payments": "The payment provider's library", "documents": "What draws PDFs"}
"""The layers beside the common one, for the functions that name them."""


class Bundle(Construct):
    """What a stack's functions run: everything under functions/ as one asset, and the layers beneath it.

    The layers are the stack's own: one that another stack exported could never change, since CloudFormation refuses to
    change what is imported somewhere.
    """

    def __init__(self, scope: Construct, stage: Stage, libraries: set[Library]) -> None:
        super().__init__(scope, "Bundle")
        not_code = ["__pycache__/", "*.pyc", ".*_cache/"]
        self.code = lambda_.Code.from_asset(str(ROOT / "functions"), exclude=not_code, ignore_mode=IgnoreMode.GIT)
        self.common = self._layer(stage, "layer", "What every function imports")
        self.libraries = {library: self._layer(stage, library, LIBRARIES[library]) for library in sorted(libraries)}

    def _layer(self, stage: Stage, name: str, description: str) -> list[lambda_.ILayerVersion]:
        path = stage.layer_path(name)
        if path is None:
            warning = f"The layer {name!r} is not built: a function that needs it deploys, and does not start."
            Annotations.of(self).add_warning_v2(f"orderhub:{name}", warning)
            return []
        layer = lambda_.LayerVersion(
            self,
            name.title(),
            code=lambda_.Code.from_asset(path, exclude=["__pycache__/", "*.pyc"], ignore_mode=IgnoreMode.GIT),
            description=description,
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[stage.architecture],
            removal_policy=stage.removal,
        )
        return [layer]


class ServiceFunction(Construct):
    """A function with exactly the grants of its specification."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, bundle: Bundle, spec: Spec) -> None:
        super().__init__(scope, name)
        physical = f"orderhub-{stage.name}-{name}"
        log_group = logs.LogGroup(
            self, "Logs", log_group_name=f"/aws/lambda/{physical}", retention=stage.log_retention, removal_policy=stage.removal
        )
        principal = iam.ServicePrincipal("lambda.amazonaws.com")
        self.role = iam.Role(self, "Role", assumed_by=principal, description=f"What {name} may do")
        # The group's ARN ends in `:*`, its streams: their names only appear at run time.
        write_logs = iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn])
        for statement in (write_logs, *spec.grants):
            self.role.add_to_policy(statement)
        for rule, reason in spec.acknowledged.items():
            acknowledge(self.role, rule, reason)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=physical,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=stage.architecture,
            handler=spec.handler,
            code=bundle.code,
            layers=[*bundle.common, *(bundle.libraries[spec.library] if spec.library else ())],
            role=self.role,
            memory_size=MEMORY_MB,
            timeout=Duration.seconds(spec.timeout_s),
            reserved_concurrent_executions=spec.concurrency,
            log_group=log_group,
            environment={
                "STAGE": stage.name,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **spec.environment,
            },
        )
        acknowledge(
            self.function, "AwsSolutions-L1", "Python 3.13 is the newest runtime that every library of the layer has wheels for."
        )
        self.name = name
        self.timeout_s = spec.timeout_s


def service_functions(scope: Construct, stage: Stage, specs: Mapping[str, Spec]) -> dict[str, ServiceFunction]:
    """The functions of a stack, by name."""
    bundle = Bundle(scope, stage, {spec.library for spec in specs.values() if spec.library})
    return {name: ServiceFunction(scope, name, stage=stage, bundle=bundle, spec=spec) for name, spec in specs.items()}
