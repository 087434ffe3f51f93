"""A bucket for files that somebody sends, and a queue that hears of each; files are encrypted and gone after a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.consumer import parking, waiting

if TYPE_CHECKING:
    from stacks.constructs.service_function import ServiceFunction
    from stacks.stage import Stage


_EXPORT = "ExportsOutputFnGetAttimportsinboxBucketE482BBDBArn8A13C62B"
"""How the rule checks call the bucket in other stacks; where that changes, they say so and name the new one."""


class Inbox(Construct):
    """Files and their queue. `timeout_s` is how long the function that takes them has."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, timeout_s: int) -> None:
        super().__init__(scope, f"{name}-inbox")
        self.dead = parking(self, "Dead", stage, name)
        self.queue = waiting(self, "Queue", stage, name, self.dead, timeout_s)
        account = Stack.of(self).account
        self.name = f"orderhub-{stage.name}-{name}-{account}"
        arn = f"arn:{Stack.of(self).partition}:s3:::{self.name}"
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": arn}, "StringEquals": {"aws:SourceAccount": account}},
            )
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=self.name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=not stage.is_local,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(1), abort_incomplete_multipart_upload_after=Duration.days(1))
            ],
            removal_policy=stage.removal,
        )
        acknowledge(self.bucket, "AwsSolutions-S1", "Files stay for a day; the API's log says who asked for an upload.")
        # The construct's own way to a notification is a function of its own with rights on every bucket.
        template = self.bucket.node.default_child
        assert isinstance(template, s3.CfnBucket)  # what a Bucket is made of
        template.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[s3.CfnBucket.QueueConfigurationProperty(event="s3:ObjectCreated:*", queue=self.queue.queue_arn)]
        )
        self._finding = f"AwsSolutions-IAM5[Resource::{Stack.of(self).stack_name}:{_EXPORT}/*]"
        policy = self.queue.node.try_find_child("Policy")
        if policy is not None:
            self.bucket.node.add_dependency(policy)

    def acknowledge_for(self, function: ServiceFunction) -> None:
        """Accept that a function's role reaches all files of this bucket: their names appear at run time."""
        acknowledge(function.role, self._finding, "All files of one bucket, and nothing else.")
