"""AWS clients, one of each for the life of the process.

Endpoints come from the SDK's own setting (`AWS_ENDPOINT_URL`), so the same code runs against AWS, MiniStack or
any LocalStack-compatible endpoint.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

_PATIENT = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})


@lru_cache(maxsize=1)
def dynamodb() -> DynamoDBClient:
    """DynamoDB, with the SDK's retries for throttling."""
    return boto3.client("dynamodb", config=_PATIENT)


@lru_cache(maxsize=1)
def events() -> EventBridgeClient:
    """EventBridge, patient: for the relay, which must not lose an event."""
    return boto3.client("events", config=_PATIENT)


@lru_cache(maxsize=4)
def hasty_events(budget_ms: int) -> EventBridgeClient:
    """EventBridge for the fast lane: one try within the budget, since the stream's relay is behind it."""
    seconds = budget_ms / 1000
    config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"mode": "standard", "max_attempts": 1})
    return boto3.client("events", config=config)


@lru_cache(maxsize=1)
def kms() -> KMSClient:
    """Key Management Service."""
    return boto3.client("kms", config=_PATIENT)


@lru_cache(maxsize=1)
def secrets() -> SecretsManagerClient:
    """Secrets Manager."""
    return boto3.client("secretsmanager", config=_PATIENT)


@lru_cache(maxsize=1)
def sqs() -> SQSClient:
    """Simple Queue Service."""
    return boto3.client("sqs", config=_PATIENT)


@lru_cache(maxsize=1)
def step_functions() -> SFNClient:
    """Step Functions."""
    return boto3.client("stepfunctions", config=_PATIENT)


@lru_cache(maxsize=1)
def bedrock() -> BedrockRuntimeClient:
    """Bedrock's runtime; a model may think for a while."""
    config = Config(connect_timeout=2, read_timeout=60, retries={"mode": "standard", "max_attempts": 2})
    return boto3.client("bedrock-runtime", config=config)


@lru_cache(maxsize=4)
def websocket(api_id: str, stage: str, region: str) -> ApiGatewayManagementApiClient:
    """The connections of a WebSocket API, which has an endpoint of its own; on the emulator, a path of the one there is."""
    emulator = os.environ.get("AWS_ENDPOINT_URL")
    own = f"https://{api_id}.execute-api.{region}.amazonaws.com/{stage}"
    url = f"{emulator}/_aws/execute-api/{api_id}/{stage}" if emulator else own
    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=32)
    return boto3.client("apigatewaymanagementapi", endpoint_url=url, config=config)


@lru_cache(maxsize=1)
def s3() -> S3Client:
    """S3, whose links are signed for its Region (version 4)."""
    return boto3.client("s3", config=_PATIENT.merge(Config(signature_version="s3v4")))


@lru_cache(maxsize=8)
def secret(secret_id: str) -> str:
    """A secret's text, read once for the life of the process: a rotated secret needs new processes."""
    return secrets().get_secret_value(SecretId=secret_id)["SecretString"]
