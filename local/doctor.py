"""Finds what is wrong with this machine or clone, and says what puts it right."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local import deploy, emulator, locks, partnership
from local.console import console
from local.instance import CALLERS_AWS, PARTNERS, ROOT, Instance, listens

if TYPE_CHECKING:
    from collections.abc import Iterator

CDK_VERSION = "2.1148.1"
NODE_MAJOR = "24"
FREE_GB = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at; `remedy` says what to do where it is not right."""

    what: str
    right: bool
    remedy: str = ""


def run(instance: Instance) -> bool:
    """Print all findings; whether all is right."""
    findings = list(look(instance))
    for finding in findings:
        console.print(f"  {'[green]✓[/]' if finding.right else '[red]✗[/]'} {finding.what}")
        if not finding.right:
            console.print(f"      {finding.remedy}", soft_wrap=True)
    return all(finding.right for finding in findings)


def look(instance: Instance) -> Iterator[Finding]:
    """Everything that is worth looking at."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    yield Finding(f"Python {version}", sys.version_info >= (3, 11), "Use Python 3.11 or newer: make PYTHON=python3.11 up")
    for tool in ("git", "make"):
        yield Finding(tool, shutil.which(tool) is not None, f"Install {tool} with the system's package manager.")
    node = _version(["node", "--version"])
    yield Finding(
        f"Node {node or 'missing'}", node.startswith(f"v{NODE_MAJOR}."), "Run `make up`: it brings its own Node, from .venv."
    )
    cdk = _version(["node", str(deploy.CDK), "--version"])
    yield Finding(
        f"CDK command line {cdk or 'missing'}",
        cdk.startswith(CDK_VERSION),
        "Remove node_modules and run `make up`: it installs the pinned one.",
    )
    free = shutil.disk_usage(ROOT).free / 1e9
    yield Finding(f"{free:.0f} GB free", free >= FREE_GB, f"Free some disk: {FREE_GB} GB are needed.")
    for process in (emulator.emulator(instance), *(partnership.process(instance, partner) for partner in PARTNERS)):
        free_for_us = process.running() or not listens(process.port)
        remedy = (
            f"Stop what listens there (`ss -ltnp 'sport = :{process.port}'` names it), or use another: orderhub --instance NAME up"
        )
        yield Finding(f"port {process.port} for {process.name}", free_for_us, remedy)
    real = sorted(name for name in CALLERS_AWS if name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"))
    test = CALLERS_AWS.get("AWS_ACCESS_KEY_ID") == "test" and "AWS_PROFILE" not in CALLERS_AWS
    yield Finding(
        f"AWS credentials in the environment: {', '.join(real) or 'none'}",
        not real or test,
        "No command but `deploy` looks at them, and it asks first; unset them to be sure.",
    )
    drift = locks.problems()
    yield Finding("lock files in step", not drift, "; ".join(drift) + ". Compile them anew: make lock")


def _version(command: list[str]) -> str:
    try:
        done = subprocess.run(command, env=deploy.node_environment(), capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
