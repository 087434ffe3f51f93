"""Deploying to an AWS account: a thin veil over `cdk deploy`, under a profile that is named each time."""

from __future__ import annotations

import subprocess

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import layer
from local.deploy import CDK, DeployFailed, node_environment
from local.instance import CALLERS_AWS, PROFILE_FILES, ROOT


class NoAccess(Exception):
    """The profile leads to no account."""


def account_of(profile: str, region: str | None) -> tuple[str, str]:
    """The account and Region of a profile. Raises NoAccess."""
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        account: str = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as problem:
        raise NoAccess(
            f"{problem}. Is the profile right, and signed in? Try: aws sts get-caller-identity --profile {profile}"
        ) from problem
    return account, region or session.region_name or "us-east-1"


def deploy(profile: str, account: str, region: str, stage: str) -> None:
    """Build the layers for Lambda, then run `cdk deploy` in the foreground. Raises DeployFailed."""
    layer.build("aws")
    context = ["-c", f"stage={stage}", "-c", f"account={account}", "-c", f"region={region}"]
    command = ["node", str(CDK), "deploy", "--all", "--profile", profile, "--require-approval", "broadening", *context]
    environment = node_environment() | {name: CALLERS_AWS[name] for name in PROFILE_FILES if name in CALLERS_AWS}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise DeployFailed("cdk deploy failed; what it printed above says why")
