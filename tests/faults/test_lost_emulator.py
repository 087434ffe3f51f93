"""An emulator that was killed has lost what it did not write: `up` notices, and makes a hub that works."""

from __future__ import annotations

import json
import os
import signal

from local import emulator, lifecycle
from local.api_client import Hub
from tests.system import ENDED, SPEED, fresh_stock, place, running, until


def test_a_hub_whose_emulator_was_killed_is_deployed_anew_and_partners_know_it() -> None:
    with running("test-lost") as instance:
        process = emulator.emulator(instance)
        os.kill(int(json.loads(process.pid_file.read_text())["pid"]), signal.SIGKILL)
        until(lambda: not process.running())
        assert lifecycle.up(instance, {}, SPEED)
        assert not lifecycle.up(instance, {}, SPEED)
        hub = Hub(instance)
        order = hub.until(place(hub, [(fresh_stock(hub, 2), 1)])["id"], ENDED, 120)
        assert (order["status"], order["payment_status"]) == ("completed", "paid")
