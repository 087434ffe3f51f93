"""A function that runs every minute; a minute that fails is parked, where an alarm sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from stacks.constructs.consumer import parking
from stacks.grants import send

if TYPE_CHECKING:
    from stacks.constructs.service_function import ServiceFunction
    from stacks.stage import Stage


class Minutely(Construct):
    """A schedule with a role that may call one function."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, function: ServiceFunction, purpose: str) -> None:
        super().__init__(scope, f"{name}-schedule")
        self.dead = parking(self, "Dead", stage, name)
        # The scheduler hands over and leaves: what goes wrong in the function itself is for the function's own destination.
        function.function.configure_async_invoke(
            on_failure=destinations.SqsDestination(self.dead), retry_attempts=0, max_event_age=Duration.minutes(1)
        )
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
            ),
            description=f"Calls {name} every minute",
        )
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function.function_arn]))
        role.add_to_policy(send(self.dead))
        scheduler.CfnSchedule(
            self,
            "Schedule",
            name=f"orderhub-{stage.name}-{name}",
            description=purpose,
            schedule_expression="rate(1 minute)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function.function_arn,
                role_arn=role.role_arn,
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self.dead.queue_arn),
                # The next minute is the retry.
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(maximum_retry_attempts=0, maximum_event_age_in_seconds=60),
            ),
        ).node.add_dependency(role)
