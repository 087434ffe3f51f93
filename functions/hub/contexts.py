"""All contexts' event contracts, declared by importing them: who reads every stream has to know every event."""

import importlib

_WITH_EVENTS = ("orders", "payments", "fulfilment", "inventory", "remediation", "webhooks")


def declare() -> None:
    """Declare every context's events; safe to call again."""
    for context in _WITH_EVENTS:
        importlib.import_module(f"{context}.events")
