"""Documents are private: encrypted, versioned, never public, and only over TLS where there is TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.infrastructure.deployment import Deployment, Resource


def _documents(deployment: Deployment) -> Resource:
    (found,) = [b for b in deployment.of_type("AWS::S3::Bucket") if "NotificationConfiguration" not in b.properties]
    return found


def test_documents_are_encrypted_versioned_and_never_public(deployment: Deployment) -> None:
    bucket = _documents(deployment)
    assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket.body["DeletionPolicy"] == ("Retain" if deployment.stage == "prod" else "Delete")


def test_old_documents_are_kept_where_keeping_is_cheap(deployment: Deployment) -> None:
    bucket = _documents(deployment)
    (rule,) = bucket.properties["LifecycleConfiguration"]["Rules"]
    assert [moved["StorageClass"] for moved in rule["Transitions"]] == ["STANDARD_IA"]
    assert "ExpirationInDays" not in rule


def test_on_aws_documents_travel_over_tls_only(deployments: dict[str, Deployment]) -> None:
    for stage, deployment in deployments.items():
        statements = [s for p in deployment.of_type("AWS::S3::BucketPolicy") for s in p.properties["PolicyDocument"]["Statement"]]
        denied = [s for s in statements if s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}]
        assert bool(denied) is (stage != "local")
