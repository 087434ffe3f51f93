"""The state graph counts what orders of a channel did."""

from __future__ import annotations

from typing import Any

from local.api_client import Hub
from tests.system import ENDED, PATIENCE_S, fresh_stock, place, until


def test_every_edge_that_orders_took_is_counted_with_its_dwell_and_lag(hub: Hub) -> None:
    sku = fresh_stock(hub, 5)
    good = [place(hub, [(sku, 1)], channel="flow-test")["id"] for _ in range(3)]
    declined = place(hub, [(sku, 1)], "tok_declined", channel="flow-test")["id"]
    for order_id in (*good, declined):
        hub.until(order_id, ENDED, PATIENCE_S)

    def counted() -> dict[tuple[str, str], dict[str, Any]] | None:
        edges = {(e["before"], e["after"]): e for e in hub.call("GET", "/v1/insights/flow?channel=flow-test")["edges"]}
        return edges if edges.get(("delivered", "completed"), {}).get("count") == 3 else None

    edges = until(counted)
    assert edges["new", "received"]["count"] == 4
    assert edges["received", "rejected"]["count"] == 1
    assert edges["released", "shipped"]["dwell_ms"]["count"] == 3
    assert edges["released", "shipped"]["lag_ms"]["p99"] > 0
    assert edges["new", "received"]["dwell_ms"] is None
