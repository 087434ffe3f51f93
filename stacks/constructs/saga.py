"""A saga: a state machine from its file, as Standard or Express as the stage says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from stacks.stage import SagaType, Stage


class Saga(Construct):
    """A state machine that may call the functions which its file names, and nothing else."""

    def __init__(
        self, scope: Construct, name: str, *, stage: Stage, type_: SagaType, functions: Mapping[str, lambda_.IFunction]
    ) -> None:
        super().__init__(scope, f"{name}-saga")
        self.name = name
        definition = (ROOT / "statemachines" / f"{name}.asl.json").read_text(encoding="utf-8")
        called = {key: function.function_arn for key, function in functions.items() if f"${{{key}}}" in definition}
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/vendedlogs/states/orderhub-{stage.name}-{name}",
            retention=stage.log_retention,
            removal_policy=stage.removal,
        )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=f"orderhub-{stage.name}-{name}",
            state_machine_type=sfn.StateMachineType.EXPRESS if type_ == "express" else sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(json.dumps(json.loads(definition), separators=(",", ":"))),
            definition_substitutions=called or None,
            # An Express execution leaves no history of its own: its log is its history.
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
            tracing_enabled=not stage.is_local,
            removal_policy=stage.removal,
        )
        if called:
            self.machine.add_to_role_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=list(called.values())))
        acknowledge(self.machine.role, "AwsSolutions-IAM5[Resource::*]", "Log delivery and X-Ray know no resources.")
