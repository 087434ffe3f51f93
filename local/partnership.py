"""Starts and stops the partner simulators of an instance, each with credentials of its own."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING

from local.aws import client
from local.instance import PARTNERS, ROOT, Instance
from local.partners.config import Config
from local.processes import Process
from local.tokens import secret_of

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENTS = {"payment": "PaymentProvider", "warehouse": "Warehouse", "carrier": "Carrier"}
SECRETS = {"payment_key": "ProviderKeySecret", "webhook": "ProviderWebhookSecret", "warehouse_key": "WarehouseKeySecret"}


def process(instance: Instance, partner: str) -> Process:
    """A partner's process."""
    port = instance.ports[partner]
    return Process(
        f"the {partner} simulator",
        port,
        instance.home / "run" / f"{partner}.json",
        instance.logs / f"{partner}.log",
        f"http://127.0.0.1:{port}/health",
    )


def start(instance: Instance, outputs: Mapping[str, str], api_url: str, speed: float) -> bool:
    """Start every partner that is not running; False where all were. Raises PortTaken, DidNotStart."""
    if all(process(instance, partner).running() for partner in PARTNERS):
        return False
    keys = _keys(instance, outputs)
    for partner in PARTNERS:
        client_id, client_secret = secret_of(instance, CLIENTS[partner])
        config = Config(
            port=instance.ports[partner],
            hub_url=api_url,
            token_url=f"{instance.endpoint}/oauth2/token",
            client_id=client_id,
            client_secret=client_secret,
            api_key=keys["payment_key"] if partner == "payment" else keys["warehouse_key"],
            webhook_secret=keys["webhook"],
            state_file=str(instance.state / f"{partner}.sqlite"),
            speed=speed,
            carrier_url=instance.url("carrier"),
        )
        file = instance.home / "run" / f"{partner}-config.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(config)))
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        command = [str(ROOT / ".venv" / "bin" / "python"), "-m", f"local.partners.{partner}", "--config", str(file)]
        process(instance, partner).start(command, environment)
    return True


def stop(instance: Instance) -> bool:
    """Stop every partner that runs; False where none did."""
    return sum(process(instance, partner).stop() for partner in PARTNERS) > 0


def _keys(instance: Instance, outputs: Mapping[str, str]) -> dict[str, str]:
    """The keys that hub and partners share: made once, kept in the hub's secrets."""
    manager = client(instance, "secretsmanager")
    kept = instance.state / "partner-keys.json"
    if kept.exists():
        found: dict[str, str] = json.loads(kept.read_text())
        return found
    made = {name: secrets.token_urlsafe(30) for name in SECRETS}
    for name, output in SECRETS.items():
        manager.put_secret_value(SecretId=outputs[output], SecretString=made[name])
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(made))
    return made
