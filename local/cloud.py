"""Deploying to an AWS account: a thin veil over `cdk deploy`, under a profile that is named each time."""

from __future__ import annotations

import subprocess

import boto3

from local import layer
from local.deploy import CDK, DeployFailed, node_environment
from local.instance import ROOT


def account_of(profile: str, region: str | None) -> tuple[str, str]:
    """The account and Region of a profile. Raises botocore's errors where it has no credentials."""
    session = boto3.Session(profile_name=profile, region_name=region)
    account: str = session.client("sts").get_caller_identity()["Account"]
    return account, region or session.region_name or "us-east-1"


def deploy(profile: str, account: str, region: str, stage: str) -> None:
    """Build the layers for Lambda, then run `cdk deploy` in the foreground. Raises DeployFailed."""
    layer.build("aws")
    context = ["-c", f"stage={stage}", "-c", f"account={account}", "-c", f"region={region}"]
    command = ["node", str(CDK), "deploy", "--all", "--profile", profile, "--require-approval", "broadening", *context]
    if subprocess.run(command, cwd=ROOT, env=node_environment(), check=False).returncode:
        raise DeployFailed("cdk deploy failed; what it printed above says why")
