"""A hub of the tests' own: an instance beside any that runs, with its own ports and state."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from local import lifecycle
from local.api_client import Hub
from local.demo import order_body
from local.instance import Instance

SPEED = 4.0
"""How much faster than its own clock the simulated world runs in tests."""
PATIENCE_S = 90.0
ENDED = ("completed", "cancelled", "rejected")
T = TypeVar("T")


@contextmanager
def running(name: str, **settings: str) -> Iterator[Instance]:
    """A fresh instance with these settings of the stage, gone afterwards; one for each worker where tests run in several."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    name = f"{name}-{worker}" if worker else name
    lifecycle.forget(Instance(name))
    instance = Instance(name)  # its ports are chosen after those of an earlier run are forgotten, and kept on disk
    try:
        lifecycle.up(instance, settings, SPEED)
        yield instance
    finally:
        lifecycle.forget(instance)


def place(hub: Hub, lines: list[tuple[str, int]], token: str = "tok_ok", **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = hub.call("POST", "/v1/orders", {**order_body(lines, token), **changes})
    return found


def fresh_stock(hub: Hub, units: int, prefix: str = "TEST") -> str:
    """A SKU that only this test knows, at the eastern warehouse."""
    sku = f"{prefix}-{uuid.uuid4().hex[:10]}"
    hub.call(
        "POST",
        "/v1/inventory/movements",
        {"movements": [{"sku": sku, "node_id": "wh-east", "type": "received", "quantity": units, "reference": "test"}]},
    )
    return sku


def stock(hub: Hub, sku: str) -> dict[str, int]:
    found = hub.call("GET", f"/v1/inventory/{sku}")
    return {name: sum(node[name] for node in found["nodes"]) for name in ("on_hand", "allocated", "reserved", "available")}


def books(instance: Instance, order_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{instance.url('payment')}/books", params={"order_id": order_id}, timeout=10).json()[
        "items"
    ]
    return found


def at_once(call: Callable[[int], T], count: int, threads: int = 8) -> list[T]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, range(count)))


def until(found: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T:
    """Look until there is something. Raises TookTooLong."""
    import time

    from local.api_client import TookTooLong

    end = time.monotonic() + patience_s
    while True:
        something = found()
        if something:
            return something
        if time.monotonic() > end:
            raise TookTooLong("what was waited for did not come")
        time.sleep(0.2)


def documents(hub: Hub, order_id: str) -> dict[str, int]:
    """What an order's invoices and credit notes come to."""
    items = hub.call("GET", f"/v1/orders/{order_id}/invoices")["items"]
    return {
        kind: sum(item["totals"]["gross"]["amount"] for item in items if item["kind"] == kind)
        for kind in ("invoice", "credit_note")
    }


def documents_equal_the_ledger(hub: Hub, instance: Instance, order_id: str, patience_s: float = PATIENCE_S) -> None:
    """Σ invoices = captured and Σ credit notes = refunded, to the cent, once the documents have followed the money."""

    def equal() -> bool:
        kept = books(instance, order_id)
        moved = {"invoice": sum(b["captured"] for b in kept), "credit_note": sum(b["refunded"] for b in kept)}
        return documents(hub, order_id) == moved

    until(equal, patience_s)
