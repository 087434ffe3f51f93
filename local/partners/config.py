"""What a partner simulator is told at its start."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Config:
    """A simulator's settings; `speed` divides every duration of the simulated world."""

    port: int
    hub_url: str
    token_url: str
    client_id: str
    client_secret: str
    api_key: str
    webhook_secret: str
    state_file: str
    speed: float
    carrier_url: str
    aws_endpoint: str = ""
    bidders_queue: str = ""


def from_arguments() -> Config:
    """The settings in the file that `--config` names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    return Config(**json.loads(parser.parse_args().config.read_text()))
