"""Brings an instance up and down: each step does only what is missing, and says so."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from local import deploy, emulator, hubfile, layer, partnership
from local.api_client import Hub
from local.console import step
from local.seed import seed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.instance import Instance


def up(instance: Instance, settings: Mapping[str, str], speed: float) -> bool:
    """Start and deploy what is missing; whether there was anything to do.

    Raises PortTaken, DidNotStart, CannotBuild, DeployFailed, Refused: each with the remedy or the reason.
    """
    changed = []
    with step("Lambda layers") as current:
        current.changed = layer.build("local")
        changed.append(current.changed)
    with step(f"AWS emulator on {instance.endpoint}") as current:
        current.changed = emulator.start(instance)
        changed.append(current.changed)
    with step("stacks, by cdk deploy") as current:
        current.changed = deploy.to_emulator(instance, settings)
        changed.append(current.changed)
    outputs = deploy.outputs(instance)
    description = hubfile.describe(instance, outputs)
    changed.append(hubfile.write(instance, description))
    with step("partner simulators") as current:
        current.changed = partnership.start(instance, outputs, description["api_url"], speed)
        changed.append(current.changed)
    with step("nodes and stock") as current:
        current.changed = seed(Hub(instance))
        changed.append(current.changed)
    return any(changed)


def down(instance: Instance) -> bool:
    """Stop what was started, partners first; False where nothing ran. The state stays."""
    with step("stop the partner simulators") as current:
        partners = current.changed = partnership.stop(instance)
    with step("stop the AWS emulator, which writes its state") as current:
        stopped = current.changed = emulator.stop(instance)
    return partners or stopped


def forget(instance: Instance) -> None:
    """Stop, and forget all state, logs and settings of the instance; the tools' environments stay."""
    down(instance)
    if instance.name != "default":
        shutil.rmtree(instance.home, ignore_errors=True)
        return
    for name in ("state", "run", "tmp", "cdk.out"):
        shutil.rmtree(instance.home / name, ignore_errors=True)
    for name in ("hub.json", "tokens.json"):
        (instance.home / name).unlink(missing_ok=True)
