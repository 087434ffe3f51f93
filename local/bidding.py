"""Makes the simulated warehouses part of the network: nodes, the right to bid for them, and stock in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.hubfile import read
from local.partners.bidders import CITIES, WAREHOUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.api_client import Hub
    from local.instance import Instance

RANK = 50
"""Their cost rank: after the hub's own nodes, so that ordinary orders go on as before."""


def load(hub: Hub, instance: Instance, skus: Sequence[str], units: int, key: str) -> None:
    """Make the nodes, let the operator's client bid for them, and put units of each SKU into each. Raises Refused."""
    known = {node["node_id"] for node in hub.call("GET", "/v1/nodes")["items"]}
    for node_id, (lat, lon) in zip(WAREHOUSES, CITIES, strict=True):
        if node_id not in known:
            place = {"lat": lat, "lon": lon}
            node = {"name": node_id, "kind": "warehouse", "location": place, "capabilities": ["ship"], "cost_rank": RANK}
            hub.call("PUT", f"/v1/nodes/{node_id}", node)
    client_id = read(instance)["clients"]["Bidders"]
    hub.call("PUT", f"/v1/bidders/{client_id}", {"node_ids": list(WAREHOUSES)})
    rows = [
        {"sku": sku, "node_id": node_id, "type": "received", "quantity": units, "reference": "bidding"}
        for sku in skus
        for node_id in WAREHOUSES
    ]
    for start in range(0, len(rows), 480):
        hub.call("POST", "/v1/inventory/movements", {"movements": rows[start : start + 480]}, key=f"{key}-{start}")
