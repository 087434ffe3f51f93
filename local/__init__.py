"""The hub on one machine: set-up, emulator, deployment, partner simulators, demo, replay, and the `orderhub` command."""

import sys
from pathlib import Path

# What is deployed is not installed: the tools read contracts and stored events with the very code that runs in Lambda.
_FUNCTIONS = str(Path(__file__).resolve().parent.parent / "functions")
if _FUNCTIONS not in sys.path:
    sys.path.insert(0, _FUNCTIONS)
