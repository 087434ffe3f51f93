"""Files of orders hold personal data: encrypted, never public, gone after a day, and told to one queue by one bucket only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.infrastructure.deployment import Deployment, Resource


def _inbox(deployment: Deployment) -> Resource:
    (found,) = [b for b in deployment.of_type("AWS::S3::Bucket") if "NotificationConfiguration" in b.properties]
    return found


def test_files_of_orders_are_encrypted_never_public_and_gone_after_a_day(deployment: Deployment) -> None:
    bucket = _inbox(deployment)
    assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (kept,) = bucket.properties["LifecycleConfiguration"]["Rules"]
    assert (kept["ExpirationInDays"], kept["Status"]) == (1, "Enabled")
    assert "VersioningConfiguration" not in bucket.properties


def test_the_arrival_of_a_file_is_told_to_the_importers_queue_by_its_own_bucket_only(deployment: Deployment) -> None:
    bucket = _inbox(deployment)
    (told,) = bucket.properties["NotificationConfiguration"]["QueueConfigurations"]
    assert deployment.name(deployment.target(bucket, told["Queue"])) == "imports"
    allowed = [
        statement
        for policy in deployment.of_type("AWS::SQS::QueuePolicy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and statement["Principal"] == {"Service": "s3.amazonaws.com"}
    ]
    (statement,) = allowed
    assert statement["Action"] == "sqs:SendMessage"
    assert "AWS::AccountId" in str(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
    assert "aws:SourceAccount" in statement["Condition"]["StringEquals"]
