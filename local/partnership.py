"""Starts and stops the partner simulators of an instance, each with credentials of its own."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from local.aws import client
from local.instance import PARTNERS, ROOT, Instance
from local.partners.config import Config
from local.processes import Process
from local.tokens import secret_of

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENTS = {"payment": "PaymentProvider", "warehouse": "Warehouse", "carrier": "Carrier", "bidders": "Bidders"}
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
    """Start every partner that is not running as it should; False where all were. Raises PortTaken, DidNotStart."""
    keys = _keys(instance, outputs)
    return sum([_start(instance, partner, api_url, speed, keys) for partner in PARTNERS]) > 0


def _start(instance: Instance, partner: str, api_url: str, speed: float, keys: Mapping[str, str]) -> bool:
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
        aws_endpoint=instance.endpoint,
        bidders_queue=keys["bidders_queue"],
    )
    file, text = instance.home / "run" / f"{partner}-config.json", json.dumps(asdict(config))
    ours = process(instance, partner)
    if ours.running() and file.exists() and file.read_text() != text:
        # A hub that was deployed anew has other clients and keys than the one that this partner knows.
        ours.stop()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **instance.aws_environment()}
    command = [str(ROOT / ".venv" / "bin" / "python"), "-m", f"local.partners.{partner}", "--config", str(file)]
    return ours.start(command, environment)


def stop(instance: Instance) -> bool:
    """Stop every partner that runs; False where none did."""
    return sum(process(instance, partner).stop() for partner in PARTNERS) > 0


def _keys(instance: Instance, outputs: Mapping[str, str]) -> dict[str, str]:
    """The keys that hub and partners share, from the hub's secrets; and the queue from which bidders are called."""
    manager = client(instance, "secretsmanager")
    keys = {name: manager.get_secret_value(SecretId=outputs[output])["SecretString"] for name, output in SECRETS.items()}
    return {**keys, "bidders_queue": outputs["BiddersQueue"]}
