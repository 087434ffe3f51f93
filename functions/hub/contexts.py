"""All contexts' event contracts, declared by importing them: who reads every stream has to know every event."""

import importlib

_EVENTS = (
    *("orders.events", "orders.edit_events", "orders.return_events", "payments.events", "fulfilment.events"),
    *(
        "inventory.events",
        "remediation.events",
        "returns.events",
        "invoicing.events",
        "webhooks.events",
        "accuracy.events",
        "auctions.events",
    ),
)


def declare() -> None:
    """Declare every context's events; safe to call again."""
    for module in _EVENTS:
        importlib.import_module(module)
