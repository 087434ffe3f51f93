"""Runs last: whatever the other tests left, the projections are the same after they were dropped and made from the events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local import rebuilding
from local.api_client import Hub
from local.aws import client
from local.hubfile import read
from local.instance import Instance
from tests.system import ENDED, PATIENCE_S, fresh_stock, place, until

Item = dict[str, Any]
OWNED = ("INCIDENT", "APPROVAL")


def dump(instance: Instance) -> dict[tuple[str, str], Item]:
    """Every item of every projection."""
    pages = (
        client(instance, "dynamodb").get_paginator("scan").paginate(TableName=read(instance)["views_table"], ConsistentRead=True)
    )
    found = ((item["pk"]["S"], item["sk"]["S"], item) for page in pages for item in page["Items"])
    return {(pk, sk): item for pk, sk, item in found if sk == "BOARD" or pk in OWNED}


def versions(item: Item) -> dict[str, str]:
    return {name: value["N"] for name, value in item.items() if name.endswith("version")}


def test_projections_that_are_dropped_and_made_again_are_the_same_while_orders_come_in(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 20)
    first = [place(hub, [(sku, 1)])["id"] for _ in range(3)]
    for order_id in first:
        hub.until(order_id, ENDED, PATIENCE_S)
    until(lambda: all(shown(instance, order_id) in ENDED for order_id in first))
    before = dump(instance)
    parts: list[tuple[str, int, bool]] = []
    with ThreadPoolExecutor(1) as meanwhile:
        placing = meanwhile.submit(lambda: [place(hub, [(sku, 1)])["id"] for _ in range(6)])
        counts = rebuilding.run(instance, [], 4, lambda *part: parts.append(part))
        placed = placing.result()
    for order_id in placed:
        hub.until(order_id, ENDED, PATIENCE_S)
    until(lambda: all(shown(instance, order_id) in ENDED for order_id in placed))
    after = dump(instance)
    assert counts["drop"] >= len(before) > 0
    assert len([part for part in parts if part[2]]) == 8
    assert set(after) >= set(before)
    assert {order_id for order_id, sk in after if sk == "BOARD"} >= set(placed)
    # What has changed since has a higher version; everything else is as it was, in every field.
    still = {key for key in before if versions(after[key]) == versions(before[key])}
    assert {key: after[key] for key in still} == {key: before[key] for key in still}
    assert still >= {(order_id, "BOARD") for order_id in first}


def shown(instance: Instance, order_id: str) -> str:
    key = {"pk": {"S": order_id}, "sk": {"S": "BOARD"}}
    item = client(instance, "dynamodb").get_item(TableName=read(instance)["views_table"], Key=key).get("Item", {})
    return str(item.get("status", {"S": ""})["S"])
