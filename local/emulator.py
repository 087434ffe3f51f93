"""The AWS emulator of an instance: MiniStack, on the loopback address, with IAM enforced and its state kept."""

from __future__ import annotations

import os

from local.instance import ROOT, Instance
from local.processes import Process


def emulator(instance: Instance) -> Process:
    """The emulator's process."""
    port = instance.ports["emulator"]
    return Process(
        "the AWS emulator",
        port,
        instance.home / "run" / "emulator.json",
        instance.logs / "emulator.log",
        f"http://127.0.0.1:{port}/_ministack/health",
    )


def start(instance: Instance) -> bool:
    """Start it; False where it runs already. Raises PortTaken, DidNotStart."""
    state = instance.state / "emulator"
    temporary = instance.home / "tmp"
    for folder in (state, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    # Lambdas inherit the emulator's environment: it gets what it needs, and nothing of the caller's.
    environment = {
        "PATH": f"{ROOT}/.local/emulator/bin:{os.defpath}",
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(instance.ports["emulator"]),
        "IOT_MTLS_ENABLED": "0",
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state),
        "LAMBDA_ACCOUNT_CONCURRENCY": "120",
        "LAMBDA_WARM_TTL_SECONDS": "900",
        "MINISTACK_WORKER_THREADS": "128",
        "LOG_LEVEL": "WARNING",
    }
    return emulator(instance).start([str(ROOT / ".local" / "emulator" / "bin" / "ministack")], environment)


def stop(instance: Instance) -> bool:
    """Stop it gracefully, so that its state is kept; False where it was not running."""
    return emulator(instance).stop()
