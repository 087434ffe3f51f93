"""Stock on the deployed stacks, with IAM enforced: a small flash sale, a till, and a policy that says when it is low."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from benchmarks.flash_sale import hold
from benchmarks.pos_visibility import watch
from benchmarks.stock_books import store_of
from inventory.spreading import Spreading
from kernel.clock import SystemClock, rfc3339
from local.api_client import Hub
from local.instance import Instance
from tests.system import fresh_stock, until


def test_a_flash_sale_sells_every_unit_once(instance: Instance) -> None:
    sale = hold(instance, orders=120, units=60, clients=16)
    assert sale.outcomes == {"reserved": 60, "out_of_stock": 60}


def test_a_sale_at_the_till_is_never_missed_by_a_question_put_after_it(instance: Instance) -> None:
    assert watch(instance, 15).missed == 0


def test_spread_stock_is_sold_counted_fed_and_told_of_by_the_deployed_functions(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 64)
    hub.call("PUT", f"/v1/inventory/{sku}/nodes/wh-east", {"safety": 4, "low_threshold": 30, "buffers": {"marketplace": 20}})
    Spreading(store_of(instance), SystemClock()).widen(sku, "wh-east")
    assert hub.call("GET", f"/v1/inventory/{sku}")["available"] == 60
    assert hub.call("GET", f"/v1/inventory/{sku}?channel=marketplace")["available"] == 40
    row = {"sku": sku, "node_id": "wh-east", "quantity": 35, "reference": "test"}
    hub.call("POST", "/v1/inventory/movements", {"movements": [{**row, "type": "sold", "channel": "pos"}]})

    def types() -> set[str]:
        page = hub.call("GET", f"/v1/inventory/{sku}/movements?node_id=wh-east&limit=200")
        return {item["type"] for item in page["items"]}

    until(lambda: "low" in types())
    feed = {"source": "erp", "as_of": rfc3339(datetime.now(UTC)), "rows": [{"sku": sku, "node_id": "wh-east", "on_hand": 50}]}
    key = uuid.uuid4().hex
    answers = [hub.send("POST", "/v1/inventory/feeds", feed, key) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"applied": 1, "stale_rows": []}] * 2
    assert hub.call("GET", f"/v1/inventory/{sku}")["available"] == 46
    until(lambda: "recovered" in types())
