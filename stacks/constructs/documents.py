"""A bucket for documents: private, encrypted, versioned, and only over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3

from stacks.constructs.acknowledge import acknowledge

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.stage import Stage

SELDOM_AFTER = Duration.days(90)
"""After a quarter, hardly anybody asks for an invoice again; it is kept for the ten years that some countries ask for."""


def documents(scope: Construct, stage: Stage) -> s3.Bucket:
    """The bucket of invoices. Its name is CloudFormation's: a bucket's is unique in the world."""
    bucket = s3.Bucket(
        scope,
        "Documents",
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        encryption=s3.BucketEncryption.S3_MANAGED,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        # The emulator speaks plain HTTP on the loopback address, and enforces this policy.
        enforce_ssl=not stage.is_local,
        versioned=True,
        lifecycle_rules=[
            s3.LifecycleRule(
                id="keep",
                abort_incomplete_multipart_upload_after=Duration.days(1),
                noncurrent_version_expiration=Duration.days(30),
                transitions=[s3.Transition(storage_class=s3.StorageClass.INFREQUENT_ACCESS, transition_after=SELDOM_AFTER)],
            )
        ],
        removal_policy=stage.removal,
    )
    acknowledge(bucket, "AwsSolutions-S1", "Nobody reads it but by a link that the API gave, and the API logs whom it gave one.")
    return bucket
