"""Loads nodes and stock through the public API: what the demo and a newcomer's first orders need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.api_client import Hub

NODES: dict[str, dict[str, object]] = {
    "wh-east": {
        "name": "Eastern warehouse",
        "kind": "warehouse",
        "location": {"lat": 40.7, "lon": -74.0},
        "capabilities": ["ship"],
        "cost_rank": 10,
    },
    "wh-west": {
        "name": "Western warehouse",
        "kind": "warehouse",
        "location": {"lat": 37.8, "lon": -122.4},
        "capabilities": ["ship"],
        "cost_rank": 20,
    },
    "store-main": {
        "name": "Main Street store",
        "kind": "store",
        "location": {"lat": 41.9, "lon": -87.6},
        "capabilities": ["ship", "pickup"],
        "cost_rank": 30,
    },
}
ORDINARY = [f"SKU-{number}" for number in range(1, 31)]
SPECIAL = ["SHORT-1", "SLOWPICK-1", "LOST-1"]
"""SKUs with which the warehouse and carrier simulators behave badly on purpose."""
STOCKED = ("wh-east", "wh-west")
UNITS = 1000


def seed(hub: Hub) -> bool:
    """Load nodes and stock, unless they are there; whether there was anything to do. Raises Refused."""
    known = {node["node_id"] for node in hub.call("GET", "/v1/nodes")["items"]}
    # The last thing that is loaded tells whether all was.
    if set(NODES) <= known and any(
        node["node_id"] == STOCKED[-1] for node in hub.call("GET", f"/v1/inventory/{SPECIAL[-1]}")["nodes"]
    ):
        return False
    for node_id, node in NODES.items():
        hub.call("PUT", f"/v1/nodes/{node_id}", node)
    movements = [
        {"sku": sku, "node_id": node_id, "type": "received", "quantity": UNITS, "reference": "first stock"}
        for node_id in STOCKED
        for sku in (*ORDINARY, *SPECIAL)
    ]
    hub.call("POST", "/v1/inventory/movements", {"movements": movements}, key="first-stock")
    return True
