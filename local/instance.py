"""A named instance of the hub on this machine: where its files are, which ports it has, how its clients reach it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parent.parent
DEFAULT_PORTS: Final = {"emulator": 4566, "payment": 4571, "warehouse": 4572, "carrier": 4573, "bidders": 4574}
PARTNERS: Final = ("payment", "warehouse", "carrier", "bidders")
REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
CALLERS_AWS: Final = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
"""The caller's own AWS settings, as they were before the command line put the emulator's in their place."""
PROFILE_FILES: Final = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE")
"""Where a profile is looked up; no other AWS setting of the caller's may lead a deployment elsewhere."""


class PortTaken(Exception):
    """Somebody else listens where the hub has to."""


@dataclass(frozen=True)
class Instance:
    """An instance; `default` lives in .local, others beside it and on ports of their own."""

    name: str

    @property
    def home(self) -> Path:
        """Where its state, logs and process ids are."""
        return ROOT / ".local" if self.name == "default" else ROOT / ".local" / "instances" / self.name

    @property
    def logs(self) -> Path:
        """Where its processes write."""
        return self.home / "logs"

    @property
    def state(self) -> Path:
        """What survives a stop."""
        return self.home / "state"

    @property
    def hub_file(self) -> Path:
        """What outside clients read to find the hub."""
        return self.home / "hub.json"

    @cached_property
    def ports(self) -> Mapping[str, int]:
        """Its ports by process; those of an instance beside the default one are chosen once, and kept."""
        if self.name == "default":
            return DEFAULT_PORTS
        kept = self.home / "ports.json"
        found: dict[str, int] = json.loads(kept.read_text()) if kept.exists() else {}
        if missing := [name for name in DEFAULT_PORTS if name not in found]:
            kept.parent.mkdir(parents=True, exist_ok=True)
            found |= _free_ports(missing)
            kept.write_text(json.dumps(found))
        return found

    @property
    def endpoint(self) -> str:
        """The emulator's AWS endpoint."""
        return f"http://localhost:{self.ports['emulator']}"

    def url(self, partner: str) -> str:
        """Where a partner simulator listens."""
        return f"http://127.0.0.1:{self.ports[partner]}"

    def aws_environment(self) -> dict[str, str]:
        """The environment of every AWS client of this instance: the emulator, and nobody's credentials."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


def listens(port: int) -> bool:
    """Whether anybody listens on the loopback address at this port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(names: list[str]) -> dict[str, int]:
    sockets = {name: socket.socket() for name in names}
    try:
        for one in sockets.values():
            one.bind(("127.0.0.1", 0))
        return {name: int(one.getsockname()[1]) for name, one in sockets.items()}
    finally:
        for one in sockets.values():
            one.close()
